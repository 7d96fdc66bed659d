interface Waiting {
  readonly again: boolean;
  readonly go: () => void;
}

/**
 * Work in turns: one piece at a time for a key, and a few at a time over all keys, first come, first served. Two rules
 * keep work that gets nowhere from holding up the rest: what is tried again takes half of the turns at most, and only
 * when nothing else waits; and a piece that takes very long gives its turn to the next, since what hangs costs nothing.
 */
export class Turns {
  readonly #most: number;
  readonly #patience: number;
  readonly #tails = new Map<string, Promise<unknown>>();
  readonly #waiting: Waiting[] = [];
  #busy = 0;
  #busyAgain = 0;

  /** @param patience milliseconds for which a piece of work keeps its turn. */
  constructor(most: number, patience: number) {
    this.#most = most;
    this.#patience = patience;
  }

  /**
   * Runs `work` after all earlier work of this key; settles as it does.
   * @param again it failed the last time.
   */
  take<T>(key: string, work: () => Promise<T>, again = false): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const mine = before.then(
      () => this.#admit(work, again),
      () => this.#admit(work, again),
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

  async #admit<T>(work: () => Promise<T>, again: boolean): Promise<T> {
    await new Promise<void>((go) => {
      this.#waiting.push({ again, go });
      this.#next();
    });
    let held = true;
    const give = () => {
      if (!held) return;
      held = false;
      this.#count(again, -1);
      this.#next();
    };
    const impatient = setTimeout(give, this.#patience).unref();
    try {
      return await work();
    } finally {
      clearTimeout(impatient);
      give();
    }
  }

  #next(): void {
    while (this.#busy < this.#most) {
      const fresh = this.#waiting.findIndex(({ again }) => !again);
      const at = fresh >= 0 || this.#busyAgain >= this.#most / 2 ? fresh : 0;
      const [first] = at < 0 ? [] : this.#waiting.splice(at, 1);
      if (!first) return;
      this.#count(first.again, 1);
      first.go();
    }
  }

  #count(again: boolean, by: 1 | -1): void {
    this.#busy += by;
    if (again) this.#busyAgain += by;
  }
}
