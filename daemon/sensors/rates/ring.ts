/** What a sliver's counters said at some time: of CPU time in microseconds, of bytes to and from the world. */
export interface Counters {
  /** Milliseconds, on the monotonic clock. */
  readonly at: number;
  readonly cpu: number;
  readonly up: number;
  readonly down: number;
}

export const MEASURES = ['cpu', 'up', 'down'] as const;
export type Measure = (typeof MEASURES)[number];
const FIELDS = ['at', ...MEASURES] as const;

/** Too short a time tells little. */
const LEAST = 1000;

/** The last samples of a sliver's counters, in a few hundred bytes of their own. */
export class Ring {
  readonly #places: number;
  readonly #values: Float64Array;
  #count = 0;

  constructor(places: number) {
    this.#places = places;
    this.#values = new Float64Array(places * FIELDS.length);
  }

  /** Counters that went back are those of another run: what was before says nothing of it. */
  add(now: Counters): void {
    const last = this.#count > 0 ? this.#at(this.#count - 1) : undefined;
    if (last && MEASURES.some((measure) => now[measure] < last[measure])) this.#count = 0;
    const place = (this.#count++ % this.#places) * FIELDS.length;
    for (const [index, field] of FIELDS.entries()) this.#values[place + index] = now[field];
  }

  /**
   * How much each grew in a second, over the last so many, or as many as are known.
   * @param now what the counters say now
   * @returns undefined where too little is known
   */
  rates(now: Counters, seconds: number): Readonly<Record<Measure, number>> | undefined {
    const oldest = Math.max(0, this.#count - this.#places);
    let then: Counters | undefined;
    for (let number = oldest; number < this.#count; number++) {
      const one = this.#at(number);
      if (then && now.at - one.at < seconds * 1000) break;
      then = one;
    }
    const passed = then ? now.at - then.at : 0;
    if (!then || passed < LEAST || MEASURES.some((measure) => now[measure] < then[measure])) return undefined;
    const rate = (measure: Measure) => ((now[measure] - then[measure]) * 1000) / passed;
    return { cpu: rate('cpu'), up: rate('up'), down: rate('down') };
  }

  #at(number: number): Counters {
    const place = (number % this.#places) * FIELDS.length;
    const [at = 0, cpu = 0, up = 0, down = 0] = this.#values.subarray(place, place + FIELDS.length);
    return { at, cpu, up, down };
  }
}
