import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { until } from './harness.ts';

const SANDBOX = new URL('../../scripts/sandbox', import.meta.url).pathname;
const OUTSIDE = '2001:db8:ffff::7';
/** A node's name has up to eleven letters and digits. */
const NAME = `t${process.pid}`;
const RUN = `/run/sliverd/nodes/${NAME}`;

const sandbox = (...args: string[]) => execFileSync(SANDBOX, args, { encoding: 'utf8', timeout: 60_000 });
const pid = (of: 'holder' | 'sliverd') => Number(readFileSync(`${RUN}/${of}.pid`, 'utf8'));
const inside = (...command: string[]) => sandbox('enter', NAME, '--', ...command);
/** What is heard at the node's address, port 22. */
const greeting = () => inside('sh', '-c', 'busybox nc -w 1 127.0.0.1 22 || true');
const uplink = () => inside('ip', '-4', '-brief', 'address', 'show', 'eth0');

async function killAll(): Promise<void> {
  const pids = [pid('sliverd'), pid('holder')];
  for (const each of pids) process.kill(each, 'SIGKILL');
  await until(() => pids.every((each) => !existsSync(`/proc/${each}`)), 'their end');
}

afterAll(() => {
  sandbox('purge', NAME);
});

test('a sandbox whose every process was killed comes up again as it was, and goes without a trace', async () => {
  sandbox('up', NAME);
  expect(sandbox('list').split('\n')).toContain(NAME);
  const before = uplink();
  expect(before).toContain('198.51.100.');

  await until(() => greeting().startsWith('SSH-2.0'), 'the ssh front door');
  const sshd = Number(readFileSync(`${RUN}/sliver-sshd.pid`, 'utf8'));

  // The same last number in IPv6, and the outside host behind three routers.
  const [, number] = before.match(/198\.51\.100\.(\d+)\//) ?? [];
  expect(inside('ip', '-6', 'address', 'show', 'eth0')).toContain(`inet6 2001:db8::${number}/64`);
  const route = inside('busybox', 'traceroute6', '-n', '-q', '1', '-w', '5', '-m', '6', OUTSIDE);
  expect(route.match(/(?<=^ *\d+ +)\S+/gm)).toEqual([
    '2001:db8::1',
    '2001:db8:1::2',
    '2001:db8:2::2',
    OUTSIDE,
  ]);

  await killAll();
  expect(sandbox('list').split('\n')).not.toContain(NAME);
  sandbox('up', NAME);
  expect(uplink()).toBe(before);
  // The door wasn't among those killed: it is the same.
  expect(greeting()).toMatch(/^SSH-2.0/);
  expect(Number(readFileSync(`${RUN}/sliver-sshd.pid`, 'utf8'))).toBe(sshd);

  await killAll();
  sandbox('purge', NAME);
  expect(existsSync(RUN)).toBe(false);
  expect(existsSync(`/var/lib/sliverd/nodes/${NAME}`)).toBe(false);
  expect(existsSync(`/run/netns/sliverd-${NAME}`)).toBe(false);
  const ended = () => !existsSync(`/proc/${sshd}`) || readFileSync(`/proc/${sshd}/cmdline`, 'utf8') === '';
  expect(ended()).toBe(true);
  // What was never there is away, too.
  sandbox('purge', NAME);
});
