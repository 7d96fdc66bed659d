import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  cpSync,
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
import { basename, dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { pino } from 'pino';
import { debianMirrors } from '../../daemon/images/apt-sources.ts';
import { FILES, type Recipe, recipe } from '../../daemon/images/recipes.ts';
import { buildArchive, sourceLines } from '../../daemon/images/sources/build.ts';
import type { TestNode } from './harness.ts';

/** What `{ build: 'debian-12' }` makes, by the same code, as a tar. */
export function baseImageTar(): Promise<string> {
  return built('debian-12', recipe('debian-12'));
}

/** Programs that measure the network, serve names, and are asked for by ssh, as Debian has them, beside all of the base image. */
const NETWORK_PROGRAMS = [
  'at',
  'cron',
  'dhtnode',
  'dnsmasq-base',
  'dnsutils',
  'git',
  'hping3',
  'nftables',
  'nmap',
  'openssh-client',
  'python3',
  'rsync',
  'scamper',
  'unbound',
];

export function networkImageTar(): Promise<string> {
  const base = recipe('debian-12');
  return built('network', { ...base, packages: [...base.packages, ...NETWORK_PROGRAMS] });
}

/** Built once (a minute or two), then shared by all tests of this machine until the recipe or its mirrors change. */
async function built(name: string, made: Recipe): Promise<string> {
  const cache = process.env.SLIVERD_CACHE ?? '/var/cache/sliverd';
  const inputs = JSON.stringify([made, FILES, sourceLines(made.release, debianMirrors())]);
  const path = `${cache}/test-${name}-${createHash('sha256').update(inputs).digest('hex').slice(0, 16)}.tar`;
  if (existsSync(path)) return path;
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(`${cache}/build-`);
  try {
    const options = { progress: () => {}, scratch: `${work}/scratch`, log: pino({ level: 'silent' }) };
    await pipeline(buildArchive(name, options, made), createWriteStream(`${work}/tar`));
    renameSync(`${work}/tar`, path);
  } finally {
    rmSync(work, { recursive: true });
  }
  return path;
}

/** Gives a node the tiny image, by the name `small`. */
export async function importSmallImage(node: TestNode): Promise<void> {
  const path = smallImageDirectory();
  try {
    await node.ok('POST', '/v1/images', { name: 'small', source: { path } });
  } finally {
    rmSync(path, { recursive: true });
  }
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

/**
 * That, and a program of this machine's with what it links to, at the same paths. The caller removes the directory.
 * @param more files and folders beside, from where to where
 */
export function programImageDirectory(program: string, more: Record<string, string> = {}): string {
  const root = smallImageDirectory();
  const listed = execFileSync('ldd', [program], { encoding: 'utf8' });
  const libraries = [...listed.matchAll(/(\/\S+) \(0x/g)].map(([, path = '']) => [path, path]);
  const all = [...libraries, [program, `/bin/${basename(program)}`], ...Object.entries(more)];
  for (const [from = '', to = ''] of all) {
    mkdirSync(dirname(`${root}${to}`), { recursive: true });
    cpSync(from, `${root}${to}`, { recursive: true, dereference: true });
  }
  return root;
}

/**
 * That, and Debian's dhtnode. The caller removes the directory.
 * @param network the archive of networkImageTar
 * @param listed what ldd(1) says of dhtnode there
 */
export function dhtImageDirectory(network: string, listed: string): string {
  const whole = mkdtempSync(`${tmpdir()}/sliverd-network-image-`);
  const root = smallImageDirectory();
  try {
    execFileSync('tar', [
      '-xf',
      network,
      '-C',
      whole,
      './lib',
      './lib64',
      './usr/lib64',
      './usr/bin/dhtnode',
    ]);
    const libraries = [...listed.matchAll(/\/lib\S+/g)].map(([path]) => path);
    const folders = new Set(libraries.map((path) => `./usr${dirname(path)}`));
    execFileSync('tar', [
      '-xf',
      network,
      '-C',
      whole,
      '--no-wildcards-match-slash',
      '--wildcards',
      ...[...folders].map((folder) => `${folder}/*.so*`),
    ]);
    for (const path of libraries) {
      mkdirSync(`${root}${dirname(path)}`, { recursive: true });
      copyFileSync(`${whole}/usr${path}`, `${root}${path}`);
      chmodSync(`${root}${path}`, 0o755);
    }
    copyFileSync(`${whole}/usr/bin/dhtnode`, `${root}/bin/dhtnode`);
  } finally {
    rmSync(whole, { recursive: true });
  }
  return root;
}
