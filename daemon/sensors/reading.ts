import { SliverdError } from '../errors.ts';
import { textOf, toCsv } from './csv.ts';
import type { Row, Sensor, Tuples } from './sensor.ts';

/** Columns by which rows are picked, and the texts of which one must be there. */
export type Filters = Readonly<Record<string, readonly string[]>>;

/** What a sensor had when it was read: rendered once for all who want the whole of it. */
export class Reading {
  readonly #sensor: Sensor;
  readonly tuples: Tuples;
  /** When the reading began. */
  readonly time: Date;
  readonly #at: number;
  readonly #whole = new Map<string, Buffer>();

  private constructor(sensor: Sensor, tuples: Tuples, time: Date, at: number) {
    this.#sensor = sensor;
    this.tuples = tuples;
    this.time = time;
    this.#at = at;
  }

  static async of(sensor: Sensor): Promise<Reading> {
    const [time, at] = [new Date(), performance.now()];
    return new Reading(sensor, await sensor.read(), time, at);
  }

  /** Whole seconds. */
  get age(): number {
    return Math.floor((performance.now() - this.#at) / 1000);
  }

  /** Throws `bad-request` for a column that isn't there. */
  csv(filters: Filters = {}): Buffer {
    return this.#rendered('csv', filters, toCsv);
  }

  /** The same; rows are `items`, by column. */
  json(filters: Filters = {}): Buffer {
    const { name, author, maxAge } = this.#sensor;
    return this.#rendered('json', filters, ({ columns, rows }) => {
      const names = columns.map((column) => column.name);
      const items = rows.map((row) => Object.fromEntries(names.map((column, at) => [column, row[at]])));
      const readAt = this.time.toISOString();
      return JSON.stringify({ name, author, maxAge, readAt, columns, items });
    });
  }

  #rendered(form: 'csv' | 'json', filters: Filters, render: (tuples: Tuples) => string): Buffer {
    if (Object.keys(filters).length > 0) return Buffer.from(render(this.#filtered(filters)));
    const whole = this.#whole.get(form) ?? Buffer.from(render(this.tuples));
    // What a slice publishes may be large, and is kept once.
    if (this.#sensor.author === null) this.#whole.set(form, whole);
    return whole;
  }

  #filtered(filters: Filters): Tuples {
    const { columns, rows } = this.tuples;
    const wanted = Object.entries(filters).map(([column, texts]) => {
      const at = columns.findIndex(({ name }) => name === column);
      if (at >= 0) return { at, texts: new Set(texts) };
      const names = columns.map(({ name }) => name).join(', ');
      throw new SliverdError(
        'bad-request',
        `${this.#sensor.name} has no column '${column.slice(0, 60)}' (columns: ${names})`,
      );
    });
    const picked = (row: Row) => wanted.every(({ at, texts }) => texts.has(textOf(row[at])));
    return { columns, rows: rows.filter(picked) };
  }
}
