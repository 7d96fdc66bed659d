import { randomBytes } from 'node:crypto';
import { readdirSync, renameSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { run } from '../kernel/run.ts';

/** Names in the images' directory that are nobody's: work that is under way, or that a crash cut short. */
const PREFIX = '.staging-';

/** A fresh directory `<directory>/.staging-…` with an empty `root` in it. */
export async function makeStaging(directory: string): Promise<string> {
  const staging = `${directory}/${PREFIX}${randomBytes(8).toString('hex')}`;
  await mkdir(staging, { mode: 0o700 });
  await mkdir(`${staging}/root`, { mode: 0o755 });
  return staging;
}

export function listStaging(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.startsWith(PREFIX))
    .map((name) => `${directory}/${name}`);
}

/** Takes a tree out of its place in one step; removing what it gives may then take its time. */
export function retire(directory: string, tree: string): string {
  const staging = `${directory}/${PREFIX}${randomBytes(8).toString('hex')}`;
  renameSync(tree, staging);
  return staging;
}

export async function removeTree(path: string): Promise<void> {
  await run('rm', ['-rf', '--one-file-system', '--', path], { timeout: 600_000 });
}
