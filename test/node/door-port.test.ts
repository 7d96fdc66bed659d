import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestNode, until } from './harness.ts';
import { importSmallImage } from './image.ts';
import { World } from './world.ts';

// Where slivers share the node's address, with a port for ssh that somebody else of the machine has at first.
const ADDRESS = '198.51.100.10';
let world: World;
let node: TestNode;
let other: ChildProcess;

beforeAll(async () => {
  world = new World();
  node = await TestNode.start('', {}, (pid) => world.connect(pid, ADDRESS));
  await importSmallImage(node);
  await node.ok('POST', '/v1/slivers', { name: 'p_one', image: 'small' });
});
afterAll(async () => {
  other?.kill('SIGKILL');
  await node?.stop().finally(() => world.stop());
});

const sh = (script: string) => node.exec('p_one', 'sh', '-c', script);
const greeting = (port = 2222) =>
  world.inside('world', 'sh', '-c', `busybox nc -w 1 ${ADDRESS} ${port} 2> /dev/null || true`);
const finding = async () => {
  const { findings } = await node.ok('GET', '/v1/node/doctor');
  return findings.find(({ id }: { id: string }) => id === 'ssh');
};
const reconfigure = async (access: string) => {
  await node.kill();
  node.configure(access);
  await node.launch();
};

describe('the port of the ssh front door', () => {
  it('is taken from the sliver that has it, by bind or by reservation', async () => {
    await node.ok('POST', '/v1/ports', { sliver: 'p_one', protocol: 'tcp', port: 2222 });
    await sh('nc -ll -p 2222 -e echo mine > /dev/null 2>&1 &');
    await until(() => greeting() === 'mine\n', 'the sliver to have the port');
    other = node.spawn('busybox', 'nc', '-ll', '-p', '2222', '-e', 'echo', 'other');
    await until(
      () => node.attempt('', 'busybox', 'nc', '127.0.0.1', '2222').stdout === 'other\n',
      'the other',
    );
    await reconfigure('access:\n  port: 2222\n');
    const { items: ports } = await node.ok('GET', '/v1/ports');
    expect(ports).toContainEqual(expect.objectContaining({ port: 2222, sliver: null, by: 'node' }));
    const { items } = await node.ok('GET', '/v1/events?limit=1000');
    expect(items).toContainEqual(
      expect.objectContaining({
        type: 'port.revoked',
        subject: 'p_one',
        data: expect.objectContaining({ port: 2222 }),
      }),
    );
    expect(greeting()).toBe('other\n');
    await sh('killall nc'); // its socket is dead, and still in the way of others in there
  });

  it("is told of when it is another program's, which is left alone, and the node does its work", async () => {
    await until(async () => !(await finding()).ok, 'the finding');
    expect(await finding()).toMatchObject({
      detail: expect.stringMatching(/^port 2222 is busybox \(pid [0-9]+\)'s$/),
      mend: expect.stringMatching(/access.port/),
    });
    const { degraded } = await node.ok('GET', '/v1/node');
    expect(degraded).toContainEqual(
      expect.objectContaining({ what: 'logging in by ssh', why: expect.stringMatching(/2222/) }),
    );
    expect((await sh('echo works')).stdout).toBe('works\n');
    expect(other.exitCode).toBe(null);
  });

  it("is no sliver's though nobody listens there", async () => {
    other.kill('SIGTERM');
    await until(() => other.exitCode !== null || other.signalCode !== null, 'the other to end');
    expect((await sh('nc -l -p 2222 -w 1 < /dev/null 2>&1')).stdout).toMatch(/in use/i);
    await until(async () => {
      const { items } = await node.ok('GET', '/v1/events?limit=1000');
      return items.some(
        ({ type, data }: { type: string; data: { port: number; owner: string | null } }) =>
          type === 'port.denied' && data.port === 2222 && data.owner === null,
      );
    }, 'the event that names the node');
    const reserved = await node.request('POST', '/v1/ports', {
      sliver: 'p_one',
      protocol: 'tcp',
      port: 2222,
    });
    expect(reserved).toMatchObject({ status: 409, body: { usedBy: ['the node'] } });
  });

  it('is answered once it is free', async () => {
    await until(() => greeting().startsWith('SSH-2.0'), 'sliver-sshd to have it', 90_000);
    expect(await finding()).toMatchObject({ ok: true });
    const pid = Number(readFileSync(`${node.run}/sliver-sshd.pid`, 'utf8'));
    expect(existsSync(`/proc/${pid}`)).toBe(true);
  }, 100_000);

  it('is another as soon as the owner says so', async () => {
    const sshd = readFileSync(`${node.run}/sliver-sshd.pid`, 'utf8');
    await reconfigure('access:\n  port: 2223\n');
    await until(() => greeting(2223).startsWith('SSH-2.0'), 'sliver-sshd to have it');
    expect(greeting()).toBe('');
    expect(readFileSync(`${node.run}/sliver-sshd.pid`, 'utf8')).toBe(sshd);
    await reconfigure('access:\n  port: 2222\n');
    await until(() => greeting().startsWith('SSH-2.0'), 'sliver-sshd to be back');
  });

  it("is a sliver's again when the door is closed for good", async () => {
    const pid = Number(readFileSync(`${node.run}/sliver-sshd.pid`, 'utf8'));
    process.kill(pid, 'SIGKILL');
    await reconfigure('');
    await until(async () => {
      await sh('nc -ll -p 2222 -e echo mine > /dev/null 2>&1 &');
      return greeting() === 'mine\n';
    }, 'the sliver to have the port');
  });
});
