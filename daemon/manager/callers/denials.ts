import type { EventLog } from '../../events/log.ts';

/** A slice that goes on is told again after so long: whoever asks in a loop would push all else out of the log. */
const QUIET = 600_000;

/** Denied requests as events, one for each slice and rule in ten minutes, with how many there were. */
export class Denials {
  readonly #events: EventLog;
  readonly #counts = new Map<string, { denied: number; told: number }>();

  constructor(events: EventLog) {
    this.#events = events;
    events.listen(({ type, subject }) => {
      if (type === 'sliver.deleted') this.#forget(subject);
    });
  }

  /** @param rule as the table of rights has it: there are few, so that this stays small. */
  count(slice: string, rule: string): void {
    const key = `${slice} ${rule}`;
    const now = performance.now();
    const count = this.#counts.get(key) ?? { denied: 0, told: Number.NEGATIVE_INFINITY };
    this.#counts.set(key, count);
    count.denied++;
    if (now - count.told < QUIET) return;
    this.#events.record('manager.denied', slice, { rule, denied: count.denied });
    Object.assign(count, { denied: 0, told: now });
  }

  #forget(slice: string): void {
    for (const key of this.#counts.keys()) if (key.startsWith(`${slice} `)) this.#counts.delete(key);
  }
}
