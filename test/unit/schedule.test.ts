import { mkdtempSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Schedule, type State, type Timed } from '../../daemon/resources/schedule.ts';
import { Database } from '../../daemon/store/database.ts';

let folder: string;
let database: Database;
let told: [string, State][];
let changed: number[][];
const open = () => new Schedule<Timed>(database, 'lease', ({ id }, state) => void told.push([id, state]));
beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
  folder = mkdtempSync('/tmp/sliverd-schedule-');
  database = new Database(`${folder}/db`);
  [told, changed] = [[], []];
});
afterEach(() => {
  vi.useRealTimers();
  database.close();
  rmSync(folder, { recursive: true });
});
const item = (id: string, from: number, until: number): Timed => ({
  ...{ id, slivers: [1], rspec: { 'pids.max': 5 }, told: 'pending' },
  ...{ from: 1_000_000 + from, until: 1_000_000 + until },
});
/** No row can be written any more, as on a full disk. */
const full = (is: boolean) =>
  database.sql.exec(
    is
      ? "CREATE TRIGGER full BEFORE INSERT ON schedule BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
      : 'DROP TRIGGER full',
  );

it('what begins and ends is told once, by timers that nobody has to wind', async () => {
  const schedule = open();
  schedule.watch((...slivers) => void changed.push(slivers.slice(0, 2).flat() as number[]));
  schedule.save(item('a', 5000, 9000));
  schedule.look();
  await vi.advanceTimersByTimeAsync(5000);
  await vi.advanceTimersByTimeAsync(4000);
  expect(told).toEqual([
    ['a', 'active'],
    ['a', 'ended'],
  ]);
  expect(changed).toHaveLength(2);
  schedule.close();
});

it('ends by the clock on a full disk too, and is told when that has room again', async () => {
  const schedule = open();
  schedule.watch((ended) => void changed.push([...ended]));
  schedule.save(item('a', 0, 5000));
  schedule.look();
  full(true);
  await vi.advanceTimersByTimeAsync(5000);
  expect(changed.at(-1)).toEqual([1]);
  full(false);
  await vi.advanceTimersByTimeAsync(10_000);
  const { length } = told;
  expect(told.at(-1)).toEqual(['a', 'ended']);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(told).toHaveLength(length);
  schedule.close();
});

it('a daemon that starts on a full disk drops what slivers had that are gone', () => {
  open().save(item('a', 0, 5000));
  database.sql.exec(
    "CREATE TRIGGER full BEFORE DELETE ON schedule BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END",
  );
  const schedule = open();
  expect(schedule.of(1)).toHaveLength(1);
  schedule.keep(() => false);
  expect(schedule.list()).toEqual([]);
});
