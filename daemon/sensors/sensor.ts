/** A cell of a tuple. Times are RFC 3339 in UTC; null is what isn't known, or doesn't apply. */
export type Value = string | number | boolean | null;
/** In the order of the columns. */
export type Row = readonly Value[];

export interface Column {
  /** Of a number, with its unit at the end, as in `cpu_seconds`. */
  readonly name: string;
  readonly type: 'text' | 'number' | 'boolean' | 'time';
  readonly unit?: string;
  readonly description: string;
  /** Of what is in /metrics too. A counter begins anew with what it counts, and only grows. */
  readonly metric?: 'counter' | 'gauge';
}

export interface Tuples {
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
}

/** A named source of tuples about the node or its slivers, with as little done to them as can be. */
export interface Sensor {
  /** One that a slice publishes is `SLICE.NAME`, so that nobody takes it for the node's. */
  readonly name: string;
  readonly description: string;
  /** The slice that says so; null: the node. */
  readonly author: string | null;
  /** Empty where they are known only when it is read. */
  readonly columns: readonly Column[];
  /** Seconds for which an answer is as good as a new one. */
  readonly maxAge: number;
  read(): Promise<Tuples>;
}

/** A column, and what it has of a subject. */
export interface Field<Subject> extends Column {
  of(subject: Subject): Value | undefined;
}

/** A sensor of the node: one tuple for each subject. */
export function nodeSensor<Subject>(
  about: Pick<Sensor, 'name' | 'description' | 'maxAge'>,
  fields: readonly Field<Subject>[],
  subjects: () => Promise<readonly Subject[]>,
): Sensor {
  const columns = fields.map(({ of: _, ...column }): Column => column);
  return {
    ...about,
    author: null,
    columns,
    async read() {
      const rows = (await subjects()).map((subject) => fields.map((field) => field.of(subject) ?? null));
      return { columns, rows };
    },
  };
}

/** Work on many slivers, between which others have their turn. */
export async function inTurns<T, R>(items: readonly T[], work: (item: T) => R): Promise<R[]> {
  const done: R[] = [];
  for (const [index, item] of items.entries()) {
    if (index % AT_ONCE === AT_ONCE - 1) await new Promise(setImmediate);
    done.push(work(item));
  }
  return done;
}
/** At some 0.2 ms each. */
const AT_ONCE = 10;
