import { SliverdError } from '../../errors.ts';

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
