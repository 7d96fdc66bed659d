// The thread that answers questions about flows (questions.ts).
import { parentPort } from 'node:worker_threads';
import { findFlows } from './archive.ts';
import type { Question, Reply } from './questions.ts';

parentPort?.on('message', ({ id, folder, filters, limit, page }: Question) => {
  parentPort?.postMessage(answer(id, () => findFlows(folder, filters, limit, page)));
});

function answer(id: number, find: () => ReturnType<typeof findFlows>): Reply {
  try {
    return { id, answer: find() };
  } catch (error) {
    return { id, error };
  }
}
