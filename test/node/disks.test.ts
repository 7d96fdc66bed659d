import {
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  rmSync,
  statfsSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { afterAll, expect, it } from 'vitest';
import { filled } from '../../daemon/environments/namespaces/disks/filler.ts';
import { loopDisk } from '../../daemon/environments/namespaces/disks/loop.ts';
import { run } from '../../daemon/kernel/run.ts';
import { sliverRecord } from '../record.ts';
import { scratch } from './harness.ts';

const MIB = 2 ** 20;
const home = scratch('disks');
const folder = (name: string) => {
  mkdirSync(`${home}/${name}`);
  return `${home}/${name}`;
};
const sliver = (bytes: number) => {
  const record = sliverRecord();
  return { ...record, rspec: { ...record.rspec, 'disk.bytes': bytes, 'disk.inodes': 2000 } };
};
const mounts: string[] = [];
const mount = async (disk: string, bytes: number) => {
  const point = folder(`mount-${mounts.length}`);
  mounts.push(point);
  return loopDisk.open(disk, point, sliver(bytes));
};
afterAll(() => {
  for (const point of mounts) loopDisk.close(point);
  rmSync(home, { recursive: true, force: true });
});

it('a disk whose lease was over when the power went is as large as its record at the next start', async () => {
  const disk = folder('disk');
  await loopDisk.make(disk, sliver(128 * MIB));
  const contents = await mount(disk, 128 * MIB);
  await run('sync', ['-f', contents]);
  loopDisk.resize(disk, sliver(64 * MIB));
  expect(filled(contents)).toBeGreaterThanOrEqual(64 * MIB);
  // Deleted and open still: the file system has something to mend.
  writeFileSync(`${contents}/open`, 'x');
  const fd = openSync(`${contents}/open`, 'r');
  unlinkSync(`${contents}/open`);
  await run('sync', ['-f', contents]);
  const after = folder('after');
  copyFileSync(`${disk}/disk.img`, `${after}/disk.img`);
  closeSync(fd);

  const found = await mount(after, 64 * MIB);
  expect(filled(found)).toBe(0);
  const { blocks, bsize } = statfsSync(found);
  expect(blocks * bsize).toBeLessThanOrEqual(64 * MIB);
});
