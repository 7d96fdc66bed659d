/** So many events of a slice at once, and then one in so many milliseconds. */
const AT_ONCE = 60;
const ONE_EACH = 60_000;

/** Who logs in all the time must not push what happened to others out of the events that are kept. */
export class Allowance {
  readonly #slices = new Map<string, { left: number; since: number; untold: number }>();

  /** Whether one more may be told; if so, how many weren't since the last one. */
  take(slice: string, now = performance.now()): { untold: number } | undefined {
    const had = this.#slices.get(slice) ?? { left: AT_ONCE, since: now, untold: 0 };
    const left = Math.min(AT_ONCE, had.left + (now - had.since) / ONE_EACH);
    const told = left >= 1;
    this.#slices.set(slice, {
      left: told ? left - 1 : left,
      since: now,
      untold: told ? 0 : had.untold + 1,
    });
    return told ? { untold: had.untold } : undefined;
  }

  forget(slice: string): void {
    this.#slices.delete(slice);
  }
}
