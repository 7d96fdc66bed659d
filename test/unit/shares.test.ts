import { describe, expect, it } from 'vitest';
import { DEFAULT_RSPEC, type RSpec } from '../../daemon/resources/rspec.ts';
import type { Role } from '../../daemon/slivers/roles.ts';
import { admitShare } from '../../daemon/slivers/shares.ts';
import { sliverRecord } from '../record.ts';

const GIB = 2 ** 30;
const rspec = (changes: Partial<RSpec> = {}): RSpec => ({ ...DEFAULT_RSPEC, 'memory.max': GIB, ...changes });
const by = (...roles: Role[]) => ({ name: 'ucb_sa', roles });
const of = (name: string, authority: string | null = 'ucb_sa') =>
  sliverRecord({ name, authority, rspec: rspec() });

describe('the share of an authority', () => {
  const memory: Role = { role: 'authority', slices: ['ucb_*'], share: { 'memory.max': 2 * GIB } };

  it('is for what it created together, and nobody else', () => {
    const all = [of('ucb_a'), of('ucb_b', null), of('ucb_c', 'mit_sa')];
    expect(() => admitShare(all, by(memory), 'ucb_d', rspec())).not.toThrow();
    expect(() => admitShare([...all, of('ucb_e')], by(memory), 'ucb_d', rspec())).toThrow(
      /memory.max: 1073741824 asked for, but of ucb_sa's share of 2147483648 there is 0 left/,
    );
  });

  it('has no room for what has no bound', () =>
    expect(() => admitShare([], by(memory), 'ucb_d', rspec({ 'memory.max': 'max' }))).toThrow(/no bound/));

  it('counts slivers', () => {
    const two: Role = { role: 'authority', slices: ['ucb_*'], share: { slivers: 2 } };
    expect(() => admitShare([of('ucb_a')], by(two), 'ucb_c', rspec())).not.toThrow();
    expect(() => admitShare([of('ucb_a'), of('ucb_b')], by(two), 'ucb_c', rspec())).toThrow(/2 of the 2/);
    // One that is there already may change.
    expect(() => admitShare([of('ucb_a'), of('ucb_b')], by(two), 'ucb_b', rspec(), rspec())).not.toThrow();
  });

  it('lets alone who asks for no more than before, though the share was made smaller', () => {
    const all = [of('ucb_a'), of('ucb_b'), of('ucb_c')];
    const less = rspec({ 'memory.max': GIB / 2 });
    expect(() => admitShare(all, by(memory), 'ucb_c', less, rspec())).not.toThrow();
    expect(() => admitShare(all, by(memory), 'ucb_c', rspec({ 'memory.max': GIB + 1 }), rspec())).toThrow();
  });

  it('is that of the first role which has the name; without one the node alone bounds', () => {
    const mit: Role = { role: 'authority', slices: ['mit_*'] };
    expect(() => admitShare([of('ucb_a'), of('ucb_b')], by(mit, memory), 'mit_d', rspec())).not.toThrow();
    expect(() => admitShare([of('ucb_a'), of('ucb_b')], by(mit, memory), 'ucb_d', rspec())).toThrow();
  });
});
