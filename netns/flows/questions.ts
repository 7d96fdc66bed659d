import { Worker } from 'node:worker_threads';
import type { Answer, Page } from './archive.ts';
import type { Filter } from './filter.ts';

export interface Question {
  readonly id: number;
  readonly folder: string;
  readonly filters: readonly Filter[];
  readonly limit: number;
  readonly page?: Page | undefined;
}

export type Reply =
  | { readonly id: number; readonly answer: Answer }
  | { readonly id: number; readonly error: unknown };

/** How long a thread waits for another question, since it costs memory; somebody who looks for a flow asks several. */
const IDLE = 60_000;

/**
 * Asks for flows in a thread of its own (answerer.ts), one question after another: what the disk or a large table of
 * connections takes holds up nothing else of the daemon.
 */
export class Questions {
  readonly #folder: string;
  readonly #idle: number;
  readonly #waiting = new Map<number, PromiseWithResolvers<Answer>>();
  #last = 0;
  #worker: Worker | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param idle milliseconds after which a thread that isn't asked ends */
  constructor(folder: string, idle = IDLE) {
    this.#folder = folder;
    this.#idle = idle;
  }

  /** @param filters of which one must hold */
  ask(filters: readonly Filter[], limit: number, page?: Page): Promise<Answer> {
    clearTimeout(this.#timer);
    this.#worker ??= this.#begin();
    const id = ++this.#last;
    const waiting = Promise.withResolvers<Answer>();
    this.#waiting.set(id, waiting);
    this.#worker.postMessage({ id, folder: this.#folder, filters, limit, page } satisfies Question);
    return waiting.promise;
  }

  /** What was asked meanwhile fails. */
  close(): void {
    clearTimeout(this.#timer);
    void this.#worker?.terminate();
  }

  #begin(): Worker {
    // In this thread's network namespace, which is the node's.
    const worker = new Worker(new URL('./answerer.ts', import.meta.url));
    worker.unref();
    worker.on('message', (reply: Reply) => {
      const waiting = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if ('error' in reply) waiting?.reject(reply.error);
      else waiting?.resolve(reply.answer);
      if (this.#waiting.size === 0)
        this.#timer = setTimeout(() => void worker.terminate(), this.#idle).unref();
    });
    worker.on('error', (error) => this.#end(worker, error));
    worker.on('exit', () => this.#end(worker, new Error('the thread that looks for flows ended')));
    return worker;
  }

  #end(worker: Worker, error: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
