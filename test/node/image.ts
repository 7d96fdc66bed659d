import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';

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
