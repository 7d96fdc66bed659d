const DAY = 86_400_000;

/** The day that is accounted for. It begins at midnight (UTC), and no day begins twice, whatever is done to the clock. */
export interface Day {
  /** Days since 1970 as the clock said when it began. */
  readonly number: number;
  /** Goes up with each; two days never have the same. */
  readonly serial: number;
  /** Milliseconds that passed in it, on a clock that nobody sets. */
  readonly lasted: number;
}

/** What time it is, both ways. */
export interface Clock {
  /** Milliseconds since 1970; somebody may set it. */
  wall(): number;
  /** Milliseconds that passed since some time. */
  passed(): number;
}
export const CLOCK: Clock = { wall: () => Date.now(), passed: () => performance.now() };

export const firstDay = (wall: number): Day => ({ number: numberOf(wall), serial: 1, lasted: 0 });

/**
 * The day that it is, so much later. A clock that goes back past midnight begins no day: the present one goes on until its
 * midnight comes again. If that is far away, since the clock was wrong before, it ends when it has lasted a day.
 */
export function dayAfter(day: Day, wall: number, passed: number): Day {
  const number = numberOf(wall);
  const lasted = day.lasted + passed;
  const over = number > day.number || (number < day.number && lasted >= DAY);
  return over ? { number, serial: day.serial + 1, lasted: 0 } : { ...day, lasted };
}

/** Milliseconds until it ends. */
export function leftOf(day: Day, wall: number): number {
  const byClock = (day.number + 1) * DAY - wall;
  return numberOf(wall) < day.number ? Math.min(byClock, Math.max(DAY - day.lasted, 0)) : byClock;
}

const numberOf = (wall: number) => Math.floor(wall / DAY);
