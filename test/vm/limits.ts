import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KERNELS, told, vm } from './vm.ts';

const MIB = 2 ** 20;
/** Two emulated machines share two processors, and a Docker engine takes seconds for an exec there. */
const SECONDS = 1200;

/**
 * What every environment holds its slivers to: each limit bites in the sliver that has it, and is felt in no other.
 * test/vm/guest/limits.ts does it, one boot for all.
 */
export const limits = (environment: 'namespaces' | 'docker') =>
  describe.each(KERNELS)(`a greedy sliver by ${environment} on Debian kernel %s`, (kernel) => {
    const directory = mkdtempSync(join(tmpdir(), 'sliverd-vm-test.'));
    let seen: ReturnType<typeof told>;

    beforeAll(
      async () => {
        const logs = '/run/sliverd.log /data/engine/log';
        const script = `node test/vm/guest/limits.ts ${environment} || { tail -n 30 ${logs}; exit 1; }`;
        const result = await vm(
          { kernel, disk: join(directory, 'disk.img'), timeoutSeconds: SECONDS },
          script,
        );
        expect(result.exitCode, result.output).toBe(0);
        seen = told(result.output);
      },
      1000 * (SECONDS + 60),
    );
    afterAll(() => rmSync(directory, { recursive: true }));

    it('is on a node where every limit holds', () => {
      const missing = seen.node.degraded.map(({ what }: { what: string }) => what);
      expect(
        missing.filter((what: string) =>
          /limit|controller|quota|cgroup|memory|swap|cpu|pids|disk\.|io\./.test(what),
        ),
      ).toEqual([]);
    });

    it('that takes memory is killed at memory.max: the greedy process alone, counted there alone', () => {
      const { ran, usage, hog } = seen.memory;
      expect(ran.stdout).toContain('tail ended with 137');
      expect(usage.hog.memoryPeakBytes).toBeLessThanOrEqual(64 * MIB);
      expect(usage.hog.memoryEvents.oom_kill).toBeGreaterThan(0);
      expect(usage.calm.memoryEvents.oom_kill).toBe(0);
      expect(hog).toMatchObject({ state: 'running', cause: null });
    });

    it('leaves the owner his reserve of cores, together with its neighbour', () => {
      const { microseconds, atFirst, atLast } = seen.reserve;
      const cores = (atLast.usage_usec - atFirst.usage_usec) / microseconds;
      expect(cores).toBeGreaterThan(0.3); // they tried
      expect(cores).toBeLessThan(1.1); // two, less one of reserve
      expect(atLast.nr_throttled).toBeGreaterThan(atFirst.nr_throttled);
    });

    it('that takes the CPU gets its cpu.max, changed while it ran', () => {
      const { microseconds, before, after } = seen.cpu;
      const share = (after.hog.cpuMicroseconds - before.hog.cpuMicroseconds) / microseconds;
      expect(share).toBeGreaterThan(0.05);
      expect(share).toBeLessThan(0.25);
      expect(after.hog.cpuThrottledMicroseconds).toBeGreaterThan(before.hog.cpuThrottledMicroseconds);
      expect(after.calm.cpuThrottledMicroseconds).toBe(0);
    });

    it('runs on the cores of its cpuset.cpus, and on all of them again, while it runs', () => {
      const { bound, free } = seen.cores;
      expect([bound.hog.stdout, bound.calm.stdout]).toEqual(['1\n', '2\n']);
      expect([free.hog.stdout, free.calm.stdout]).toEqual(['2\n', '2\n']);
    });

    it('has a core alone by a lease, while it runs, and gives it back', () => {
      const { lease, during, after } = seen.alone;
      const list = ({ stdout }: { stdout: string }) => stdout.split(/\s+/)[1];
      expect(lease.cores).toEqual([1]);
      expect([list(during.hog), list(during.calm)]).toEqual(['1', '0']);
      expect([list(after.hog), list(after.calm)]).toEqual(['0-1', '0-1']);
    });

    it('that forks without end stops at pids.max, and can be restarted in the midst of it', () => {
      const { usage, calmRan, restarted, afterwards } = seen.pids;
      expect(usage.hog.pidsRefused).toBeGreaterThan(0);
      expect(usage.hog.processes).toBeLessThanOrEqual(40);
      expect(usage.calm.pidsRefused).toBe(0);
      expect(calmRan).toMatchObject({ exitCode: 0, stdout: 'fine\n' });
      expect(restarted).toMatchObject({ state: 'running', cause: null });
      expect(afterwards.processes).toBe(1);
    });

    it('that writes is held to its io.max', () => {
      const { hog, calm, usage } = seen.io;
      for (const { ran } of [hog, calm]) expect(ran).toMatchObject({ exitCode: 0 });
      expect(hog.seconds).toBeGreaterThan(3); // 4 MiB at 1 MiB a second, less a first allowance
      expect(calm.seconds).toBeLessThan(hog.seconds);
      expect(usage.hog.io.writeBytes).toBeGreaterThanOrEqual(4 * MIB);
    });

    it('that fills its disk is refused more bytes and files, frees some and goes on; its neighbour writes as before', () => {
      const refusal = /No space left on device|quota exceeded/i;
      const { etc, space, full, freed, files, crowded } = seen.disk;
      expect(etc).toMatchObject({ exitCode: 1, stdout: expect.stringMatching(refusal) });
      expect(space.hog).toMatchObject({ exitCode: 1, stdout: expect.stringMatching(refusal) });
      expect(full.diskBytes).toBeLessThanOrEqual(32 * MIB);
      expect(freed).toMatchObject({ exitCode: 0, stdout: 'again\n' });
      expect(files.hog).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(refusal) });
      expect(crowded.diskInodes).toBeLessThanOrEqual(2000);
      expect([space.calm.exitCode, files.calm.exitCode]).toEqual([0, 0]);
    });

    it('leaves its neighbour running, untouched, and the kernel clean', () => {
      const { pid, state } = seen.calm.atFirst;
      expect(seen.calm.atLast).toMatchObject({ pid, state: 'running', cause: null });
      const { images, ...rest } = seen.left;
      expect(images).toHaveLength(1);
      expect(Object.values(rest).flat()).toEqual([]);
      expect(state).toBe('running');
    });
  });
