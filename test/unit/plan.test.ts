import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Observed, Phase } from '../../daemon/environments/environment.ts';
import { plan, wants } from '../../daemon/slivers/plan.ts';
import type { Desired, SliverRecord } from '../../daemon/slivers/record.ts';
import { sliverRecord } from '../record.ts';

const NOW = 1_000_000;

const record = (changes: Partial<SliverRecord> = {}) => sliverRecord({ disk: 2, run: 5, ...changes });

/** What a phase does to the world, as the environments promise it. */
function act(phase: Phase, world: Observed, wanted: SliverRecord): Observed {
  switch (phase) {
    case 'provision':
      return { ...world, disks: [...new Set([...world.disks, wanted.disk])] };
    case 'start':
      return { ...world, container: 'running', run: wanted.run, disk: wanted.disk, pid: 42 };
    case 'freeze':
      return { ...world, container: 'frozen' };
    case 'thaw':
      return { ...world, container: 'running' };
    case 'stop':
      return { container: 'absent', disks: world.disks, debris: world.debris };
    case 'discard':
      return {
        ...world,
        disks: world.disks.filter((disk) => wanted.desired !== 'deleted' && disk === wanted.disk),
        debris: false,
      };
    case 'apply':
      return world;
  }
}

const world = fc.record({
  container: fc.constantFrom<Observed['container']>('absent', 'partial', 'running', 'frozen'),
  run: fc.integer({ min: 4, max: 6 }),
  disk: fc.integer({ min: 1, max: 3 }),
  pid: fc.constant(7),
  disks: fc.uniqueArray(fc.integer({ min: 1, max: 3 })),
  debris: fc.boolean(),
});
const wanted = fc.record({
  desired: fc.constantFrom<Desired>('running', 'stopped', 'frozen', 'deleted'),
  expiresAt: fc.constantFrom(null, NOW - 1, NOW + 1),
});

describe('plan', () => {
  it('leads from any state of the world to what is desired, and then has nothing left to do', () => {
    fc.assert(
      fc.property(world, wanted, (start, changes) => {
        const sliver = record(changes);
        let now: Observed = start;
        for (const phase of plan(sliver, now, NOW)) now = act(phase, now, sliver);
        const goal = wants(sliver, NOW);
        expect(now.container).toBe(goal);
        expect(now.disks).toEqual(sliver.desired === 'deleted' ? [] : [2]);
        expect(now.debris).toBe(false);
        if (goal !== 'absent') expect([now.run, now.disk]).toEqual([5, 2]);
        expect(plan(sliver, now, NOW).filter((phase) => phase !== 'apply')).toEqual([]);
      }),
      { numRuns: 2000 },
    );
  });

  it('never stops what runs as it should, whatever else is to do', () => {
    fc.assert(
      fc.property(world, fc.constantFrom<Desired>('running', 'frozen'), (start, desired) => {
        const running: Observed = {
          ...start,
          container: 'running',
          run: 5,
          disk: 2,
          disks: [...new Set([...start.disks, 2])],
        };
        expect(plan(record({ desired }), running, NOW)).not.toContain('stop');
        expect(plan(record({ desired }), running, NOW)).not.toContain('start');
      }),
    );
  });

  it('stops before it discards, and provisions before it starts', () => {
    const reset = plan(
      record({ disk: 3, run: 6 }),
      { container: 'running', run: 5, disk: 2, disks: [2], debris: false },
      NOW,
    );
    expect(reset).toEqual(['stop', 'discard', 'provision', 'start']);
  });
});
