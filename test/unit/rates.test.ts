import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { admit } from '../../daemon/resources/admission.ts';
import { DEFAULT_RSPEC, mergeRSpec } from '../../daemon/resources/rspec.ts';
import { classesOf, planClasses, promisable, type Share } from '../../netns/rates/plan.ts';

const FREE: Share = {
  min: 0,
  max: Number.POSITIVE_INFINITY,
  exemptMax: Number.POSITIVE_INFINITY,
  weight: 100,
};
const NO_CAP = { cap: Number.POSITIVE_INFINITY };
const plan = (cap: number, ...shares: Partial<Share>[]) =>
  planClasses({ cap }, new Map(shares.map((share, at) => [at + 1, { ...FREE, ...share }])));

describe('the classes of a line', () => {
  it('are none where nothing is bounded', () => {
    expect(planClasses(NO_CAP, new Map([[1, FREE]])).size).toBe(0);
  });

  it('without a cap are of those who are bounded alone', () => {
    const classes = plan(Number.POSITIVE_INFINITY, { max: 8e6 }, {}, { exemptMax: 4e6 });
    expect(classes.get(classesOf(classes, 1)[0])).toMatchObject({ rate: 8e6, ceil: 8e6 });
    expect(classesOf(classes, 2)).toEqual([0, 0]);
    expect(classesOf(classes, 3)[0]).toBe(0);
    expect(classes.get(classesOf(classes, 3)[1])).toMatchObject({ ceil: 4e6 });
  });

  it('share a cap by weight, above what each is promised', () => {
    const classes = plan(80e6, { min: 8e6, weight: 300 }, { weight: 100 });
    const [more, less] = [1, 2].map((id) => classes.get(classesOf(classes, id)[0])!);
    expect(more).toMatchObject({ rate: 8e6, ceil: 80e6 });
    expect(less).toMatchObject({ ceil: 80e6 });
    expect(more!.quantum).toBe(3 * less!.quantum);
  });

  it('hold for any RSpecs: nobody above the cap, no promises beyond it, each class below one that is there', () => {
    const rate = fc.integer({ min: 8000, max: 1e9 });
    const share = fc.record({
      min: fc.integer({ min: 0, max: 1e9 }),
      max: fc.oneof(rate, fc.constant(Number.POSITIVE_INFINITY)),
      exemptMax: fc.oneof(rate, fc.constant(Number.POSITIVE_INFINITY)),
      weight: fc.integer({ min: 1, max: 10_000 }),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1e6, max: 1e10 }), fc.array(share, { maxLength: 30 }), (cap, shares) => {
        const classes = plan(cap, ...shares);
        const own = shares.map((_, at) => classes.get(classesOf(classes, at + 1)[0])!);
        const least = 8000 * shares.length;
        expect(own.reduce((sum, { rate }) => sum + rate, 0)).toBeLessThanOrEqual(promisable(cap) + least);
        for (const { ceil } of own) expect(ceil).toBeLessThanOrEqual(cap);
        for (const { minor, parent, rate, ceil, quantum } of classes.values()) {
          expect(minor).toBeLessThan(0x10000);
          expect(parent === 0 || classes.has(parent)).toBe(true);
          expect(rate).toBeLessThanOrEqual(ceil);
          expect(quantum).toBeGreaterThan(1500);
        }
      }),
    );
  });
});

describe('minimum rates', () => {
  it('are never promised beyond what the owner gives', () => {
    admit('net.up.min', 95e6, 90e6, 5e6);
    expect(() => admit('net.up.min', 95e6, 90e6, 6e6)).toThrow(/6.0 Mbit.*95.0 Mbit.*5.0 Mbit/);
    admit('net.up.min', Number.POSITIVE_INFINITY, 90e6, 1e12);
  });
  it('that were promised stay, whatever the owner gives now', () => {
    admit('net.up.min', 10e6, 90e6, 6e6, 6e6);
    expect(() => admit('net.up.min', 10e6, 90e6, 7e6, 6e6)).toThrow(/0.0 Mbit/);
    admit('net.down.min', 10e6, 90e6, 0);
  });
});

it.each([
  [{ 'net.up.min': 2e6, 'net.up.max': 1e6 }, /net.up.min .*above net.up.max/],
  [{ 'net.down.day.bytes': 1e9, 'net.down.day.threshold': 2e9 }, /net.down.day.threshold.*never act/],
  [{ 'net.up.max': 100 }, /net.up.max/],
])('an RSpec with %j is refused', (given, why) =>
  expect(() => mergeRSpec(DEFAULT_RSPEC, given)).toThrow(why),
);
