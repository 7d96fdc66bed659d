import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { pipeline } from 'node:stream/promises';
import { pino } from 'pino';
import { debianMirrors } from '../../daemon/images/apt-sources.ts';
import { FILES, recipe } from '../../daemon/images/recipes.ts';
import { buildArchive, sourceLines } from '../../daemon/images/sources/build.ts';

/**
 * A tar of what `{ build: 'debian-12' }` makes, by the same code: built once (a minute or two), then shared by all
 * tests of this machine until the recipe or the machine's mirrors change.
 */
export async function baseImageTar(): Promise<string> {
  const cache = process.env.SLIVERD_CACHE ?? '/var/cache/sliverd';
  const made = recipe('debian-12');
  const inputs = JSON.stringify([made, FILES, sourceLines(made.release, debianMirrors())]);
  const path = `${cache}/test-debian-12-${createHash('sha256').update(inputs).digest('hex').slice(0, 16)}.tar`;
  if (existsSync(path)) return path;
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(`${cache}/build-`);
  try {
    const options = { progress: () => {}, scratch: `${work}/scratch`, log: pino({ level: 'silent' }) };
    await pipeline(buildArchive('debian-12', options), createWriteStream(`${work}/tar`));
    renameSync(`${work}/tar`, path);
  } finally {
    rmSync(work, { recursive: true });
  }
  return path;
}

/**
 * A tiny Linux of one static program (a shell and the common tools), made in milliseconds. The caller removes the
 * directory.
 */
export function smallImageDirectory(): string {
  const root = mkdtempSync(`${tmpdir()}/sliverd-small-image-`);
  chmodSync(root, 0o755);
  for (const directory of [
    'bin',
    'dev',
    'etc',
    'home',
    'proc',
    'root',
    'run',
    'sys',
    'tmp',
    'usr',
    'var/log',
    'var/tmp',
  ])
    mkdirSync(`${root}/${directory}`, { recursive: true });
  for (const directory of ['tmp', 'var/tmp']) chmodSync(`${root}/${directory}`, 0o1777);
  copyFileSync('/bin/busybox', `${root}/bin/busybox`);
  for (const tool of execFileSync('/bin/busybox', ['--list'], { encoding: 'utf8' }).split('\n'))
    if (tool !== '' && tool !== 'busybox') symlinkSync('busybox', `${root}/bin/${tool}`);
  for (const link of ['sbin', 'usr/bin', 'usr/sbin']) symlinkSync('/bin', `${root}/${link}`);
  const files = {
    passwd: 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n',
    group: 'root:x:0:\nnogroup:x:65534:\n',
    hosts: '127.0.0.1 localhost\n::1 localhost\n',
    hostname: 'small\n',
    'os-release': 'ID=small\nPRETTY_NAME="A small image"\n',
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(`${root}/etc/${name}`, content);
  return root;
}
