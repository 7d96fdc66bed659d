import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, describe, expect, it } from 'vitest';
import { EventLog } from '../../daemon/events/log.ts';
import { Flows } from '../../daemon/slivers/flows.ts';
import { SliverStore } from '../../daemon/slivers/store.ts';
import { Database } from '../../daemon/store/database.ts';
import { addressText, packAddress, unmapped } from '../../netns/address.ts';
import { findFlows } from '../../netns/flows/archive.ts';
import type { Filter } from '../../netns/flows/filter.ts';
import type { Flow } from '../../netns/flows/flow.ts';
import { Journal } from '../../netns/flows/journal.ts';
import { Segment } from '../../netns/flows/segment.ts';
import { Shelf, segmentNumbers, segmentPath } from '../../netns/flows/shelf.ts';

const folder = mkdtempSync(`${tmpdir()}/sliverd-flows-`);
afterAll(() => rmSync(folder, { recursive: true }));

const bytes = (text: string) => packAddress(text) ?? Buffer.alloc(0);
/** As SQLite gives them. */
const plain = (text: string) => new Uint8Array(bytes(text));
const [SECOND, HOUR] = [1000, 3_600_000];
const flow = (more: Partial<Flow>): Flow => ({
  sliver: 1,
  peer: null,
  protocol: 6,
  inbound: false,
  remote: plain('203.0.113.7'),
  remotePort: 80,
  local: plain('198.51.100.10'),
  localPort: 40_000,
  inside: null,
  sent: { bytes: 100, packets: 1 },
  received: { bytes: 200, packets: 2 },
  start: 10 * HOUR,
  end: 10 * HOUR + SECOND,
  ...more,
});

describe('addresses', () => {
  it.each(['192.0.2.1', '::', '::1', '2001:db8::7', 'fe80::1:2:3:4', '1:2:3:4:5:6:7:8'])(
    '%s and back',
    (text) => {
      expect(addressText(bytes(text))).toBe(text);
    },
  );
  it('takes IPv4 within IPv6', () => {
    expect(bytes('::ffff:192.0.2.1').toString('hex')).toBe('00000000000000000000ffffc0000201');
    expect(unmapped(bytes('::FFFF:192.0.2.1'))).toEqual(bytes('192.0.2.1'));
    expect(unmapped(bytes('::192.0.2.1'))).toHaveLength(16);
  });
  it.each(['', 'nowhere', '192.0.2', '192.0.2.256', 'fe80::1%eth0', ':::'])('is none: %j', (text) => {
    expect(packAddress(text)).toBeUndefined();
  });
});

describe('a segment', () => {
  const segment = Segment.write(`${folder}/segment.db`);
  afterAll(() => segment.close());
  const long = flow({ remotePort: 22, start: HOUR, end: 20 * HOUR });
  const into = flow({ inbound: true, localPort: 8080, sliver: 2, peer: null });
  const neighbour = flow({ remote: plain('100.64.0.2'), peer: 2, protocol: 1 });
  const six = flow({
    remote: plain('2001:db8::a0:7'),
    remotePort: 443,
    local: plain('2001:db8:1::10'),
    start: 40 * HOUR,
    end: 41 * HOUR,
  });
  segment.add([flow({}), long, into, neighbour, six]);
  const found = (filter: Filter) => segment.find(filter, 10);

  it('finds by either side, as it was begun', () => {
    expect(found({ destination: { address: bytes('203.0.113.7'), port: 80 } })).toEqual([flow({})]);
    expect(found({ source: { address: bytes('203.0.113.7') } })).toEqual([into]);
    expect(found({ destination: { address: bytes('198.51.100.10'), port: 8080 } })).toEqual([into]);
    expect(found({ source: { address: bytes('192.0.2.9') } })).toEqual([]);
  });
  it('finds what was there at a time, however long it was', () => {
    const at = (time: number) => found({ from: time, to: time, protocol: 6 });
    expect(at(9 * HOUR)).toEqual([long]);
    expect(at(10 * HOUR)).toHaveLength(3);
    expect(at(11 * HOUR)).toEqual([long]);
    expect(at(21 * HOUR)).toEqual([]);
  });
  it("finds a sliver's own, and those to it", () => {
    expect(found({ sliver: 2 })).toEqual(expect.arrayContaining([into, neighbour]));
    expect(found({ sliver: 2 })).toHaveLength(2);
  });
  it.each(['2001:db8::a0:7', '2001:DB8:0:0:0:0:A0:7', '2001:0db8::00a0:0007', '2001:db8::0.160.0.7'])(
    'finds IPv6, written as %s',
    (text) => {
      expect(found({ destination: { address: bytes(text), port: 443 } })).toEqual([six]);
      expect(found({ source: { address: bytes(text) } })).toEqual([]);
    },
  );
  it('gives no more than were asked for, the latest first', () => {
    expect(segment.find({}, 2)).toEqual([six, long]);
  });
});

describe('the shelf', () => {
  it('keeps to its budget, and lets the oldest go', () => {
    const budget = 4 << 20;
    const shelf = new Shelf(`${folder}/shelf`, { bytes: budget, days: 1 });
    const batch = Array.from({ length: 2000 }, (_, index) => flow({ localPort: index }));
    for (let round = 0; round < 40; round++) {
      shelf.add(batch.map((one) => ({ ...one, end: one.end + round * SECOND })));
      shelf.tidy();
    }
    const numbers = segmentNumbers(`${folder}/shelf`);
    expect(numbers.length).toBeGreaterThan(4);
    expect(numbers.length).toBeLessThanOrEqual(17);
    expect(numbers[0]).toBeGreaterThan(1);
    shelf.add([flow({ end: 59 * HOUR })]);
    shelf.expire(59 * HOUR);
    expect(segmentNumbers(`${folder}/shelf`)).toHaveLength(1);
    shelf.close();
  });
});

describe('an archive', () => {
  it('that takes long to read is read in parts, which together have everything once', () => {
    const [records, count] = [`${folder}/parts`, 5];
    const shelf = new Shelf(records, { bytes: 16, days: 1 });
    for (let number = 0; number < count; number++) {
      const path = segmentPath(records, number + 1);
      const segment = Segment.write(path);
      segment.add([flow({ localPort: number })]);
      segment.close();
    }
    shelf.close();
    const ports: number[] = [];
    let [after, parts]: [number | undefined, number] = [undefined, 0];
    do {
      // As after another's `next`: what is open, only root may ask for.
      const answer = findFlows(records, [{}], 10, { after: after ?? count + 1, patience: -1 });
      ports.push(...answer.flows.map(({ localPort }) => localPort));
      after = answer.next;
      parts++;
    } while (after !== undefined);
    expect(ports).toEqual([4, 3, 2, 1, 0]);
    expect(parts).toBe(count);
    expect(findFlows(records, [{}], 2, { after: count + 1 })).toMatchObject({ more: true, next: undefined });
  });
});

describe('the journal', () => {
  it('tells the gaps within a time', () => {
    const journal = Journal.write(`${folder}/journal.db`);
    expect(journal.lastAlive).toBe(0);
    journal.alive(5);
    journal.alive(7);
    expect(journal.lastAlive).toBe(7);
    journal.gap({ from: 10, to: 20, reason: 'stopped', lost: 0 });
    journal.gap({ from: 40, to: 30, reason: 'clock', lost: 0 }); // it was set back
    expect(journal.gaps(0, 9, 10)).toEqual([]);
    expect(journal.gaps(15, 16, 10)).toEqual([{ from: 10, to: 20, reason: 'stopped', lost: 0 }]);
    expect(journal.gaps(20, 30, 10).map(({ from, to }) => [from, to])).toEqual([
      [30, 40],
      [10, 20],
    ]);
    journal.close();
  });
});

describe('whose a flow was', () => {
  it('is who had the id when it began, though another has it now', async () => {
    const database = new Database(`${folder}/node.db`);
    const sql = database.sql;
    const insert = sql.prepare('INSERT INTO tenures VALUES (?, ?, ?, ?)');
    insert.run(1, 'a_first', 1000, 2000);
    insert.run(1, 'a_second', 3000, 4000);
    const asked: Filter[] = [];
    const kept = [flow({ start: 1500, end: 3500 }), flow({ start: 3100, end: 3200 }), flow({ sliver: 9 })];
    const records = {
      async find(filters: readonly Filter[]) {
        asked.push(...filters);
        return { flows: kept.map((one) => ({ ...one, open: false })), gaps: [], more: false };
      },
    } as never;
    const flows = new Flows({
      records,
      store: new SliverStore(database),
      database,
      events: new EventLog(database),
    });
    const { flows: all } = await flows.find({}, 10);
    expect(all.map(({ slice }) => slice)).toEqual(['a_first', 'a_second', null]);
    expect((await flows.find({}, 10, 'a_second')).flows).toHaveLength(1);
    expect(asked.at(-1)).toEqual({ sliver: 1, from: 3000, to: 4000 });
    asked.length = 0;
    await flows.find({ to: 2500 }, 10, 'a_second');
    expect(asked).toEqual([]);
    await expect(flows.find({}, 10, 'a_never')).rejects.toThrow(/no sliver 'a_never'/);
    database.close();
  });
});
