import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { allocate, cores, formatCores, parseCores } from '../../daemon/resources/leases/exclusive.ts';
import type { Lease } from '../../daemon/resources/leases/lease.ts';

const lease = (rspec: Lease['rspec'], from: number, until: number, has: number[] = []) =>
  ({ rspec, from, until, cores: has }) as unknown as Lease;

it('cores are those of the machine, threads of one beside each other', () => {
  const root = mkdtempSync('/tmp/sliverd-cores-');
  writeFileSync(`${root}/online`, '0-3,6\n');
  for (const [cpu, core] of [
    [0, 0],
    [1, 1],
    [2, 0],
    [3, 1],
    [6, 0],
  ] as const) {
    mkdirSync(`${root}/cpu${cpu}/topology`, { recursive: true });
    writeFileSync(`${root}/cpu${cpu}/topology/core_id`, `${core}\n`);
    writeFileSync(`${root}/cpu${cpu}/topology/physical_package_id`, cpu === 6 ? '1\n' : '0\n');
  }
  expect(cores(root)).toEqual([0, 2, 1, 3, 6]);
  rmSync(root, { recursive: true });
  expect(cores().length).toBeGreaterThan(0);
});

it('cores are written as the kernel reads them', () => {
  expect(parseCores('0-2,5')).toEqual([0, 1, 2, 5]);
  expect(parseCores('')).toEqual([]);
  expect(formatCores([10, 2])).toBe('2,10');
});

it('nobody else has leased cores at any time of the lease', () => {
  const wanted = lease({ 'cpu.cores': 2 }, 0, 10);
  expect(allocate(wanted, [], [1, 2, 3])).toEqual([2, 3]);
  const others = [lease({ 'cpu.cores': 1 }, 9, 20, [3]), lease({ 'cpu.cores': 1 }, 10, 20, [2])];
  expect(allocate(wanted, others, [1, 2, 3])).toEqual([1, 2]);
  expect(() => allocate(wanted, others, [2, 3])).toThrow(
    /cpu.cores: 2 asked for, but of the 2 .* 1 are free/,
  );
  expect(allocate(lease({ 'memory.max': 1 }, 0, 10), others, [])).toEqual([]);
});

it('the whole node excludes whole cores, both ways round', () => {
  const node = lease({ node: 1 }, 0, 10);
  expect(allocate(node, [lease({ 'pids.max': 5 }, 0, 10)], [1])).toEqual([]);
  expect(() => allocate(node, [lease({ 'cpu.cores': 1 }, 5, 20, [1])], [1])).toThrow(
    /cores of the node are leased/,
  );
  expect(() => allocate(lease({ 'cpu.cores': 1 }, 0, 10), [node], [1])).toThrow(/the whole node is leased/);
  expect(allocate(lease({ 'cpu.cores': 1 }, 10, 20), [node], [1])).toEqual([1]);
});
