import { SliverdError } from '../../errors.ts';

/** So long an answer is as good as a new one, for who didn't look himself. */
const FRESH = 1000;

/** Reads that take the node's time, for slices that ask in a loop: one is made in a second, and whoever asks meanwhile has its answer. */
export class Coalesced<T> {
  readonly #answers = new Map<number, { at: number; answer: Promise<T> }>();

  read(id: number, look: () => Promise<T>): Promise<T> {
    const now = performance.now();
    const had = this.#answers.get(id);
    if (had && now - had.at < FRESH) return had.answer;
    for (const [other, { at }] of this.#answers) if (now - at >= FRESH) this.#answers.delete(other);
    const answer = look();
    this.#answers.set(id, { at: now, answer });
    return answer;
  }
}

/** Searches, of which no answer is another's: one of each slice at a time. */
export class OneEach {
  readonly #busy = new Set<string>();

  async run<T>(slice: string, work: () => Promise<T>): Promise<T> {
    if (this.#busy.has(slice))
      throw new SliverdError('busy', `${slice} has a search under way: ask again when it is answered`);
    this.#busy.add(slice);
    try {
      return await work();
    } finally {
      this.#busy.delete(slice);
    }
  }
}
