import { SliverdError } from '../../errors.ts';

/**
 * How often each slice may have the disk written to and an event kept: so many at once, and then one for each pause. Whoever holds a port and
 * lets it go in a loop would push all other events out, and wait for the disk in everybody's stead.
 */
export class Allowance {
  readonly #most: number;
  readonly #pause: number;
  /** Until when each has used up what passes with time. */
  readonly #until = new Map<string, number>();

  /** @param pause milliseconds */
  constructor(most: number, pause: number) {
    this.#most = most;
    this.#pause = pause;
  }

  /** Throws `busy` when it is used up. @param slice null: the administrator, who may change as often as he likes */
  take(slice: string | null): void {
    if (slice === null) return;
    const now = performance.now();
    const until = Math.max(this.#until.get(slice) ?? now, now) + this.#pause;
    if (until > now + this.#most * this.#pause)
      throw new SliverdError(
        'busy',
        `${slice} changed this too often: try again in ${Math.ceil(this.#pause / 1000)} s`,
      );
    // Whoever has all of it again needn't be remembered.
    for (const [name, time] of this.#until) if (time < now) this.#until.delete(name);
    this.#until.set(slice, until);
  }
}
