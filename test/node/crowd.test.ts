import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { scratch, TestNode, until } from './harness.ts';
import { importSmallImage } from './image.ts';
import { makeKey, sshOptions } from './ssh.ts';

const home = scratch('crowd');
const MOST = 5;
let node: TestNode;

const words = (slice: string, ...more: string[]) => [
  ...sshOptions(`${home}/key`),
  ...more,
  `${slice}@127.0.0.1`,
];
const ssh = (slice: string, command: string, ...more: string[]) =>
  node.attempt('', 'ssh', ...words(slice, ...more), command);
const live = async () => (await node.ok('GET', '/v1/sessions')).items.length;
const processes = (cgroup: string) =>
  node.inside('cat', `/sys/fs/cgroup${node.cgroup}/${cgroup}/cgroup.procs`).split('\n').length - 1;

beforeAll(async () => {
  makeKey(`${home}/key`);
  node = await TestNode.start(`access:\n  port: 2222\n  sessions: ${MOST}\n`);
  await importSmallImage(node);
  const keys = [readFileSync(`${home}/key.pub`, 'utf8').trim()];
  for (const name of ['crowd_one', 'crowd_two'])
    await node.ok('POST', '/v1/slivers', { name, image: 'small', keys });
  await until(() => ssh('crowd_one', 'true').status === 0, 'the door to open');
});
afterAll(async () => {
  await node?.stop();
  rmSync(home, { recursive: true, force: true });
});

it('a slice has so many sessions and no more, and others have theirs', async () => {
  const clients: ChildProcess[] = [];
  for (let i = 0; i < 4 * MOST; i++) clients.push(node.spawn('ssh', ...words('crowd_one', '-N')));
  // The first are let in, others refused, and past twice as many not answered at all.
  await until(async () => (await live()) === MOST, 'as many as may be');
  await until(
    () => clients.filter(({ exitCode }) => exitCode !== null).length === 2 * MOST,
    'those beyond to be ended',
  );
  expect(processes('s1-access')).toBeLessThanOrEqual(2 * 2 * MOST);
  expect(ssh('crowd_two', 'echo here').stdout).toBe('here\n');
  // Who is refused and stays all the same is ended, and then the next is told.
  await until(
    () => clients.filter(({ exitCode }) => exitCode !== null).length === 3 * MOST,
    'those refused to be ended',
  );
  const said = ssh('crowd_one', 'echo here');
  expect(said).toMatchObject({ status: 255, stdout: '' });
  expect(said.stderr).toMatch(
    /^sliverd: crowd_one has 5 sessions already, as many as it may: end one first\n$/,
  );
  for (const client of clients) client.kill();
  await until(async () => (await live()) === 0, 'all to end');
  expect(ssh('crowd_one', 'echo here').stdout).toBe('here\n');
});

it('many channels of one connection are refused one by one, and it goes on', async () => {
  const control = `${home}/control`;
  const master = node.spawn('ssh', ...words('crowd_one', '-M', '-S', control, '-N'));
  await until(() => existsSync(control), 'the connection');
  // Or ssh would open a connection of its own for those that are refused.
  const alone = ['-S', control, '-o', 'ProxyCommand=false'];
  const channel = () => node.spawn('ssh', ...words('crowd_one', '-tt', ...alone), 'sleep 60');
  const channels = Array.from({ length: 14 }, channel);
  await until(() => channels.filter(({ exitCode }) => exitCode !== null).length === 4, 'four to be refused');
  expect(await live()).toBe(1);
  for (const one of channels) one.kill();
  await until(() => ssh('crowd_one', 'echo here', ...alone).stdout === 'here\n', 'room for one');
  master.kill();
  await until(async () => (await live()) === 0, 'it to end');
});

const FLOOD = `
import socket, sys
held = []
for i in range(int(sys.argv[1])):
    one = socket.socket()
    one.settimeout(5)
    one.bind(('127.7.7.7' if sys.argv[2] == 'one' else '127.1.%d.%d' % (i // 250, 1 + i % 250), 0))
    try:
        one.connect(('127.0.0.1', 2222))
        held.append(one)
    except OSError:
        pass
print('held', flush=True)
sys.stdin.read()
`;
/** Connections that never say a word, until it is ended. */
async function flood(count: number, sources: 'one' | 'many'): Promise<() => void> {
  const child = node.piped('python3', '-c', FLOOD, String(count), sources);
  let said = '';
  child.stdout?.on('data', (chunk) => {
    said += chunk;
  });
  await until(() => said.includes('held'), 'the connections');
  return () => child.stdin?.end();
}

it('who opens connections and says nothing keeps nobody else out, from one address', async () => {
  const end = await flood(1000, 'one');
  expect(processes('access')).toBeLessThanOrEqual(122);
  for (const slice of ['crowd_one', 'crowd_two']) expect(ssh(slice, 'echo here').stdout).toBe('here\n');
  end();
  await until(() => processes('access') <= 1, 'them to go');
});

it('from many addresses they are bounded, and the door is open once they go', async () => {
  const end = await flood(1500, 'many');
  const [, most] =
    /^MaxStartups \d+:30:(\d+)$/m.exec(readFileSync(`${node.state}/access/sshd_config`, 'utf8')) ?? [];
  expect(processes('access')).toBeLessThanOrEqual(Number(most) + 2);
  end();
  await until(() => ssh('crowd_one', 'echo here').stdout === 'here\n', 'the door to open');
});
