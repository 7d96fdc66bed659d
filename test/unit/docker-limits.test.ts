import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EngineFacts } from '../../daemon/environments/docker/engine.ts';
import { changedLimits, type EngineLimits, engineLimits } from '../../daemon/environments/docker/limits.ts';
import { fromStats } from '../../daemon/environments/docker/usage.ts';
import { DEFAULT_RSPEC } from '../../daemon/resources/rspec.ts';

const facts = (missing: string[] = []): EngineFacts => {
  const has = (name: string) => !missing.includes(name);
  return {
    version: '20.10.24',
    cgroupDriver: 'cgroupfs',
    remapped: false,
    storage: { root: '/var/lib/docker', driver: 'overlay2 on extfs', seen: true, quota: true },
    limits: {
      memory: has('memory'),
      swap: has('swap'),
      'cpu.max': has('cpu.max'),
      'cpu.weight': has('cpu.weight'),
      cpuset: has('cpuset'),
      pids: has('pids'),
    },
  };
};
const machine = { memoryBytes: 4 * 2 ** 30, cpus: '0-3' };
const limits = (rspec: object, missing?: string[]) =>
  engineLimits({ ...DEFAULT_RSPEC, ...rspec }, facts(missing), machine);

describe('an RSpec in the terms of a Docker engine', () => {
  it('every cpu.weight comes out of the runtime as it went in', () => {
    // ConvertCPUSharesToCgroupV2Value of runc, in whole numbers.
    const weightOf = (shares: number) => 1 + Math.floor(((shares - 2) * 9999) / 262_142);
    const all = Array.from({ length: 10_000 }, (_, index) => index + 1);
    expect(
      all.filter((weight) => weightOf(limits({ 'cpu.weight': weight }).CpuShares ?? 0) !== weight),
    ).toEqual([]);
  });

  it('"no limit" is never 0 or empty, which an engine takes as "leave it as it is"', () => {
    const none = {
      'cpu.max': 'max',
      'memory.max': 'max',
      'memory.swap.max': 'max',
      'pids.max': 'max',
    } as const;
    expect(limits({ ...none, 'cpuset.cpus': '' })).toMatchObject({
      CpuQuota: -1,
      CpusetCpus: '0-3',
      Memory: machine.memoryBytes,
      MemorySwap: -1,
      PidsLimit: -1,
    });
  });

  it('counts swap on top of memory, as an engine does', () => {
    expect(limits({ 'memory.max': 1000, 'memory.swap.max': 200 })).toMatchObject({
      Memory: 1000,
      MemorySwap: 1200,
    });
    expect(limits({ 'memory.max': 1000, 'memory.swap.max': 0 })).toMatchObject({
      Memory: 1000,
      MemorySwap: 1000,
    });
  });

  it('asks for no quota below the least that the kernel takes, a millisecond in its period', () => {
    expect(limits({ 'cpu.max': 0.01 })).toMatchObject({ CpuPeriod: 100_000, CpuQuota: 1000 });
    expect(limits({ 'cpu.max': 0.001 }).CpuQuota).toBe(1000);
  });

  it('asks for nothing that the engine lacks', () => {
    expect(limits({}, ['memory', 'swap', 'cpu.max', 'cpu.weight', 'cpuset', 'pids'])).toEqual({});
    expect(limits({}, ['swap'])).not.toHaveProperty('MemorySwap');
  });
});

describe('what is changed of a container', () => {
  const now = (rspec: object): EngineLimits => limits(rspec);

  it('is nothing where it has all, whatever else the engine tells of it', () => {
    const arbitrary = fc.record({
      'cpu.weight': fc.integer({ min: 1, max: 10_000 }),
      'cpu.max': fc.oneof(fc.constant('max'), fc.double({ min: 0.01, max: 4096, noNaN: true })),
      'memory.max': fc.oneof(fc.constant('max'), fc.integer({ min: 4 << 20 })),
      'pids.max': fc.oneof(fc.constant('max'), fc.integer({ min: 8, max: 4_194_304 })),
    });
    fc.assert(
      fc.property(arbitrary, (rspec) => {
        expect(changedLimits(limits(rspec), { ...now(rspec), Binds: ['/a:/b'] })).toEqual({});
      }),
    );
  });

  it('brings memory and swap together: a memory above the old sum would be refused', () => {
    const changes = changedLimits(limits({ 'memory.max': 2 ** 30 }), { ...now({ 'memory.max': 2 ** 28 }) });
    expect(changes).toEqual({ Memory: 2 ** 30, MemorySwap: 2 ** 30 });
    const swapAlone = changedLimits(limits({ 'memory.swap.max': 4096 }), { ...now({}) });
    expect(swapAlone).toEqual({ Memory: 512 * 2 ** 20, MemorySwap: 512 * 2 ** 20 + 4096 });
  });

  it('brings quota and period together', () => {
    expect(changedLimits(limits({ 'cpu.max': 0.5 }), { ...now({}) })).toEqual({
      CpuPeriod: 100_000,
      CpuQuota: 50_000,
    });
  });
});

describe('usage by a sample of the engine', () => {
  it('is in our units, on cgroup v2', () => {
    const sample = {
      cpu_stats: { cpu_usage: { total_usage: 37_512_999 }, throttling_data: { throttled_time: 2_000_400 } },
      memory_stats: { usage: 372_736 },
      pids_stats: { current: 3 },
      blkio_stats: {
        io_service_bytes_recursive: [
          { op: 'read', value: 4096 },
          { op: 'write', value: 8192 },
          { op: 'read', value: 1 },
        ],
        io_serviced_recursive: null, // as every engine on v2 has it
      },
    };
    expect(fromStats(sample)).toEqual({
      cpuMicroseconds: 37_513,
      cpuThrottledMicroseconds: 2000,
      memoryBytes: 372_736,
      processes: 3,
      io: { readBytes: 4097, writeBytes: 8192, reads: 0, writes: 0 },
    });
  });

  it('counts operations on cgroup v1, which also sums them up under names of its own', () => {
    const rows = [
      { op: 'Read', value: 2 },
      { op: 'Write', value: 5 },
      { op: 'Total', value: 7 },
    ];
    const { io } = fromStats({
      blkio_stats: { io_service_bytes_recursive: rows, io_serviced_recursive: rows },
    });
    expect(io).toEqual({ readBytes: 2, writeBytes: 5, reads: 2, writes: 5 });
  });

  it('has no zero for what was not told', () => {
    expect(fromStats({})).toEqual({});
    expect(
      fromStats({ memory_stats: {}, pids_stats: {}, blkio_stats: { io_service_bytes_recursive: null } }),
    ).toEqual({});
  });
});
