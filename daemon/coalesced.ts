/** So long an answer is as good as a new one, for who didn't look himself; milliseconds. */
const FRESH = 1000;

interface Answer<T> {
  /** When the look began, on the monotonic clock. */
  readonly at: number;
  readonly fresh: number;
  readonly answer: Promise<T>;
  pending: boolean;
}

/**
 * Reads that take the node's time, for many who ask: one is made while its answer is fresh, and whoever asks meanwhile has that,
 * or waits for the look that is under way. A look that failed is an answer too, so that what fails isn't tried by each.
 */
export class Coalesced<K, T> {
  readonly #most: number;
  readonly #answers = new Map<K, Answer<T>>();

  /** @param most answers that are kept; the oldest go first */
  constructor(most = Number.POSITIVE_INFINITY) {
    this.#most = most;
  }

  /** @param fresh milliseconds from the beginning of the look */
  read(key: K, look: () => Promise<T>, fresh = FRESH): Promise<T> {
    const now = performance.now();
    const stale = (one: Answer<T>) => !one.pending && now - one.at >= one.fresh;
    const had = this.#answers.get(key);
    if (had && !stale(had)) return had.answer;
    for (const [other, one] of this.#answers) if (stale(one)) this.#answers.delete(other);
    const mine: Answer<T> = { at: now, fresh, answer: look(), pending: true };
    const done = () => {
      mine.pending = false;
    };
    mine.answer.then(done, done);
    this.#answers.set(key, mine);
    for (const [other, one] of this.#answers) {
      if (this.#answers.size <= this.#most) break;
      if (!one.pending) this.#answers.delete(other);
    }
    return mine.answer;
  }

  /** The next who asks looks. */
  forget(key: K): void {
    this.#answers.delete(key);
  }
}
