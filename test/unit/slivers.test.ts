import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { SliverdError } from '../../daemon/errors.ts';
import { admit, diskFree } from '../../daemon/resources/admission.ts';
import { DEFAULT_RSPEC, mergeRSpec, RSPEC_KEYS } from '../../daemon/resources/rspec.ts';
import { checkName, hostName } from '../../daemon/slivers/names.ts';
import { MAX_ID, uidBase } from '../../daemon/slivers/record.ts';
import { SliverStore } from '../../daemon/slivers/store.ts';
import { Turns } from '../../daemon/slivers/turns.ts';
import { Database } from '../../daemon/store/database.ts';
import { sliverRecord } from '../record.ts';

describe('names', () => {
  it.each(['ucb_p2ps', 'a_b', 'princeton1_codeen', 'x_1'])('%s is one', (name) =>
    expect(checkName(name)).toBe(name),
  );
  it.each([
    ['', /empty/],
    ['ucb', /two parts/],
    ['UCB_p2ps', /upper-case/],
    ['a_b_c', /more than one underscore/],
    ['_b', /start with a letter/],
    ['a_', /empty/],
    ['1a_b', /start with a letter/],
    ['a_b\n', /characters other/],
    ['../_b', /characters other/],
    [`${'a'.repeat(17)}_b`, /more than 16/],
  ])('%j is none, and says why', (name, why) => expect(() => checkName(name)).toThrow(why));
  it('holds nothing that a path, a shell or a host name gives a meaning', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          checkName(text);
        } catch (error) {
          expect(error).toBeInstanceOf(SliverdError);
          return;
        }
        expect(text).toMatch(/^[a-z0-9_]{3,32}$/);
        expect(hostName(text)).toMatch(/^[a-z][a-z0-9-]*[a-z0-9]$/);
      }),
    );
  });
});

describe('RSpecs', () => {
  it('lay given keys over defaults', () => {
    expect(mergeRSpec(DEFAULT_RSPEC, { 'cpu.max': 0.5 })).toEqual({ ...DEFAULT_RSPEC, 'cpu.max': 0.5 });
  });
  it('have a default for every key', () =>
    expect(Object.keys(DEFAULT_RSPEC).sort()).toEqual([...RSPEC_KEYS].sort()));
  it.each([
    [{ 'cpu.weight': 0 }, /cpu.weight = 0 .*1 to 10000/],
    [{ 'cpu.max': 'lots' }, /cpu.max/],
    [{ 'cpuset.cpus': '0-' }, /cpuset.cpus/],
    [{ 'memory.max': 1 }, /memory.max/],
    [{ nonsense: 1 }, /no key 'nonsense'/],
    [[], /object/],
    [{ 'memory.high': 2 ** 31, 'memory.max': 2 ** 30 }, /never act/],
    [{ 'disk.bytes': 8 << 20 }, /disk.bytes = 8388608 .*16777216 to/],
    [{ 'disk.inodes': 2 ** 23 }, /disk.inodes \(8388608\) .*room for 4194304: .*of 4294967296$/],
    [{ 'disk.bytes': 32 << 20, 'disk.inodes': 65_537 }, /room for 65536/],
  ])('refuse %j', (given, why) => expect(() => mergeRSpec(DEFAULT_RSPEC, given)).toThrow(why));

  it('have inodes that fit the disk, unless they are asked for', () => {
    const small = mergeRSpec(DEFAULT_RSPEC, { 'disk.bytes': 32 << 20 });
    expect(small['disk.inodes']).toBe(65_536);
    expect(mergeRSpec(small, { 'disk.bytes': 64 << 20 })['disk.inodes']).toBe(65_536);
    // What earlier versions took stays until it is changed.
    const before = { ...DEFAULT_RSPEC, 'disk.bytes': 32 << 20 };
    expect(mergeRSpec(before, { 'cpu.weight': 5 })['disk.inodes']).toBe(131_072);
  });
});

describe('ids', () => {
  const add = (store: SliverStore, name: string) => {
    const { id, ...record } = sliverRecord({ name });
    return store.add(record);
  };

  it('go round, so that one just freed comes last', () => {
    const store = new SliverStore(new Database(':memory:'));
    expect(add(store, 'a_a').id).toBe(1);
    expect(add(store, 'a_b').id).toBe(2);
    store.remove(2);
    expect(add(store, 'a_c').id).toBe(3);
    for (let i = 0; i < MAX_ID - 2; i++) add(store, `b_${i}`);
    expect(store.byId(2)).toBeDefined();
    expect(() => add(store, 'a_z')).toThrow(/in use/);
    store.remove(7);
    expect(add(store, 'a_z').id).toBe(7);
  });
  it('give uid ranges that do not overlap and stay positive as 32-bit numbers', () => {
    expect(uidBase(1)).toBe(0x7001_0000);
    expect(uidBase(MAX_ID) + 65_535).toBe(0x7fff_ffff);
  });
});

describe('admission', () => {
  it('never promises more disk than there is', () => {
    admit('disk.bytes', 10 * 2 ** 30, 8 * 2 ** 30, 2 * 2 ** 30);
    expect(() => admit('disk.bytes', 10 * 2 ** 30, 8 * 2 ** 30 + 1, 2 * 2 ** 30)).toThrow(
      /2.0 GiB asked for.*10.0 GiB.*can promise/,
    );
  });
});

describe('free disk', () => {
  it("is never more than there is for slivers, and none of what the node's owner keeps back", () => {
    const capacity = { cpus: 1, memoryBytes: 0, diskBytes: 8000 };
    const free = (available: number) => diskFree(capacity, available, { diskBytes: 1000 });
    expect([9000, 9500, 5000, 1000, 10].map(free)).toEqual([8000, 8000, 4000, 0, 0]);
  });
});

describe('turns', () => {
  it('are one at a time for a key, few at a time over all, and go on after a failure', async () => {
    const turns = new Turns(2, 60_000);
    const running = new Map<string, number>();
    let most = 0;
    const work = (key: string, fail: boolean) => async () => {
      running.set(key, (running.get(key) ?? 0) + 1);
      expect(running.get(key)).toBe(1);
      most = Math.max(
        most,
        [...running.values()].reduce((a, b) => a + b),
      );
      await new Promise((resolve) => setTimeout(resolve, 1));
      running.set(key, 0);
      if (fail) throw new Error('no');
      return key;
    };
    const all = Array.from({ length: 40 }, (_, i) => turns.take(`k${i % 5}`, work(`k${i % 5}`, i % 7 === 0)));
    const results = await Promise.allSettled(all);
    expect(most).toBe(2);
    expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(6);
    await turns.idle();
  });

  /** Work that goes on until it is told to end. */
  const held = (turns: Turns, key: string, again = false) => {
    const end = Promise.withResolvers<void>();
    let begun = false;
    const done = turns.take(
      key,
      () => {
        begun = true;
        return end.promise;
      },
      again,
    );
    const finish = () => {
      end.resolve();
      return done;
    };
    return { begun: () => begun, end: finish };
  };
  const settled = () => new Promise((resolve) => setImmediate(resolve));

  it('go to what is tried again in half of them at most, and after all that waits', async () => {
    const turns = new Turns(2, 60_000);
    const failing = ['a', 'b', 'c'].map((key) => held(turns, key, true));
    await settled();
    expect(failing.map(({ begun }) => begun())).toEqual([true, false, false]);
    const fresh = ['d', 'e'].map((key) => held(turns, key));
    await settled();
    expect(fresh.map(({ begun }) => begun())).toEqual([true, false]);
    await failing[0]!.end();
    await settled();
    expect([failing[1]!.begun(), fresh[1]!.begun()]).toEqual([false, true]);
    await Promise.all(fresh.map(({ end }) => end()));
    await settled();
    expect(failing.map(({ begun }) => begun())).toEqual([true, true, false]);
    await failing[1]!.end();
    await failing[2]!.end();
    await turns.idle();
  });

  it('are given on by what hangs, once', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const turns = new Turns(1, 1000);
      const hung = held(turns, 'a');
      const others = ['b', 'c', 'd'].map((key) => held(turns, key));
      const same = held(turns, 'a');
      await settled();
      expect(others.map(({ begun }) => begun())).toEqual([false, false, false]);
      vi.advanceTimersByTime(1000);
      await settled();
      expect(others.map(({ begun }) => begun())).toEqual([true, false, false]);
      // It ends after all: its turn is not free a second time, and its own next piece waits like the rest.
      await hung.end();
      await settled();
      expect([...others, same].map(({ begun }) => begun())).toEqual([true, false, false, false]);
      for (const each of [...others, same]) await each.end();
      await turns.idle();
    } finally {
      vi.useRealTimers();
    }
  });
});
