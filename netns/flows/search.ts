import type { SQLOutputValue, StatementSync } from 'node:sqlite';
import { type Filter, type Variant, variants } from './filter.ts';

/** Protocols of which there are so many flows that nothing is found by them. */
const COMMON = 'protocol NOT IN (1, 6, 17)';

/** What flows are found by, and of which of them there is something to find: an index each, by direction, duration and end. */
const INDICES = {
  remote: '',
  sliver: '',
  peer: 'peer IS NOT NULL',
  local_port: '',
  remote_port: '',
  protocol: COMMON,
  time: '',
} as const;
export type Index = keyof typeof INDICES;

/** Indices of one table, of those that it hasn't. */
export const INDEX_SCHEMA = Object.entries(INDICES)
  .map(([by, only]) => {
    const first = by === 'time' ? '' : `${by}, `;
    const where = only && ` WHERE ${only}`;
    return `CREATE INDEX IF NOT EXISTS by_${by} ON flows (${first}inbound, span, end)${where};`;
  })
  .join('\n');

/**
 * Classes of duration, by the longest of each, milliseconds. What was there at a time is found by when it ended, and how
 * long after that time it may have: of short flows there are many, and they ended soon.
 */
const SPANS = [300_000, 3_600_000, 86_400_000, Number.MAX_SAFE_INTEGER] as const;

export const spanOf = ({ start, end }: { start: number; end: number }): number =>
  SPANS.findIndex((longest) => end - start <= longest);

/** Of how many flows two ways to them are told apart. */
const PROBES = [64, 1024, 16_384];

export type Row = Record<string, SQLOutputValue>;
/** Of one text there is one statement, which is not asked twice at once. */
export type Prepare = (sql: string) => StatementSync;

/** Rows of flows, the latest end first, by what leads to the fewest. */
export class Search {
  readonly #prepare: Prepare;
  readonly #indices: ReadonlySet<string>;

  /** @param indices names of those that this table has: an older version made fewer */
  constructor(prepare: Prepare, indices: ReadonlySet<string>) {
    this.#prepare = prepare;
    this.#indices = indices;
  }

  /** At most `limit` of those asked for. */
  find(filter: Filter, isLocal: (address: Uint8Array) => boolean, limit: number): Row[] {
    const streams = variants(filter)
      .filter(({ local }) => !local.address || isLocal(local.address))
      .flatMap((variant) => this.#streams(filter, variant, limit));
    try {
      return latest(streams, limit);
    } finally {
      for (const stream of streams) stream.return?.();
    }
  }

  #streams(filter: Filter, variant: Variant, limit: number): Iterator<Row>[] {
    return this.#way(filter, variant).flatMap((by) =>
      SPANS.map((_, span) => {
        const { where, values } = conditions(filter, variant, by, span);
        const rest = others(filter, variant, by);
        const all = [...where, ...rest.where].join(' AND ');
        return this.#prepare(
          `SELECT * FROM flows INDEXED BY by_${by} WHERE ${all} ORDER BY end DESC LIMIT ?`,
        ).iterate(...[...values, ...rest.values].map(bound), limit) as Iterator<Row>;
      }),
    );
  }

  /** Indices that together lead to all that is asked for. */
  #way(filter: Filter, variant: Variant): readonly Index[] {
    const ways = waysTo(filter, variant).filter((way) => way.every((by) => this.#indices.has(`by_${by}`)));
    const [first = ['time'], ...more] = ways;
    if (more.length === 0) return first;
    for (const most of PROBES)
      for (const way of ways) if (this.#count(filter, variant, way, most) < most) return way;
    return first;
  }

  /** How many flows a way leads to; `most` is that many or more. */
  #count(filter: Filter, variant: Variant, way: readonly Index[], most: number): number {
    let count = 0;
    for (const by of way)
      for (const span of SPANS.keys()) {
        const { where, values } = conditions(filter, variant, by, span);
        const some = `SELECT 1 FROM flows INDEXED BY by_${by} WHERE ${where.join(' AND ')} LIMIT ?`;
        const row = this.#prepare(`SELECT count(*) AS count FROM (${some})`).get(
          ...values.map(bound),
          most - count,
        );
        count += Number(row?.count);
        if (count >= most) return most;
      }
    return count;
  }
}

/** Ways of which each leads to all that is asked for, the narrowest first, as far as one can tell without looking. */
function waysTo({ protocol, sliver }: Filter, { local, remote }: Variant): (readonly Index[])[] {
  const ways: [unknown, readonly Index[]][] = [
    [remote.address, ['remote']],
    [local.port, ['local_port']],
    [remote.port, ['remote_port']],
    [sliver, ['sliver', 'peer']],
    [protocol === undefined || [1, 6, 17].includes(protocol) ? undefined : protocol, ['protocol']],
  ];
  return ways.flatMap(([given, way]) => (given === undefined ? [] : [way]));
}

type Value = number | Uint8Array;
interface Terms {
  readonly where: string[];
  readonly values: Value[];
}

/** What the index itself answers. */
function conditions(
  { protocol, sliver, from = -Infinity, to = Infinity }: Filter,
  { inbound, local, remote }: Variant,
  by: Index,
  span: number,
): Terms {
  const keys: Record<Index, Value | undefined> = {
    remote: remote.address,
    local_port: local.port,
    remote_port: remote.port,
    sliver,
    peer: sliver,
    protocol,
    time: undefined,
  };
  const longest = SPANS[span] ?? 0;
  const only = INDICES[by];
  const terms = given([
    [`${by} = ?`, keys[by]],
    ['end >= ?', from > -Infinity ? from : undefined],
    ['end <= ?', to < Infinity ? Math.min(to + longest, Number.MAX_SAFE_INTEGER) : undefined],
  ]);
  // In the text, so that each of those that are read at once is a statement of its own.
  const where = [`inbound = ${inbound ? 1 : 0}`, `span = ${span}`, ...(only ? [only] : []), ...terms.where];
  return { where, values: terms.values };
}

/** What is looked up in each row. */
function others({ protocol, sliver, to = Infinity }: Filter, { local, remote }: Variant, by: Index): Terms {
  const terms = given([
    ['start <= ?', to < Infinity ? to : undefined],
    ['remote = ?', remote.address],
    ['local = ?', local.address],
    ['remote_port = ?', remote.port],
    ['local_port = ?', local.port],
    ['protocol = ?', protocol],
    // One that is of both is found by the first.
    ['sliver <> ?', by === 'peer' ? sliver : undefined],
  ]);
  if (sliver === undefined || by === 'sliver' || by === 'peer') return terms;
  return {
    where: [...terms.where, '(sliver = ? OR peer = ?)'],
    values: [...terms.values, sliver, sliver],
  };
}

function given(terms: [string, Value | undefined][]): Terms {
  const some = terms.filter((term): term is [string, Value] => term[1] !== undefined);
  return { where: some.map(([term]) => term), values: some.map(([, value]) => value) };
}

const bound = (value: Value) => (typeof value === 'number' ? BigInt(Math.round(value)) : value);

/** Of rows that come the latest end first, the latest: no more is read of each than that takes. */
function latest(streams: readonly Iterator<Row>[], limit: number): Row[] {
  const heads = streams.flatMap((stream) => {
    const { value, done } = stream.next();
    return done ? [] : [{ stream, row: value as Row }];
  });
  const found: Row[] = [];
  while (found.length < limit && heads.length > 0) {
    const first = heads.reduce((one, other) => (Number(other.row.end) > Number(one.row.end) ? other : one));
    found.push(first.row);
    const { value, done } = first.stream.next();
    if (done) heads.splice(heads.indexOf(first), 1);
    else first.row = value;
  }
  return found;
}
