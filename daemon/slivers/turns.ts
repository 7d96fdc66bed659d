/** Work in turns: one piece at a time for a key, and a few at a time over all keys, first come, first served. */
export class Turns {
  readonly #most: number;
  readonly #tails = new Map<string, Promise<unknown>>();
  readonly #waiting: (() => void)[] = [];
  #busy = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Runs `work` after all earlier work of this key; settles as it does. */
  take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const mine = before.then(
      () => this.#admit(work),
      () => this.#admit(work),
    );
    this.#tails.set(key, mine);
    const clear = () => {
      if (this.#tails.get(key) === mine) this.#tails.delete(key);
    };
    mine.then(clear, clear);
    return mine;
  }

  /** Resolves when nothing is under way or waiting. */
  async idle(): Promise<void> {
    while (this.#tails.size > 0) await Promise.allSettled(this.#tails.values());
  }

  async #admit<T>(work: () => Promise<T>): Promise<T> {
    if (this.#busy >= this.#most) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#busy++;
    try {
      return await work();
    } finally {
      this.#busy--;
      this.#waiting.shift()?.();
    }
  }
}
