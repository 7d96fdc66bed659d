import { mkdtempSync, rmSync } from 'node:fs';
import fc from 'fast-check';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EventLog } from '../../daemon/events/log.ts';
import { later, opened, WARNINGS } from '../../daemon/slivers/expiry/account.ts';
import { DAY, endOf } from '../../daemon/slivers/expiry/end.ts';
import { Expiry } from '../../daemon/slivers/expiry/expiry.ts';
import { SliverStore } from '../../daemon/slivers/store.ts';
import { Database } from '../../daemon/store/database.ts';
import { sliverRecord } from '../record.ts';

const HOUR = DAY / 24;
const NOW = Date.UTC(2026, 0, 1);
const iso = (time: number) => new Date(time).toISOString();

describe('the end that may be asked for', () => {
  const ask = (asked: string | null | undefined, more: Partial<Parameters<typeof endOf>[1]> = {}) =>
    endOf(asked, { by: 'ucb_sa', days: 56, now: NOW, ...more });

  it('is as late as it may be where none is named, also of the administrator', () => {
    expect(ask(undefined)).toBe(NOW + 56 * DAY);
    expect(ask(undefined, { by: null })).toBe(NOW + 56 * DAY);
    expect(ask(undefined, { days: Number.POSITIVE_INFINITY })).toBeNull();
  });

  it('is bounded for an authority, and says by what', () => {
    expect(ask(iso(NOW + 56 * DAY))).toBe(NOW + 56 * DAY);
    const latest = iso(NOW + 56 * DAY);
    const refused = expect.objectContaining({ code: 'bad-request', extra: { latest } });
    expect(() => ask(iso(NOW + 56 * DAY + 1))).toThrow(refused);
    expect(() => ask(null)).toThrow(refused);
    expect(() => ask(null)).toThrow(/never is later than ucb_sa may give: 56 days from now at most/);
  });

  it("is anything for the administrator, and what it was already, and where the owner doesn't bound it", () => {
    const far = NOW + 5000 * DAY;
    expect(ask(iso(far), { by: null })).toBe(far);
    expect(ask(null, { by: null })).toBeNull();
    expect(ask(iso(far), { had: far })).toBe(far);
    expect(ask(null, { had: null })).toBeNull();
    expect(ask(null, { days: Number.POSITIVE_INFINITY })).toBeNull();
  });

  it('is a time to come', () => {
    for (const by of ['ucb_sa', null]) {
      expect(() => ask('soon', { by })).toThrow(/not a time/);
      expect(() => ask(iso(NOW), { by })).toThrow(/in the past/);
    }
  });
});

describe('an account of an end', () => {
  it('counts past the end what passed, whatever the wall clock does, and nothing when that is set back', () => {
    const step = fc.record({ wall: fc.integer({ min: -99, max: 99 }), passed: fc.nat(10) });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        let account = opened(NOW);
        let [wall, since] = [NOW, 0];
        account = later(account, wall, 0);
        for (const { wall: by, passed } of steps) {
          wall += by * HOUR;
          const was = account.over !== null;
          account = later(account, wall, passed);
          since = wall < NOW || !was ? 0 : since + passed;
          expect(account.over).toBe(wall < NOW ? null : since);
        }
      }),
    );
  });

  it('warns once of each, the nearest alone, and again where the clock was far ahead', () => {
    const [week = 0, day = 0] = WARNINGS;
    const at = (...left: number[]) => {
      let account = opened(NOW);
      return left.map((one) => {
        account = later(account, NOW - one, 0);
        return account.warned;
      });
    };
    expect(at(8 * DAY, 7 * DAY, 6 * DAY, DAY, 1, 0, -DAY)).toEqual([null, week, week, day, day, day, day]);
    expect(at(8 * DAY, HOUR)).toEqual([null, day]);
    expect(at(8 * DAY, -DAY)).toEqual([null, null]);
    expect(at(DAY, DAY + 1, DAY)).toEqual([day, day, day]);
    expect(at(DAY, -DAY, 20 * DAY, 7 * DAY, DAY)).toEqual([day, day, null, week, day]);
    expect(at(DAY, 3 * DAY, DAY)).toEqual([day, week, day]);
  });
});

describe('a node', () => {
  const log = pino({ level: 'silent' });
  let folder: string;
  let database: Database;
  let store: SliverStore;
  let events: EventLog;
  let expiry: Expiry;
  let now: number;
  let ran: number;
  let broken: boolean;
  const clock = { wall: () => now, passed: () => ran };

  /** As a daemon does it at its start; one before it was killed. */
  function start(graceDays = 14): void {
    store = new SliverStore(database);
    events = new EventLog(database);
    expiry = new Expiry({
      ...{ store, database, events, graceDays, log, clock },
      delete({ id, name }, why) {
        if (broken) throw new Error('no room');
        events.record('sliver.delete', name, { why });
        store.change(id, { desired: 'deleted' });
      },
    });
    expiry.look();
  }
  function pass(milliseconds: number, step = 60_000): void {
    for (let left = milliseconds; left > 0; left -= step) {
      now += Math.min(step, left);
      ran += Math.min(step, left);
      expiry.look();
    }
  }
  function add(expiresAt: number | null, name = 'a_b'): number {
    const { id: _, ...record } = sliverRecord({ name, expiresAt });
    return store.add(record).id;
  }
  const told = () => events.after(0, 100).map(({ type, data }) => [type, data.seconds ?? data.why]);
  const left = (name = 'a_b') => expiry.left(store.get(name));

  beforeEach(() => {
    folder = mkdtempSync('/tmp/sliverd-expiry-');
    database = new Database(`${folder}/db`);
    [now, ran, broken] = [NOW, 1000, false];
    start();
  });
  afterEach(() => {
    database.close();
    rmSync(folder, { recursive: true });
  });

  it('warns, keeps and deletes, and leaves alone what has no end', () => {
    add(NOW + 10 * DAY);
    add(null, 'for_ever');
    pass(10 * DAY - 60_000);
    expect(told()).toEqual([
      ['sliver.expires', 7 * 86_400],
      ['sliver.expires', 86_400],
    ]);
    expect(left()).toBeNull();
    pass(60_000 + 13 * DAY);
    expect(left()).toBe(DAY);
    expect(store.get('a_b').desired).toBe('running');
    pass(DAY);
    expect(told().slice(2)).toEqual([['sliver.delete', 'it expired, and its grace time is over']]);
    expect([store.get('a_b').desired, store.get('for_ever').desired]).toEqual(['deleted', 'running']);
    pass(DAY);
    expect(told()).toHaveLength(3);
  });

  it('warns once, though it is restarted, killed, or was away at the time', () => {
    add(NOW + 10 * DAY);
    pass(4 * DAY);
    start();
    expect(told()).toEqual([['sliver.expires', 7 * 86_400]]);
    now += 5.5 * DAY;
    start();
    start();
    expect(told().slice(1)).toEqual([['sliver.expires', DAY / 2000]]);
  });

  it('warns of a new end anew', () => {
    const id = add(NOW + 5 * DAY);
    expiry.look();
    store.change(id, { expiresAt: NOW + 6 * DAY });
    expiry.look();
    store.change(id, { expiresAt: NOW + 60 * DAY });
    expiry.look();
    expect(told()).toEqual([
      ['sliver.expires', 5 * 86_400],
      ['sliver.expires', 6 * 86_400],
    ]);
  });

  it('deletes nothing because the clock is years ahead, and begins anew when it is right', () => {
    add(NOW + 30 * DAY);
    now += 5000 * DAY;
    pass(13 * DAY);
    expect(left()).toBeLessThanOrEqual(DAY + 60_000);
    now -= 5000 * DAY;
    pass(60_000);
    expect(left()).toBeNull();
    start(); // killed: what is over is not remembered
    pass(17 * DAY - 60_000);
    expect([left(), told().map(([type]) => type)]).toEqual([14 * DAY, ['sliver.expires', 'sliver.expires']]);
    pass(14 * DAY - 60_000);
    expect(store.get('a_b').desired).toBe('running');
    pass(60_000);
    expect(store.get('a_b').desired).toBe('deleted');
  });

  it('remembers at once that the clock was set back, whatever comes next', () => {
    add(NOW + 30 * DAY);
    now += 5000 * DAY;
    pass(13 * DAY);
    now -= 5000 * DAY;
    expiry.look();
    now += 100 * DAY; // killed, and the machine was off
    start();
    expect(left()).toBe(14 * DAY);
  });

  it('counts over restarts, and a crash takes ten minutes at most; the time that it was off is not counted', () => {
    add(NOW + DAY);
    pass(DAY + 5 * DAY + 9 * 60_000);
    now += 100 * DAY; // the machine is off
    start();
    expect(left()).toBeGreaterThanOrEqual(9 * DAY - 9 * 60_000);
    expect(left()).toBeLessThanOrEqual(9 * DAY + 10 * 60_000);
    pass(5 * 60_000);
    const before = left();
    expiry.close();
    now += 100 * DAY;
    ran = 0; // another process, another clock of its own
    start();
    expect(left()).toBe(before);
  });

  it('gives a sliver that is renewed within its grace time all of it again', () => {
    const id = add(NOW + DAY);
    pass(14 * DAY);
    store.change(id, { expiresAt: now + DAY });
    pass(DAY + 13 * DAY);
    expect(left()).toBe(DAY);
    store.change(id, { expiresAt: null });
    pass(2 * DAY);
    expect([left(), store.get('a_b').desired]).toEqual([null, 'running']);
  });

  it('keeps for ever where the owner says so', () => {
    start(Number.POSITIVE_INFINITY);
    add(NOW + DAY);
    pass(1000 * DAY, HOUR);
    expect([left(), store.get('a_b').desired]).toEqual([null, 'running']);
  });

  it('tries again what could not be done, and does not do all at once', () => {
    for (let count = 0; count < 25; count++) add(NOW + DAY, `many_${count}`);
    pass(DAY);
    broken = true;
    pass(15 * DAY);
    const deleted = () => store.list().filter(({ desired }) => desired === 'deleted').length;
    expect(deleted()).toBe(0);
    broken = false;
    expiry.look();
    expect(deleted()).toBe(10);
    expiry.look();
    expiry.look();
    expect(deleted()).toBe(25);
  });

  it('knows nothing of who had the id before', () => {
    const id = add(NOW + DAY);
    pass(3 * DAY);
    expect(left()).toBe(12 * DAY);
    store.remove(id);
    expiry.look();
    expect(database.sql.prepare('SELECT * FROM expiry').all()).toEqual([]);
  });
});
