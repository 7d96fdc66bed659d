import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { type Filter, matches } from '../../netns/flows/filter.ts';
import type { Flow } from '../../netns/flows/flow.ts';
import { Segment } from '../../netns/flows/segment.ts';

const folder = mkdtempSync(`${tmpdir()}/sliverd-flow-search-`);
afterAll(() => rmSync(folder, { recursive: true }));

const HOUR = 3_600_000;
// Few values, so that much is in common; remote and local addresses among them, of both kinds.
const address = fc.constantFrom('01010101', '02020202', '20010db8000000000000000000000001').map(bytes);
const port = fc.constantFrom(0, 53, 443, 65_535);
const protocol = fc.constantFrom(1, 6, 17, 47, 58);
const time = fc.integer({ min: 1, max: 100 }).map((hours) => hours * HOUR);
const sliver = fc.integer({ min: 1, max: 4 });
const flow: fc.Arbitrary<Flow> = fc
  .record({
    sliver,
    inbound: fc.boolean(),
    peer: fc.option(sliver),
    protocol,
    remote: address,
    remotePort: port,
    local: address,
    localPort: port,
    end: time,
    lasted: fc.constantFrom(0, 1000, 300_000, 300_001, HOUR, 30 * HOUR, 90 * HOUR),
  })
  .map(({ lasted, ...rest }) => ({
    ...rest,
    start: Math.max(0, rest.end - lasted),
    inside: null,
    sent: { bytes: 1, packets: 1 },
    received: { bytes: 1, packets: 1 },
  }));
const end = fc.record({ address, port }, { requiredKeys: [] });
const filter: fc.Arbitrary<Filter> = fc.record(
  { source: end, destination: end, protocol, sliver, from: time, to: time },
  { requiredKeys: [] },
);

function bytes(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'));
}
const key = ({ sliver, peer, protocol, inbound, remote, remotePort, local, localPort, start, end }: Flow) =>
  [sliver, peer, protocol, inbound, ...remote, remotePort, ...local, localPort, start, end].join(' ');
const keys = (flows: readonly Flow[]) => flows.map(key).sort();
const ends = (flows: readonly Flow[]) => flows.map((one) => one.end);

let files = 0;
/** A segment with those flows, so many times that ways to them differ in what they cost. */
function kept(flows: readonly Flow[], times = 1): string {
  const path = `${folder}/${++files}.db`;
  const segment = Segment.write(path);
  for (let round = 0; round < times; round++) segment.add(flows);
  segment.close();
  return path;
}

function found(path: string, asked: Filter, limit: number): Flow[] {
  const segment = Segment.read(path);
  try {
    return segment?.find(asked, limit) ?? [];
  } finally {
    segment?.close();
  }
}

describe('whatever is asked for', () => {
  const all = fc.sample(flow, { numRuns: 400, seed: 7 });
  const [few, many] = [kept(all), kept(all, 50)];
  const old = kept(all);
  const sql = new DatabaseSync(old);
  for (const by of ['local_port', 'remote_port', 'protocol']) sql.exec(`DROP INDEX by_${by}`);
  sql.close();

  it.each([
    ['few', few, 1],
    ['many', many, 50],
    ['few of an older version, which had fewer indices', old, 1],
  ])('is found, and nothing else, among %s', (_, path, times) => {
    fc.assert(
      fc.property(filter, (asked) => {
        const right = all.filter((one) => matches(asked, one));
        const answer = found(path, asked, right.length * times + 10);
        expect(keys(answer)).toEqual(keys(right.flatMap((one) => new Array<Flow>(times).fill(one))));
      }),
      { numRuns: times === 1 ? 300 : 30 },
    );
  });

  it('is the latest of it', () => {
    fc.assert(
      fc.property(filter, fc.integer({ min: 1, max: 20 }), (asked, limit) => {
        const right = ends(all.filter((one) => matches(asked, one))).sort((a, b) => b - a);
        expect(ends(found(few, asked, limit))).toEqual(right.slice(0, limit));
      }),
      { numRuns: 300 },
    );
  });
});
