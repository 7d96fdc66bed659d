import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, expect, it } from 'vitest';
import { applyLimits, limitFiles } from '../../daemon/cgroups/limits.ts';
import { cgroupUsage } from '../../daemon/cgroups/usage.ts';
import { DEFAULT_RSPEC } from '../../daemon/resources/rspec.ts';

const folder = mkdtempSync(`${tmpdir()}/sliverd-cgroup-`);
afterAll(() => rmSync(folder, { recursive: true }));
const ALL = new Set(['cpu', 'cpuset', 'memory', 'pids', 'io']);

it('an RSpec becomes the files of cgroup v2', () => {
  const rspec = {
    ...DEFAULT_RSPEC,
    'cpu.max': 0.5,
    'memory.max': 100_000_001,
    'cpuset.cpus': '0-1',
    'io.wbps': 1048576,
  };
  expect(Object.fromEntries(limitFiles(rspec, ALL, '7:3'))).toEqual({
    'cpu.weight': '100',
    'cpu.max': '50000 100000',
    'cpuset.cpus': '0-1',
    'memory.high': 'max',
    'memory.max': '99999744', // whole pages, as the kernel keeps it
    'memory.swap.max': '0',
    'pids.max': '1024',
    'io.weight': 'default 100',
    'io.max': '7:3 rbps=max wbps=1048576 riops=max wiops=max',
  });
});

it('controllers that the node lacks are left alone', () => {
  expect(limitFiles(DEFAULT_RSPEC, new Set(['pids']))).toEqual([['pids.max', '1024']]);
});

it('only what differs is written, and a device without limits has no line in io.max', () => {
  writeFileSync(`${folder}/pids.max`, '1024\n');
  writeFileSync(`${folder}/cpu.weight`, '50\n');
  writeFileSync(`${folder}/io.max`, '');
  const files: [string, string][] = [
    ['pids.max', '1024'],
    ['cpu.weight', '100'],
    ['io.weight', 'default 100'],
    ['io.max', '7:3 rbps=max wbps=max riops=max wiops=max'],
  ];
  expect(applyLimits(folder, files)).toEqual(['cpu.weight']);
  expect(readFileSync(`${folder}/cpu.weight`, 'utf8')).toBe('100\n');
  expect(applyLimits(folder, [['io.max', '7:3 rbps=max wbps=5 riops=max wiops=max']])).toEqual(['io.max']);
});

it('gives every core back by their numbers: the kernel takes no empty cpuset.cpus from one that had some', () => {
  const cgroup = mkdtempSync(`${folder}/cpuset-`);
  const all: [string, string][] = [['cpuset.cpus', '']];
  writeFileSync(`${cgroup}/cpuset.cpus`, '\n');
  expect(applyLimits(cgroup, all)).toEqual([]);
  writeFileSync(`${folder}/cpuset.cpus.effective`, '0-3\n');
  writeFileSync(`${cgroup}/cpuset.cpus`, '1\n');
  expect(applyLimits(cgroup, all)).toEqual(['cpuset.cpus']);
  expect(readFileSync(`${cgroup}/cpuset.cpus`, 'utf8')).toBe('0-3\n');
  expect(applyLimits(cgroup, all)).toEqual([]);
});

it('usage tells what the kernel tells, and nothing that it does not', () => {
  const empty = mkdtempSync(`${folder}/empty-`);
  expect(cgroupUsage(empty)).toEqual({});
  writeFileSync(`${empty}/cpu.stat`, 'usage_usec 12\nthrottled_usec 3\n');
  writeFileSync(
    `${empty}/io.stat`,
    '7:0 rbytes=1 wbytes=2 rios=3 wios=4\n8:0 rbytes=10 wbytes=20 rios=30 wios=40\n',
  );
  for (const kind of ['cpu', 'memory', 'io'])
    writeFileSync(`${empty}/${kind}.pressure`, 'some avg10=1.50 avg60=0.00 avg300=0.00 total=1\n');
  expect(cgroupUsage(empty)).toEqual({
    cpuMicroseconds: 12,
    cpuThrottledMicroseconds: 3,
    io: { readBytes: 11, writeBytes: 22, reads: 33, writes: 44 },
    pressure: { cpu: { some: 1.5, full: 0 }, memory: { some: 1.5, full: 0 }, io: { some: 1.5, full: 0 } },
  });
});
