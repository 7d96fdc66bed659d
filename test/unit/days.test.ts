import fc from 'fast-check';
import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { EventLog } from '../../daemon/events/log.ts';
import { DEFAULT_RSPEC, type RSpec } from '../../daemon/resources/rspec.ts';
import { allowanceOf, rateOf } from '../../daemon/slivers/days/allowance.ts';
import { type Day, dayAfter, firstDay, leftOf } from '../../daemon/slivers/days/day.ts';
import { Days } from '../../daemon/slivers/days/days.ts';
import { SliverStore } from '../../daemon/slivers/store.ts';
import { Database } from '../../daemon/store/database.ts';
import type { TrafficCounters } from '../../netns/network-limits.ts';
import { sliverRecord } from '../record.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const MIDNIGHT = 20_000 * DAY;
const GIB = 2 ** 30;

/** A clock that somebody sets, and counters that somebody moves, as the kernel does: they know nothing of the daemon. */
class Machine {
  now = MIDNIGHT + HOUR;
  ran = 0;
  name = 'boot 1';
  readonly totals = new Map<number, { up: number; down: number }>();
  readonly bases = new Map<number, { up: number; down: number }>();
  readonly clock = { wall: () => this.now, passed: () => this.ran };

  pass(milliseconds: number): void {
    this.now += milliseconds;
    this.ran += milliseconds;
  }
  send(id: number, up: number, down = 0): void {
    const { up: sent, down: got } = this.counters.total(id);
    this.totals.set(id, { up: sent + up, down: got + down });
  }
  reboot(): void {
    this.name = `${this.name} again`;
    this.totals.clear();
    this.bases.clear();
  }
  get counters(): TrafficCounters {
    const none = { up: 0, down: 0 };
    return {
      name: this.name,
      total: (id) => this.totals.get(id) ?? none,
      base: (id) => this.bases.get(id) ?? none,
      begin: (id) => void this.bases.set(id, this.totals.get(id) ?? none),
    };
  }
}

const log = pino({ level: 'silent' });
let machine: Machine;
let database: Database;
let store: SliverStore;
let events: EventLog;
let days: Days;

/** As a daemon does it at its start; one before it was killed. */
function start(): void {
  store = new SliverStore(database);
  events = new EventLog(database);
  days = new Days({ store, database, events, counters: machine.counters, log, clock: machine.clock });
}

/** As the step that connects a sliver does it. */
function connect(name: string): void {
  const record = store.get(name);
  days.limits(record);
  machine.counters.begin(record.id);
}

function create(name: string, rspec: Partial<RSpec> = {}): number {
  const { id: _, ...record } = sliverRecord({ name, rspec: { ...DEFAULT_RSPEC, ...rspec } });
  const { id } = store.add(record);
  connect(name);
  return id;
}

function remove(name: string): void {
  const { id } = store.get(name);
  store.remove(id);
  events.record('sliver.deleted', name, { id });
}

const up = (name: string) => days.usage(store.get(name))?.up;

beforeEach(() => {
  machine = new Machine();
  database = new Database(':memory:');
  start();
});

describe('a day', () => {
  const later = (day: Day, wall: number, passed = 0) => dayAfter(day, wall, passed);
  const first = firstDay(MIDNIGHT + 23 * HOUR);

  it('ends at midnight', () => {
    expect(leftOf(first, MIDNIGHT + 23 * HOUR)).toBe(HOUR);
    expect(later(first, MIDNIGHT + DAY - 1).serial).toBe(first.serial);
    expect(later(first, MIDNIGHT + DAY).serial).toBe(first.serial + 1);
  });

  it('does not begin a second time when the clock goes back past midnight, nor when that comes again', () => {
    const second = later(first, MIDNIGHT + DAY + HOUR);
    const back = later(second, MIDNIGHT + 23 * HOUR);
    expect(back.serial).toBe(second.serial);
    expect(later(back, MIDNIGHT + DAY, HOUR).serial).toBe(second.serial);
    expect(later(back, MIDNIGHT + 2 * DAY, DAY + HOUR).serial).toBe(second.serial + 1);
  });

  it('lasts a day at most when the clock was far ahead before', () => {
    const ahead = later(first, MIDNIGHT + 9000 * DAY);
    let day = later(ahead, MIDNIGHT + 12 * HOUR);
    expect(day.serial).toBe(ahead.serial);
    expect(leftOf(day, MIDNIGHT + 12 * HOUR)).toBe(DAY);
    day = later(day, MIDNIGHT + DAY, 12 * HOUR);
    expect(day.serial).toBe(ahead.serial);
    day = later(day, MIDNIGHT + DAY + 12 * HOUR, 12 * HOUR);
    expect(day.serial).toBe(ahead.serial + 1);
    expect(leftOf(day, MIDNIGHT + DAY + 12 * HOUR)).toBe(12 * HOUR);
  });

  it('never begins twice within the same days of the clock, whatever is done to that within a day', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -3 * DAY, max: 3 * DAY }), { maxLength: 50 }), (jumps) => {
        let day = first;
        let wall = MIDNIGHT + 23 * HOUR;
        const seen = new Set([Math.floor(wall / DAY)]);
        for (const jump of jumps) {
          wall += jump;
          day = dayAfter(day, wall, 1000);
          seen.add(Math.floor(wall / DAY));
          expect(leftOf(day, wall)).toBeGreaterThan(0);
          expect(day.serial - first.serial).toBeLessThan(seen.size);
        }
      }),
    );
  });
});

describe('the rate', () => {
  const rspec = { ...DEFAULT_RSPEC, 'net.up.day.bytes': 10e9 };
  const rate = (used: number, left: number, rates: { min?: number; max?: number } = {}) =>
    rateOf(allowanceOf(rspec, 'up'), used, left, { min: 0, max: Number.POSITIVE_INFINITY, ...rates });

  it('is what it may be otherwise up to the threshold, and makes the rest last from there on', () => {
    expect(rate(7.9e9, 12 * HOUR)).toBe(Number.POSITIVE_INFINITY);
    expect(rate(7.9e9, 12 * HOUR, { max: 5e6 })).toBe(5e6);
    expect(rate(8e9, 10_000_000)).toBe(1_600_000);
    expect(rate(9e9, 10_000_000)).toBe(800_000);
  });
  it('is never less than the minimum, nor more than the maximum, nor nothing', () => {
    expect(rate(9e9, 10_000_000, { min: 1e6, max: 2e6 })).toBe(1e6);
    expect(rate(9e9, 1000, { max: 2e6 })).toBe(2e6);
    expect(rate(11e9, HOUR)).toBe(8000);
  });
  it('has the threshold that the RSpec says, or none without a number of bytes', () => {
    expect(allowanceOf({ ...rspec, 'net.up.day.threshold': 1e9 }, 'up').threshold).toBe(1e9);
    const free = { ...rspec, 'net.up.day.bytes': 'max', 'net.up.day.threshold': 0 } as const;
    expect(rateOf(allowanceOf(free, 'up'), 1e15, HOUR, { min: 0, max: 1e9 })).toBe(1e9);
  });
  it('lasts the day for who sends as fast as that allows', () => {
    let used = 8e9;
    for (let left = 12 * HOUR; left > 0; left -= 60_000) used += (rate(used, left) / 8) * 60;
    expect(used).toBeGreaterThan(9.9e9);
    expect(used).toBeLessThanOrEqual(10e9);
  });
});

describe('a slice', () => {
  const DEMAND = { 'net.up.day.bytes': 10 * GIB };

  it('is slowed past its threshold, is told so once, and is free again the next day', () => {
    const id = create('a_b', DEMAND);
    machine.send(id, 7 * GIB);
    expect(days.look()).toEqual([]);
    machine.send(id, 2 * GIB);
    expect(days.look()).toEqual([id]);
    const { slowedTo } = up('a_b') ?? {};
    expect(slowedTo).toBe(Math.floor((GIB * 8) / ((23 * HOUR) / 1000)));
    expect(days.limits(store.get('a_b')).up.max).toBe(slowedTo);
    expect(days.look()).toEqual([]);
    machine.send(id, GIB / 2);
    expect(days.look()).toEqual([id]);
    const told = events.after(0, 10).filter(({ type }) => type === 'network.slowed');
    expect(told.map(({ subject, data }) => [subject, data.way])).toEqual([['a_b', 'up']]);
    machine.pass(DAY);
    expect(days.look()).toEqual([id]);
    expect(up('a_b')).toEqual({ bytes: 0, of: 10 * GIB });
    expect(days.limits(store.get('a_b')).up.max).toBe(Number.POSITIVE_INFINITY);
  });

  it('has the same day after it was deleted and created anew, and nobody else has it', () => {
    machine.send(create('a_b', DEMAND), 9 * GIB);
    remove('a_b');
    const other = create('b_b', DEMAND);
    const again = create('a_b', DEMAND);
    expect(up('b_b')?.bytes).toBe(0);
    machine.send(again, 1000);
    machine.send(other, 10);
    expect(up('a_b')?.bytes).toBe(9 * GIB + 1000);
    expect(up('b_b')?.bytes).toBe(10);
    start();
    expect(up('a_b')?.bytes).toBe(9 * GIB + 1000);
    expect(up('b_b')?.bytes).toBe(10);
  });

  it('has it after it was connected anew, as by a reset', () => {
    const id = create('a_b', DEMAND);
    for (let round = 1; round <= 3; round++) {
      machine.send(id, 1000);
      connect('a_b');
      expect(up('a_b')?.bytes).toBe(round * 1000);
    }
  });

  it('has it when the daemon was killed after it had deleted the sliver', () => {
    machine.send(create('a_b', DEMAND), GIB);
    remove('a_b');
    start();
    create('a_b', DEMAND);
    expect(up('a_b')?.bytes).toBe(GIB);
  });

  it.each([
    ['before anything was looked at', () => {}],
    ['after a look', () => void days.look()],
    ['after it was connected anew', () => connect('a_b')],
    ['after all was kept', () => days.close()],
  ])('has it when the daemon was killed %s', (_, then) => {
    const id = create('a_b', DEMAND);
    machine.send(id, GIB);
    then();
    machine.send(id, 1000);
    start();
    expect(up('a_b')?.bytes).toBe(GIB + 1000);
    start();
    expect(up('a_b')?.bytes).toBe(GIB + 1000);
  });

  const idsBeginAnew = () => database.sql.exec("DELETE FROM node WHERE key = 'last_sliver_id'");

  it('has none of what the sliver had that had its id before', () => {
    const id = create('a_b', DEMAND);
    machine.send(id, 9 * GIB);
    remove('a_b');
    idsBeginAnew();
    expect(create('b_b', DEMAND)).toBe(id);
    expect(up('b_b')?.bytes).toBe(0);
  });

  it('has none of that when the daemon was killed meanwhile, before it looked', () => {
    const id = create('a_b', DEMAND);
    machine.send(id, 9 * GIB);
    store.remove(id);
    idsBeginAnew();
    start();
    expect(create('b_b', DEMAND)).toBe(id);
    expect(up('b_b')?.bytes).toBe(0);
  });

  it('has it when the daemon was killed as it deleted the sliver, and the next one with that id has none of it', () => {
    const id = create('a_b', DEMAND);
    machine.send(id, 9 * GIB);
    days.look();
    store.remove(id);
    machine.send(id, 1000);
    idsBeginAnew();
    start();
    expect(create('b_b', DEMAND)).toBe(id);
    days.look();
    expect(up('b_b')?.bytes).toBe(0);
    create('a_b', DEMAND);
    expect(up('a_b')?.bytes).toBe(9 * GIB + 1000);
  });

  it('has it after a reboot, but for what was not kept', () => {
    const id = create('a_b', DEMAND);
    machine.send(id, GIB);
    days.look(); // more than a hundredth
    machine.send(id, 1000);
    days.look();
    machine.reboot();
    start();
    connect('a_b');
    machine.send(id, 500);
    expect(up('a_b')?.bytes).toBe(GIB + 500);
    machine.send(id, 2000);
    days.look();
    machine.pass(60_000);
    days.look(); // a minute later
    machine.reboot();
    start();
    expect(up('a_b')?.bytes).toBe(GIB + 2500);
  });

  it('begins no day twice when the daemon ends or the clock goes back meanwhile', () => {
    const id = create('a_b', DEMAND);
    machine.send(id, GIB);
    days.look();
    machine.now += DAY;
    days.look();
    machine.send(id, 1000);
    start();
    expect(up('a_b')?.bytes).toBe(1000);
    machine.now -= 2 * HOUR; // before midnight
    days.look();
    expect(up('a_b')?.bytes).toBe(1000);
    start();
    machine.now += 2 * HOUR;
    days.look();
    expect(up('a_b')?.bytes).toBe(1000);
  });

  it('that was slowed is told more as the day goes by, though it sends nothing', () => {
    const id = create('a_b', DEMAND);
    machine.send(id, 9 * GIB);
    days.look();
    const before = up('a_b')?.slowedTo ?? 0;
    machine.pass(60_000);
    expect(days.look()).toEqual([]); // not worth it
    machine.pass(12 * HOUR);
    expect(days.look()).toEqual([id]);
    expect(up('a_b')?.slowedTo).toBeGreaterThan(2 * before);
  });

  it('of yesterday is forgotten', () => {
    machine.send(create('a_b', DEMAND), GIB);
    machine.send(create('b_b', DEMAND), GIB);
    days.look();
    remove('b_b');
    machine.pass(DAY);
    days.look();
    const rows = database.sql.prepare('SELECT slice, up FROM days').all();
    expect(rows.map(({ slice, up }) => [slice, up])).toEqual([['a_b', 0]]);
    create('b_b', DEMAND);
    expect(up('b_b')?.bytes).toBe(0);
  });

  it('whose record a version before wrote has what is usual', () => {
    create('a_b');
    database.sql.prepare('UPDATE slivers SET rspec = ?').run('{"cpu.max": 2}');
    start();
    expect(up('a_b')).toEqual({ bytes: 0, of: 16 * GIB });
    expect(days.limits(store.get('a_b')).up.max).toBe(Number.POSITIVE_INFINITY);
  });

  it('of a node that counts nothing has what its RSpec says', () => {
    days = new Days({ store, database, events, counters: undefined, log, clock: machine.clock });
    create('a_b', { 'net.up.max': 5e6 });
    expect(days.look()).toEqual([]);
    expect(days.usage(store.get('a_b'))).toBeUndefined();
    expect(days.limits(store.get('a_b')).up.max).toBe(5e6);
    days.close();
  });
});
