import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Holding, peak, withAmounts } from '../../daemon/resources/amounts.ts';
import { DEFAULT_RSPEC, mergeRSpec } from '../../daemon/resources/rspec.ts';

const holding = (amount: number, from: number, until: number): Holding => ({
  rspec: { 'pids.max': amount },
  from,
  until,
});

describe('what is held at once', () => {
  it('is no more where one ends as another begins', () => {
    expect(peak([holding(3, 0, 10), holding(4, 10, 20)], 'pids.max', 0, 20)).toBe(4);
    expect(peak([holding(3, 0, 11), holding(4, 10, 20)], 'pids.max', 0, 20)).toBe(7);
    expect(peak([holding(3, 0, 11), holding(4, 10, 20)], 'pids.max', 11, 20)).toBe(4);
    expect(peak([holding(3, 0, 11)], 'cpu.max', 0, 20)).toBe(0);
  });

  it('is what counting at each moment gives', () => {
    const times = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.nat(20), fc.integer({ min: 1, max: 9 }));
    fc.assert(
      fc.property(
        fc.array(times, { maxLength: 12 }),
        fc.nat(20),
        fc.integer({ min: 1, max: 20 }),
        (all, from, length) => {
          const holdings = all.map(([amount, start, lasts]) => holding(amount, start, start + lasts));
          const at = (moment: number) =>
            holdings
              .filter((one) => one.from <= moment && moment < one.until)
              .reduce((sum, one) => sum + (one.rspec['pids.max'] ?? 0), 0);
          const moments = Array.from({ length }, (_, step) => from + step);
          expect(peak(holdings, 'pids.max', from, from + length)).toBe(Math.max(0, ...moments.map(at)));
        },
      ),
    );
  });

  it('adds parts of cores as people do', () => {
    const parts = [0.1, 0.2].map((cores) => ({ rspec: { 'cpu.max': cores }, from: 0, until: 1 }));
    expect(peak(parts, 'cpu.max', 0, 1)).toBe(0.3);
  });
});

describe('resources with more on top', () => {
  it('stay without bound where they had none, and in the range that the kernel takes', () => {
    const rspec = withAmounts(DEFAULT_RSPEC, [{ 'cpu.max': 2, 'cpu.weight': 20_000, 'pids.max': 6 }]);
    expect(rspec).toMatchObject({ 'cpu.max': 'max', 'cpu.weight': 10_000, 'pids.max': 1030 });
    expect(withAmounts(DEFAULT_RSPEC, [])).toEqual(DEFAULT_RSPEC);
  });

  it('stay what the kernel takes, where more is lent than there is', () => {
    const lent = { 'cpu.weight': 90, 'pids.max': 1000, 'memory.max': 2 ** 29, 'net.connections': 4000 };
    const rspec = withAmounts(DEFAULT_RSPEC, [], [lent, lent]);
    expect(mergeRSpec(DEFAULT_RSPEC, rspec)).toEqual(rspec);
    expect(rspec).toMatchObject({ 'cpu.weight': 1, 'pids.max': 8, 'memory.max': 4 << 20 });
  });

  it('keep what is promised below what is allowed, and inodes to what the disk has room for', () => {
    const base = mergeRSpec(DEFAULT_RSPEC, {
      'net.up.max': 1e6,
      'disk.bytes': 2 ** 24,
      'disk.inodes': 2 ** 15,
    });
    const rspec = withAmounts(base, [{ 'net.up.min': 3e6, 'disk.inodes': 1 }]);
    expect(rspec).toMatchObject({ 'net.up.min': 3e6, 'net.up.max': 3e6, 'disk.inodes': 2 ** 15 });
    expect(() => mergeRSpec(rspec, {})).not.toThrow();
  });
});
