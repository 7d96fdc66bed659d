import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { accountOf } from '../../daemon/environments/accounts.ts';
import { USER } from '../../daemon/environments/environment.ts';
import { isDirectoryInRoot, readInRoot } from '../../daemon/kernel/in-root.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync('/tmp/sliverd-root-');
  for (const folder of ['etc', 'root', 'home/alice', 'srv'])
    mkdirSync(`${root}/${folder}`, { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true }));
const passwd = (...lines: string[]) => writeFileSync(`${root}/etc/passwd`, lines.join('\n'));
const group = (...lines: string[]) => writeFileSync(`${root}/etc/group`, lines.join('\n'));

describe('an account', () => {
  it('is that of a login', () => {
    passwd('root:x:0:0:root:/root:/bin/bash', 'alice:x:1000:100:Alice,,,:/home/alice:/bin/zsh');
    group(
      'adm:x:4:bob',
      'users:x:100:alice',
      'audio:x:29:bob,alice',
      'video:x:44:alice',
      'alices:x:45:alice2',
    );
    const alice = {
      uid: 1000,
      gid: 100,
      groups: [100, 29, 44],
      env: { HOME: '/home/alice', SHELL: '/bin/zsh', USER: 'alice', LOGNAME: 'alice' },
      cwd: '/home/alice',
    };
    expect(accountOf('a_b', root, 'alice')).toEqual(alice);
    expect(accountOf('a_b', root, '1000')).toEqual(alice);
    expect(accountOf('a_b', root, '1000:7')).toEqual({ ...alice, gid: 7, groups: [] });
    expect(accountOf('a_b', root)).toMatchObject({ uid: 0, env: { SHELL: '/bin/bash' }, cwd: '/root' });
  });

  it('is there for numbers without any file', () => {
    rmSync(`${root}/etc`, { recursive: true });
    expect(accountOf('a_b', root)).toMatchObject({ uid: 0, gid: 0, groups: [0], cwd: '/root' });
    expect(accountOf('a_b', root, '12')).toEqual({
      uid: 12,
      gid: 12,
      groups: [],
      env: { HOME: '/', SHELL: '/bin/sh' },
      cwd: '/',
    });
    expect(() => accountOf('a_b', root, 'alice')).toThrow("no user 'alice' in the /etc/passwd of a_b");
    expect(() => accountOf('a_b', root, '65536')).toThrow(/0 to 65535/);
    expect(() => accountOf('a_b', root, '0:70000')).toThrow(/0 to 65535/);
  });

  it.each([
    'alice',
    'alice:x:0',
    'alice:x:-1:0::/:',
    'alice:x:99999:0::/:/bin/sh',
    'alice:x:0x0:0::/:',
    ':x:0:0::/:',
  ])('is not made from the line %j', (line) => {
    passwd(line, 'b\0b:x:0:0::/:/bin/sh');
    expect(() => accountOf('a_b', root, 'alice')).toThrow(/no user/);
  });
});

it.each(['../etc', 'a b', 'a:b', '1:a', '', '-a', 'a/b', '123456', 'a\n'])('%j is no user', (user) =>
  expect(user).not.toMatch(new RegExp(USER)),
);

describe('a file below a root that is not trusted', () => {
  it('is found by links within, and never outside', () => {
    writeFileSync(`${root}/srv/file`, 'inside');
    symlinkSync('/srv/file', `${root}/etc/absolute`);
    symlinkSync('../../../../srv/file', `${root}/etc/climbing`);
    symlinkSync('/etc/hostname', `${root}/etc/host`);
    symlinkSync('/proc/self/root/etc/hostname', `${root}/etc/magic`);
    expect(readInRoot(root, '/etc/absolute')).toBe('inside');
    expect(readInRoot(root, '/etc/climbing')).toBe('inside');
    expect(readInRoot(root, '/../../../etc/hostname')).toBeUndefined();
    expect(readInRoot(root, '/etc/host')).toBeUndefined();
    expect(readInRoot(root, '/etc/magic')).toBeUndefined();
  });

  it('is not found on another file system, nor through what /proc makes up', () => {
    expect(readInRoot('/', '/proc/self/status')).toBeUndefined();
    expect(readInRoot('/proc', '/self/root/etc/passwd')).toBeUndefined();
    expect(isDirectoryInRoot('/', '/proc')).toBe(false);
    expect(isDirectoryInRoot(root, '/home/alice')).toBe(true);
  });

  it('is plain, and not too large', () => {
    execFileSync('mkfifo', [`${root}/fifo`]);
    expect(readInRoot(root, '/fifo')).toBeUndefined();
    expect(readInRoot(root, '/etc')).toBeUndefined();
    writeFileSync(`${root}/large`, '');
    truncateSync(`${root}/large`, 2 ** 18 + 1);
    expect(readInRoot(root, '/large')).toBeUndefined();
    truncateSync(`${root}/large`, 2 ** 18);
    expect(readInRoot(root, '/large')).toHaveLength(2 ** 18);
    expect(isDirectoryInRoot(root, '/large')).toBe(false);
  });
});
