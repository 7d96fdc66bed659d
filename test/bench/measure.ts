import { timed } from './statistics.ts';
import type { Subject } from './subjects/subject.ts';

export const OPERATIONS = ['create', 'exec', 'reset', 'delete'] as const;
export type Operation = (typeof OPERATIONS)[number];
/** Milliseconds, by subject and operation. */
export type Samples = Map<string, Record<Operation, number[]>>;

/** Of each round, an exec is short enough to be taken more than once. */
const EXECS = 3;

export interface RoundsOptions {
  readonly only: readonly Operation[];
  readonly rounds: number;
  /** The first of the ids that are made; one for each round. */
  readonly firstId: number;
  say(text: string): void;
}

/**
 * Every operation of every subject in turn, one of each, again and again: what else the machine does meanwhile hits
 * all of them alike. The first round is thrown away.
 */
export async function measureRounds(subjects: readonly Subject[], options: RoundsOptions): Promise<Samples> {
  const samples: Samples = new Map(
    subjects.map(({ name }) => [name, { create: [], exec: [], reset: [], delete: [] }]),
  );
  for (let round = 0; round <= options.rounds; round++) {
    options.say(`round ${round} of ${options.rounds}`);
    const id = options.firstId + round;
    const each = async (operation: Operation, work: (subject: Subject) => Promise<number>) => {
      // Whoever comes second finds caches warm: so the order turns.
      const turn = round % subjects.length;
      for (const subject of [...subjects.slice(turn), ...subjects.slice(0, turn)]) {
        const took = await work(subject);
        if (round > 0) samples.get(subject.name)?.[operation].push(took);
      }
    };
    await each('create', async (subject) => {
      await subject.prepare?.(id);
      return timed(() => subject.create(id));
    });
    if (options.only.includes('exec'))
      for (let again = 0; again < EXECS; again++)
        await each('exec', (subject) => timed(() => subject.exec(id)));
    if (options.only.includes('reset')) await each('reset', (subject) => reset(subject, id));
    await each('delete', async (subject) => {
      const took = await timed(() => subject.remove(id));
      await subject.clear?.(id);
      return took;
    });
  }
  return samples;
}

async function reset(subject: Subject, id: number): Promise<number> {
  if (subject.reset) return timed(() => subject.reset?.(id) ?? Promise.resolve());
  const removed = await timed(() => subject.remove(id));
  await subject.clear?.(id);
  await subject.prepare?.(id);
  return removed + (await timed(() => subject.create(id)));
}

/** Makes containers that stay, and returns what takes them away again. */
export async function fill(
  subjects: readonly Subject[],
  ids: readonly number[],
): Promise<() => Promise<void>> {
  for (const id of ids)
    for (const subject of subjects) {
      await subject.prepare?.(id);
      await subject.create(id);
    }
  return async () => {
    for (const id of ids)
      for (const subject of subjects) {
        await subject.remove(id);
        await subject.clear?.(id);
      }
  };
}
