import { mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type DiskKind, Disks } from '../../daemon/environments/namespaces/disks/disks.ts';
import { NodePaths } from '../../daemon/node/paths.ts';
import { sliverRecord } from '../record.ts';

const sliver = sliverRecord();
let folder: string;
let disks: Disks;
/** What was done to the disk. */
let did: string[];

/** Disks that are a file each, and nothing else. */
const kind: DiskKind = {
  kind: 'loop',
  make: async (disk) => writeFileSync(`${disk}/file`, ''),
  remove: async () => {},
  open: async (disk) => disk,
  close: () => {},
  look: (disk, work) => work(disk),
  writtenAt: (disk) => statSync(`${disk}/file`).mtimeMs,
  device: () => undefined,
  resize: (_disk, { rspec }) => void did.push(`resized to ${rspec['disk.bytes']}`),
  usage: () => undefined,
};
/** @returns what a look at the disk did */
const check = (inOrder = true, bytes = 1) => {
  did = [];
  disks.check({ ...sliver, rspec: { ...sliver.rspec, 'disk.bytes': bytes } }, () => {
    did.push('looked');
    return inOrder;
  });
  return did;
};
const ALL = ['resized to 1', 'looked'];

beforeEach(async () => {
  folder = mkdtempSync(`${tmpdir()}/sliverd-disks-`);
  disks = new Disks(new NodePaths(folder, folder), kind);
  await disks.make(sliver);
});
afterEach(() => rmSync(folder, { recursive: true }));

it('a disk that was in order is looked into again when something was written to it', () => {
  expect(check()).toEqual(ALL);
  expect(check()).toEqual([]);
  utimesSync(`${disks.folder(sliver)}/file`, 1, 1);
  expect(check()).toEqual(ALL);
  expect(check()).toEqual([]);
});

it('one that was not, or is to have another size, each time', () => {
  expect(check(false)).toEqual(ALL);
  expect(check(false)).toEqual(ALL);
  expect(check()).toEqual(ALL);
  expect(check(true, 2)).toEqual(['resized to 2', 'looked']);
  expect(check(true, 2)).toEqual([]);
  expect(check()).toEqual(ALL);
});
