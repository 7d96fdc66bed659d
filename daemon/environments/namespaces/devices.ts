import { randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, renameSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { deviceNumber } from '../../kernel/mounts.ts';
import { run } from '../../kernel/run.ts';
import type { KernelProfile } from '../profiles.ts';

/**
 * Nodes for the profile's devices that this machine has, for `OciInput.deviceNodes`. Root inside is nobody to the
 * host's nodes, so one that isn't open to all (udev opens tun and fuse; a kernel without udev doesn't) gets a node of
 * our own in `folder`, which must be on a file system without nodev. Doctor tells of those that are missing.
 */
export async function deviceNodes(
  profile: KernelProfile,
  folder: string,
): Promise<{ source: string; destination: string }[]> {
  const nodes: { source: string; destination: string }[] = [];
  for (const destination of profile.devices.flatMap((group) => group.paths)) {
    const host = characterDevice(destination);
    if (!host) continue;
    if ((host.mode & 0o006) === 0o006) nodes.push({ source: destination, destination });
    else nodes.push({ source: await ownNode(`${folder}${destination}`, host.rdev), destination });
  }
  return nodes;
}

async function ownNode(path: string, rdev: number): Promise<string> {
  if (characterDevice(path)?.rdev !== rdev) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    // Two slivers may start at once: each makes one, and either will do.
    const made = `${path}.${randomUUID()}`;
    const { major, minor } = deviceNumber(rdev);
    await run('mknod', [made, 'c', String(major), String(minor)]);
    chmodSync(made, 0o666);
    renameSync(made, path);
  }
  return path;
}

function characterDevice(path: string): Stats | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  return found?.isCharacterDevice() ? found : undefined;
}
