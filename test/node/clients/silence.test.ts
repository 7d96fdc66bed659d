import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { scratch, TestNode, until } from '../harness.ts';
import { importSmallImage } from '../image.ts';
import { makeKey, sshOptions } from '../ssh.ts';
import { World } from '../world.ts';

// A client that is cut off without a word: its cable is out, or its machine is off.
const home = scratch('silence');
const ADDRESS = '198.51.100.10';
const SLICE = 'sil_one';
const world = new World();
const clients: ChildProcess[] = [];
let node: TestNode;

const client = (...words: string[]) => {
  const [program = '', ...line] = ['ip', 'netns', 'exec', world.namespace('world'), 'ssh'];
  const child = spawn(program, [...line, ...sshOptions(`${home}/key`), ...words], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  clients.push(child);
  return child;
};
const at = `${SLICE}@${ADDRESS}`;
const inside = async (command: string) => (await node.exec(SLICE, 'sh', '-c', command)).stdout;
/** Says by a file of that name that it goes on. */
const beats = (name: string, first = '') =>
  `sh -c '${first} while :; do echo > /root/${name}; sleep 0.1; done'`;
const goesOn = async (name: string) =>
  (await inside(`rm -f /root/${name}; sleep 0.5; ls /root/${name}`)) !== '';
const sessions = async () => (await node.ok('GET', '/v1/sessions')).items.length;
const settings = () => `${node.state}/access/sshd_config`;

beforeAll(async () => {
  makeKey(`${home}/key`);
  node = await TestNode.start('access:\n  port: 2222\n', {}, (pid) => world.connect(pid, ADDRESS));
  await importSmallImage(node);
  const keys = [readFileSync(`${home}/key.pub`, 'utf8').trim()];
  await node.ok('POST', '/v1/slivers', { name: SLICE, image: 'small', keys });
});
afterAll(async () => {
  for (const one of clients) one.kill('SIGKILL');
  await node?.stop().finally(() => world.stop());
  rmSync(home, { recursive: true, force: true });
});

it('is found out: its sessions end as lost, its terminals hang up, what was put aside goes on', async () => {
  // The node gives it three minutes or four; the same in seconds, until the daemon starts the next time.
  const text = readFileSync(settings(), 'utf8');
  expect(text).toMatch(/^ClientAliveInterval 30\nClientAliveCountMax 5$/m);
  writeFileSync(settings(), text.replace('ClientAliveInterval 30', 'ClientAliveInterval 1'));
  const pam = `${node.state}/access/pam.d/sshd`;
  expect(readFileSync(pam, 'utf8')).toMatch(/ silence=180$/m);
  writeFileSync(pam, readFileSync(pam, 'utf8').replace('silence=180', 'silence=4'));
  process.kill(Number(readFileSync(`${node.run}/sliver-sshd.pid`, 'utf8')), 'SIGHUP');
  await until(async () => {
    const tried = client(at, 'true');
    await until(() => tried.exitCode !== null, 'a client to end');
    return tried.exitCode === 0;
  }, 'the door to open');
  await until(async () => (await sessions()) === 0, 'those to end');

  const terminal = client('-tt', at);
  // (The first as by nohup, which this busybox has not.)
  terminal.stdin?.write(
    `${beats('ignores', 'trap "" HUP;')} &\nsetsid ${beats('apart')} > /dev/null 2>&1 < /dev/null &\n` +
      `${beats('front', 'trap "echo hung up > /root/told; exit" HUP;')}\n`,
  );
  client('-N', at);
  // One whose program is never silent for the interval, of which sshd asks nothing.
  const talks = client(at, beats('talks').replace('; done', '; echo said; done'));
  for (const name of ['ignores', 'apart', 'front', 'talks'])
    await until(() => goesOn(name), `${name} to begin`, 10_000);
  expect(await sessions()).toBe(3);
  talks.stdout?.resume();

  // Who has nothing to say is not given up.
  const asked = performance.now();
  await until(() => performance.now() - asked > 5000, 'five times the interval');
  expect(await sessions()).toBe(3);

  world.inside('r3', 'ip', 'link', 'set', 'out', 'down');
  await until(async () => (await sessions()) === 0, 'the sessions to be given up');
  await until(async () => (await inside('cat /root/told')) === 'hung up\n', 'the terminal to be hung up');
  expect(await Promise.all(['ignores', 'apart', 'front', 'talks'].map(goesOn))).toEqual([
    true,
    true,
    false,
    false,
  ]);
  const { items } = await node.ok('GET', `/v1/events?subject=${SLICE}`);
  const ends = items.filter((event: { type: string }) => event.type === 'session.logout').slice(-3);
  expect(ends.map((event: { data: { how: string } }) => event.data.how)).toEqual(['lost', 'lost', 'lost']);
  const access = node.inside('cat', `/sys/fs/cgroup${node.cgroup}/s1-access/cgroup.procs`);
  expect(access).toBe('');
}, 90_000);
