import type { Logger } from 'pino';

type Look = () => Promise<void>;

/** Has looks one at a time, in the order in which they were called for; those that failed can be had again. */
export class Looks {
  readonly #log: Logger;
  readonly #failed = new Set<Look>();
  #work = Promise.resolve();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Settles when this look has been had, well or not. */
  have(look: Look): Promise<void> {
    this.#work = this.#work.then(look).catch((err) => {
      this.#failed.add(look);
      this.#log.debug({ err }, "looking after the node's network");
    });
    return this.#work;
  }

  haveFailedAgain(): void {
    for (const look of [...this.#failed]) if (this.#failed.delete(look)) void this.have(look);
  }

  /** Settles when nobody looks any more. */
  get settled(): Promise<void> {
    return this.#work;
  }
}
