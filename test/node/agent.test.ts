import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { scratch, TestNode, until } from './harness.ts';
import { importSmallImage } from './image.ts';
import { fingerprintOf, makeKey, sshOptions } from './ssh.ts';

const home = scratch('agent');
const socket = `${home}/agent.sock`;
let node: TestNode;
let agent: ChildProcess;

/** With the agent, and `-A`. */
const words = (slice: string, ...more: string[]) => [
  ...['env', `SSH_AUTH_SOCK=${socket}`, 'ssh', '-A', ...sshOptions(`${home}/key`), `${slice}@127.0.0.1`],
  ...more,
];
const attempt = ([program = '', ...rest]: string[]) => node.attempt('', program, ...rest);
const ssh = (slice: string, command: string) => attempt(words(slice, command));
const sockets = () => readdirSync(`${node.run}/agents/tmp`);
/** ssh's own programs, which the small image has not. */
const RUN = (program: string) => `/root/ssh/loader --library-path /root/ssh /root/ssh/${program}`;

beforeAll(async () => {
  makeKey(`${home}/key`);
  makeKey(`${home}/carried`);
  mkdirSync(`${home}/ssh`);
  for (const program of ['ssh', 'ssh-add']) {
    copyFileSync(`/usr/bin/${program}`, `${home}/ssh/${program}`);
    for (const [, path = ''] of execFileSync('ldd', [`/usr/bin/${program}`], { encoding: 'utf8' }).matchAll(
      /(\/\S+) \(0x/g,
    )) {
      const name = path.split('/').at(-1) ?? '';
      copyFileSync(path, `${home}/ssh/${name.startsWith('ld-') ? 'loader' : name}`);
    }
  }
  node = await TestNode.start('access:\n  port: 2222\n');
  await importSmallImage(node);
  const keyOf = (name: string) => readFileSync(`${home}/${name}.pub`, 'utf8').trim();
  for (const name of ['agt_one', 'agt_two'])
    await node.ok('POST', '/v1/slivers', {
      ...{ name, image: 'small', keys: [keyOf('key'), ...(name === 'agt_two' ? [keyOf('carried')] : [])] },
    });
  agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
  await until(() => existsSync(socket), 'the agent');
  const env = { ...process.env, SSH_AUTH_SOCK: socket };
  execFileSync('ssh-add', ['-q', `${home}/carried`], { env, stdio: 'ignore' });
  const scp = ['scp', '-q', '-r', ...sshOptions(`${home}/key`), `${home}/ssh`, 'agt_one@127.0.0.1:/root/'];
  await until(() => attempt(scp).status === 0, 'the programs to be there');
});
afterAll(async () => {
  agent?.kill();
  await node?.stop();
  rmSync(home, { recursive: true, force: true });
});

it("is had inside, as the sliver's root's alone, and goes with the session", async () => {
  const said = ssh('agt_one', `echo $SSH_AUTH_SOCK; ls -ln $SSH_AUTH_SOCK; ${RUN('ssh-add')} -l`);
  expect(said).toMatchObject({ status: 0, stderr: '' });
  const [path = '', listed = '', keys = ''] = said.stdout.split('\n');
  expect(path).toMatch(/^\/tmp\/ssh-[A-Za-z0-9]{10}\/agent$/);
  expect(listed).toMatch(/^srw------- +1 0 +0 /);
  expect(keys).toContain(fingerprintOf(`${home}/carried.pub`));
  const left = async () => (await node.exec('agt_one', 'ls', '-A', '/tmp')).stdout;
  await until(async () => (await left()) === '' && sockets().length === 0, 'its sockets to go');
  // With a terminal too.
  const terminal = attempt([
    'env',
    `SSH_AUTH_SOCK=${socket}`,
    'ssh',
    '-tt',
    '-A',
    ...sshOptions(`${home}/key`),
    'agt_one@127.0.0.1',
    `${RUN('ssh-add')} -l`,
  ]);
  expect(terminal.stdout).toContain(fingerprintOf(`${home}/carried.pub`));
});

it('lets a person go on to another sliver, with a key that never left their machine', () => {
  const hop = `${RUN('ssh')} -F /dev/null -p 2200 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null agt_two@127.0.0.1 cat /etc/slicename`;
  const line = words('agt_one', hop);
  line.splice(line.indexOf('-A'), 0, '-R', '127.0.0.1:2200:127.0.0.1:2222');
  expect(attempt(line).stdout).toBe('agt_two\n');
});

it('serves many at once', () => {
  const many = `for i in 1 2 3 4 5 6 7 8; do ${RUN('ssh-add')} -l & done; wait`;
  expect(ssh('agt_one', many).stdout.match(/SHA256/g)).toHaveLength(8);
});

it('is not there without -A', () => {
  const without = node.attempt(
    '',
    'ssh',
    ...sshOptions(`${home}/key`),
    'agt_one@127.0.0.1',
    'echo "<$SSH_AUTH_SOCK>"; ls -A /tmp',
  );
  expect(without.stdout).toBe('<>\n');
});

it('follows no link of a guest to the host, whatever it makes of its /tmp', async () => {
  const before = sockets();
  for (const trap of [
    'rm -rf /tmp; ln -s /root /tmp',
    'rm -rf /tmp; ln -s /proc/1/root/root /tmp',
    'rm -rf /tmp',
  ]) {
    await node.exec('agt_two', 'sh', '-c', trap);
    const said = ssh('agt_two', 'echo "<$SSH_AUTH_SOCK>"; readlink -f $(dirname $SSH_AUTH_SOCK)');
    // Within the sliver, or nowhere, and the session goes on.
    expect(said.stdout).toMatch(/^<\/tmp\/ssh-\w+\/agent>\n\/root\/ssh-\w+\n$|^<>\n/);
  }
  const stuck = ssh('agt_two', 'echo here');
  expect(stuck).toMatchObject({ status: 0, stdout: 'here\n' });
  expect(stuck.stderr).toContain('sliverd: your agent could not be had');
  expect(existsSync('/root/agent')).toBe(false);
  await until(() => sockets().length === before.length, 'the sockets to go');
});

/** A file system of the guest's that takes the first request for its root and never answers it. */
const FUSE =
  'mkdir -p /tmp; exec 3<> /dev/fuse; mount -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 mine /tmp && cd /root && dd bs=200000 count=1 <&3 > init &&' +
  // The answer to FUSE_INIT, by the number of its request: version 7.31, and zeros.
  ' { printf "\\120\\0\\0\\0\\0\\0\\0\\0"; tail -c +9 init | head -c 8; printf "\\7\\0\\0\\0\\37\\0\\0\\0"; head -c 56 /dev/zero; } > answer &&' +
  ' dd bs=200000 count=1 < answer >&3 && echo stands > stands && dd bs=200000 count=1 <&3 > asked; sleep 1000';

it.each([
  ['a file', 'rm -rf /tmp; echo > /tmp'],
  ['a link to itself', 'rm -rf /tmp; ln -s tmp /tmp'],
  ['a circle of links', 'rm -rf /tmp; ln -s /root/a /tmp; ln -s /tmp /root/a'],
  ['full', 'mkdir -p /tmp; mount -t tmpfs -o nr_inodes=1 mine /tmp'],
  ['read-only', 'mkdir -p /tmp; mount -t tmpfs -o ro mine /tmp'],
  [
    'a file system of its own that never answers',
    `(${FUSE}) > /root/said 2>&1 & until [ -e /root/stands ]; do sleep 0.1; done`,
  ],
])('where /tmp is %s, the login is as any, without the agent and with a word of it', async (_what, trap) => {
  await node.exec('agt_two', 'sh', '-c', 'umount /tmp 2> /dev/null; rm -rf /tmp');
  const laid = await node.ok('POST', '/v1/slivers/agt_two/exec', {
    argv: ['sh', '-c', trap],
    timeoutSeconds: 10,
  });
  expect(laid).toMatchObject({ exitCode: 0, stderr: '' });
  const before = sockets();
  const said = attempt(['timeout', '-k', '1', '15', ...words('agt_two', 'echo "here <$SSH_AUTH_SOCK>"')]);
  expect(said).toMatchObject({ status: 0, stdout: 'here <>\n' });
  expect(said.stderr).toBe('sliverd: your agent could not be had in the sliver (it needs its /tmp)\n');
  // Who waited for that file system goes with it, and keeps no stop waiting.
  if (trap.includes('fuse')) {
    expect((await node.exec('agt_two', 'ls', '-s', '/root/asked')).stdout).toMatch(/^ *[1-9]/);
    expect(await node.ok('POST', '/v1/slivers/agt_two/stop')).toMatchObject({ state: 'stopped' });
    await node.ok('POST', '/v1/slivers/agt_two/start');
  }
  const access = `/sys/fs/cgroup${node.cgroup}/s2-access/cgroup.procs`;
  await until(
    () => sockets().length === before.length && node.inside('cat', access) === '',
    'all of it to go',
  );
});

it('that the login shell is told of is none but what sshd made', () => {
  const enter = `${node.state}/access/enter`;
  const uid = 0x7000_0000 + 65_536;
  const as = (path: string) =>
    attempt([
      'setpriv',
      `--reuid=${uid}`,
      `--regid=${0x7000_0000}`,
      '--clear-groups',
      'env',
      `SSH_AUTH_SOCK=${path}`,
      enter,
      '-c',
      'echo "<$SSH_AUTH_SOCK>"',
    ]).stdout;
  // Owned by the slice and nobody else's to look into, as sshd makes it; anything else is none.
  const folder = '/tmp/ssh-sliverdtes';
  mkdirSync(folder, { mode: 0o700 });
  try {
    expect(as(`${folder}/agent.1`)).toBe('<>\n');
    chownSync(folder, uid, 0x7000_0000);
    expect(as(`${folder}/agent.1`)).toMatch(/^<\/tmp\/ssh-/);
    expect(as(`${folder}/../agent.1`)).toBe('<>\n');
    expect(as(`${folder}/agent.1/../../x`)).toBe('<>\n');
    chmodSync(folder, 0o755);
    expect(as(`${folder}/agent.1`)).toBe('<>\n');
  } finally {
    rmSync(folder, { recursive: true });
  }
  for (const path of [
    socket,
    `${node.run}/admin.sock`,
    '/tmp/ssh-../agent.1',
    '/tmp/ssh-abcdefghij/agent.1',
    '',
  ])
    expect(as(path), path).toBe('<>\n');
});

it('is swept away after an sshd that was killed', async () => {
  const session = node.spawn(
    'sh',
    '-c',
    words('agt_one', 'sleep 60')
      .map((word) => `'${word}'`)
      .join(' '),
  );
  await until(() => sockets().length === 1, 'its socket');
  await node.ok('POST', '/v1/slivers/agt_one/stop');
  await until(() => session.exitCode !== null, 'the session to end');
  await until(() => sockets().length === 0, 'the socket to go');
});
