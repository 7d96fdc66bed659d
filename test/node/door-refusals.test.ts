import { readFileSync, renameSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEngine } from './docker-engine.ts';
import { scratch, TestNode, until } from './harness.ts';
import { importSmallImage } from './image.ts';
import { makeKey, sshOptions } from './ssh.ts';

// Who may log in and can't is told why, in one line, with an exit status.
const home = scratch('refusals');
const key = `${home}/key`;
let node: TestNode;
let engine: Awaited<ReturnType<typeof startEngine>>;

const ssh = (slice: string, ...words: string[]) =>
  node.attempt('', 'ssh', ...sshOptions(key), `${slice}@127.0.0.1`, ...words);
/** The one line that a login is refused by, the same for a command, a shell and a terminal. */
function refusal(slice: string): string {
  const said = ssh(slice, 'echo here');
  expect(said).toMatchObject({ status: 255, stdout: '' });
  expect(said.stderr).toMatch(/^sliverd: [^\n]+\n$/);
  expect(ssh(slice)).toMatchObject({ status: 255, stdout: '', stderr: said.stderr });
  const terminal = node.attempt('', 'ssh', '-tt', ...sshOptions(key), `${slice}@127.0.0.1`);
  expect(terminal.status).toBe(255);
  expect(terminal.stdout.trim()).toBe(said.stderr.trim());
  return said.stderr.trim();
}
const state = async (slice: string) => (await node.ok('GET', `/v1/slivers/${slice}`)).state;

beforeAll(async () => {
  makeKey(key);
  engine = await startEngine();
  node = await TestNode.start(
    'access:\n  port: 2222\n  motd: |\n    Welcome.\n    Be kind.\n' +
      `docker:\n  socket: ${engine.socket}\n`,
  );
  await importSmallImage(node);
  const keys = [readFileSync(`${key}.pub`, 'utf8').trim()];
  for (const name of ['no_one', 'no_two', 'no_three'])
    await node.ok('POST', '/v1/slivers', { name, image: 'small', keys, rspec: { 'disk.bytes': 67_108_864 } });
  await until(() => ssh('no_one', 'echo in').stdout === 'in\n', 'the door');
});
afterAll(async () => {
  await node?.stop().finally(() => engine?.stop());
  rmSync(home, { recursive: true, force: true });
});

describe('a login is refused in one line', () => {
  it('when the sliver has expired', async () => {
    await node.ok('PATCH', '/v1/slivers/no_two', { expiresAt: new Date(Date.now() + 1500).toISOString() });
    await until(async () => (await state('no_two')) === 'expired', 'its end');
    expect(refusal('no_two')).toMatch(/no_two expired at 2\S+Z: renew it first/);
    await node.ok('PATCH', '/v1/slivers/no_two', { expiresAt: null });
  });

  it('when it is frozen', async () => {
    await node.ok('POST', '/v1/slivers/no_two/start');
    await node.ok('POST', '/v1/slivers/no_two/freeze');
    expect(refusal('no_two')).toMatch(/is frozen: 'sliverctl sliver thaw no_two'/);
    await node.ok('POST', '/v1/slivers/no_two/thaw');
  });

  it('when its start fails, as that of one whose image is missing', async () => {
    await node.ok('POST', '/v1/slivers/no_two/stop');
    const images = `${node.state}/images`;
    renameSync(images, `${images}.away`);
    expect(refusal('no_two')).toMatch(/not running yet.*its image 'small' is gone/);
    renameSync(`${images}.away`, images);
    expect(ssh('no_two', 'echo here').stdout).toBe('here\n');
  });

  it('when it has no shell', async () => {
    await node.exec('no_two', 'rm', '/bin/sh');
    for (const said of [ssh('no_two', 'echo here'), ssh('no_two')]) {
      expect(said).toMatchObject({ status: 255, stdout: '' });
      expect(said.stderr).toMatch(/^[^\n]*`\/bin\/sh` not found[^\n]*\n$/);
    }
    await node.ok('POST', '/v1/slivers/no_two/reset');
    expect(ssh('no_two', 'echo here').stdout).toBe('here\n');
  });

  it('when a Docker engine runs it, with what to use instead', async () => {
    const keys = [readFileSync(`${key}.pub`, 'utf8').trim()];
    await node.ok('POST', '/v1/slivers', {
      name: 'no_docker',
      image: 'small',
      environment: 'docker',
      keys,
    });
    expect(refusal('no_docker')).toMatch(/run by 'docker'.*'sliverctl sliver exec no_docker -- sh'/);
    expect((await node.exec('no_docker', 'echo', 'here')).stdout).toBe('here\n');
    const forward = node.attempt(
      '',
      'ssh',
      ...sshOptions(key),
      '-W',
      '127.0.0.1:2222',
      'no_docker@127.0.0.1',
    );
    expect(forward.stdout).toBe('');
  });

  it('but not when its disk is full, whether it runs or is to be started', async () => {
    await node.exec('no_three', 'sh', '-c', 'cat /dev/zero > /root/full');
    expect(ssh('no_three', 'echo here')).toMatchObject({ status: 0, stdout: 'here\n', stderr: '' });
    await node.ok('POST', '/v1/slivers/no_three/stop');
    expect(ssh('no_three', 'rm /root/full; echo here')).toMatchObject({ status: 0, stdout: 'here\n' });
  });

  it('when it is stopped and so is the daemon, which would start it', async () => {
    await node.ok('POST', '/v1/slivers/no_two/stop');
    await node.kill();
    expect(refusal('no_two')).toMatch(/not running, and neither is the node's daemon/);
    await node.launch();
    expect(ssh('no_two', 'echo here').stdout).toBe('here\n');
  });
});

describe('the messages of the day', () => {
  const login = (input = 'exit\n') =>
    node
      .attempt(input, 'ssh', '-tt', ...sshOptions(key), 'no_one@127.0.0.1')
      .stdout.replaceAll('exit\r\n', ''); // what was typed, echoed wherever it came

  it("of the owner and of the slice greet who logs in with a terminal, in that order, and aren't in the way of others", async () => {
    await node.exec('no_one', 'sh', '-c', 'echo "Message of the slice." > /etc/motd');
    expect(login()).toMatch(/^Welcome.\r\nBe kind.\r\nMessage of the slice.\r\n/);
    expect(ssh('no_one', 'echo here').stdout).toBe('here\n');
    expect(node.attempt('echo here', 'ssh', ...sshOptions(key), 'no_one@127.0.0.1').stdout).toBe('here\n');
    await node.exec('no_one', 'touch', '/root/.hushlogin');
    expect(login()).not.toContain('Message of the slice.');
  });

  it('come with the end of the sliver when that is near, whether the daemon runs or not, until it is renewed', async () => {
    const ends = /this sliver ends at (\S+) (\d\d:\d\d) UTC, unless it is renewed\r\n/;
    const set = (days: number | null) => {
      const expiresAt = days && new Date(Date.now() + days * 86_400_000).toISOString();
      return node.ok('PATCH', '/v1/slivers/no_one', { expiresAt });
    };
    for (const far of [8, null]) {
      await set(far);
      expect(login()).not.toMatch(/this sliver ends/);
    }
    const { expiresAt } = await set(6);
    const told = ends.exec(login());
    expect(`${told?.[1]}T${told?.[2]}`).toBe(expiresAt.slice(0, 16));
    expect(ssh('no_one', 'echo here')).toMatchObject({ stdout: 'here\n', stderr: '' });
    await node.ok('POST', '/v1/slivers/no_one/restart');
    await node.kill();
    expect(login()).toMatch(ends);
    await node.launch();
    await set(9);
    expect(login()).not.toMatch(/this sliver ends/);
  });
});
