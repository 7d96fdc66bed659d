import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { request, TestNode, until } from './harness.ts';
import { baseImageTar } from './image.ts';

/** The manager's socket as programs in slivers have it, by Debian's curl. */
let node: TestNode;
const SOCKET = '/run/sliverd/manager.sock';
const curl = (name: string, path: string, ...more: string[]) =>
  node.exec(name, 'curl', '-sS', '--unix-socket', SOCKET, `http://node${path}`, ...more);
const outside = (id: number) => `${node.run}/slivers/${id}/inside/manager.sock`;
const self = async (name: string) => JSON.parse((await curl(name, '/v1/self')).stdout).name;
const sh = (name: string, script: string) => node.exec(name, 'sh', '-c', script);
/** Puts a program of `hostile/` at /root in a sliver. */
const give = async (name: string, program: string) => {
  const stdin = readFileSync(`${import.meta.dirname}/hostile/${program}`, 'utf8');
  await node.ok('POST', `/v1/slivers/${name}/exec`, { argv: ['tee', `/root/${program}`], stdin });
};
const descriptors = () => readdirSync(`/proc/${node.daemon?.pid}/fd`).length;

beforeAll(async () => {
  node = await TestNode.start();
  await node.ok('POST', '/v1/images', { name: 'debian', source: { path: await baseImageTar() } });
  for (const name of ['one_a', 'one_b']) await node.ok('POST', '/v1/slivers', { name, image: 'debian' });
}, 600_000);
afterAll(() => node?.stop());

describe('the socket in a sliver', () => {
  it('tells each who it is', async () => {
    expect(await self('one_a')).toBe('one_a');
    expect(await self('one_b')).toBe('one_b');
  });

  it('is there before the initscript runs', async () => {
    const initscript = `#!/bin/sh\ncurl -sS --unix-socket ${SOCKET} http://node/v1/self\n`;
    await node.ok('POST', '/v1/slivers', { name: 'one_early', image: 'debian', initscript });
    await until(
      async () => /"name":"one_early"/.test(await node.ok('GET', '/v1/slivers/one_early/log')),
      'its answer',
    );
    await node.ok('DELETE', '/v1/slivers/one_early');
  });

  it('is for root, and for those whom root puts into its group', async () => {
    await sh('one_a', 'useradd alice');
    const asAlice = () =>
      node.request('POST', '/v1/slivers/one_a/exec', {
        argv: ['curl', '-sS', '--unix-socket', SOCKET, 'http://node/v1/self'],
        user: 'alice',
      });
    expect((await asAlice()).body.exitCode).toBe(7);
    await sh('one_a', 'usermod -aG root alice');
    expect((await asAlice()).body).toMatchObject({ exitCode: 0, stdout: /"name":"one_a"/ });
  });

  it("can't be opened by another sliver's root, nor by others on the machine", async () => {
    const { uid, gid, mode } = statSync(outside(1));
    expect([uid, gid, mode & 0o777]).toEqual([0, 0x7000_0000 + 65_536, 0o660]);
  });

  it('outlives a crash and a restart of the daemon in slivers that run on', async () => {
    const before = (await node.ok('GET', '/v1/slivers/one_a')).pid;
    await node.kill();
    await node.launch();
    await until(async () => (await curl('one_a', '/v1/self')).exitCode === 0, 'the socket');
    expect(await self('one_a')).toBe('one_a');
    expect((await node.ok('GET', '/v1/slivers/one_a')).pid).toBe(before);
    node.daemon?.kill('SIGTERM');
    await node.ended();
    await node.launch();
    await until(async () => (await curl('one_b', '/v1/self')).exitCode === 0, 'the socket');
    expect(await self('one_b')).toBe('one_b');
  });

  it('is there after a stop and start, a restart and a reset; not of one that is deleted', async () => {
    const { id } = await node.ok('POST', '/v1/slivers', { name: 'one_c', image: 'debian' });
    for (const action of ['stop', 'start', 'restart', 'reset']) {
      await node.ok('POST', `/v1/slivers/one_c/${action}`);
      if (action === 'stop') expect(existsSync(outside(id))).toBe(false);
      else expect(await self('one_c')).toBe('one_c');
    }
    await node.ok('DELETE', '/v1/slivers/one_c');
    expect(existsSync(outside(id))).toBe(false);
  });
});

describe('a connection', () => {
  it('ends with its sliver: who has the name next is another', async () => {
    const { id } = await node.ok('POST', '/v1/slivers', { name: 'one_d', image: 'debian' });
    const connection = connect(outside(id));
    await new Promise((resolve) => connection.once('connect', resolve));
    const ended = new Promise((resolve) => connection.once('close', resolve));
    await node.ok('DELETE', '/v1/slivers/one_d');
    await node.ok('POST', '/v1/slivers', { name: 'one_d', image: 'debian' });
    await ended;
    await node.ok('DELETE', '/v1/slivers/one_d');
  });

  it('ends when the roles of its slice change', async () => {
    const connection = connect(outside(1));
    await new Promise((resolve) => connection.once('connect', resolve));
    const ended = new Promise((resolve) => connection.once('close', resolve));
    await node.ok('PATCH', '/v1/slivers/one_a', { roles: [{ role: 'flows' }] });
    await ended;
    await node.ok('PATCH', '/v1/slivers/one_a', { roles: [] });
  });
});

describe('root in a sliver, who means harm,', () => {
  it('puts nothing in its place but for itself', async () => {
    const folder = (
      await sh(
        'one_b',
        'mount -o remount,bind,rw /run/sliverd; rm -f /run/sliverd/manager.sock; mv /run/sliverd/manager.sock /run/sliverd/x; ln -s /etc /run/sliverd/y; chmod 666 /run/sliverd/manager.sock; setfacl -m o:rw /run/sliverd/manager.sock; true',
      )
    ).stderr;
    expect(folder).toMatch(/Permission denied|not permitted/);
    expect(readdirSync(`${node.run}/slivers/2/inside`).toSorted()).toEqual(['init', 'manager.sock']);
    expect(await self('one_b')).toBe('one_b');
    await sh(
      'one_b',
      'umount /run/sliverd/init; umount -l /run/sliverd; mkdir -p /run/sliverd; ln -sfn /etc/passwd /run/sliverd/manager.sock',
    );
    expect((await curl('one_b', '/v1/self')).exitCode).toBe(7);
    await node.ok('PATCH', '/v1/slivers/one_b', { rspec: { 'cpu.weight': 90 } });
    expect(existsSync(outside(2))).toBe(true);
    expect(await self('one_a')).toBe('one_a');
    await node.ok('POST', '/v1/slivers/one_b/restart');
    expect(await self('one_b')).toBe('one_b');
  });

  it('keeps nobody waiting with connections, half requests and slow ones', async () => {
    const before = descriptors();
    await give('one_b', 'flood.py');
    await sh('one_b', 'ulimit -n 4096; setsid python3 /root/flood.py > /dev/null 2>&1 < /dev/null &');
    const done = async () => (await sh('one_b', 'wc -c < /root/done || true')).stdout.trim() === '10';
    await until(done, 'the flood', 120_000);
    expect(descriptors() - before).toBeLessThan(50);
    const times: number[] = [];
    for (let count = 0; count < 50; count++) {
      const start = performance.now();
      expect((await request(outside(1), 'GET', '/v1/self')).status).toBe(200);
      await node.ok('GET', '/v1/node');
      times.push(performance.now() - start);
    }
    times.sort((a, b) => a - b);
    console.log(
      `two requests beside the flood: median ${times[25]?.toFixed(1)} ms, worst ${times[49]?.toFixed(1)} ms`,
    );
    const { items } = await node.ok('GET', '/v1/events?subject=one_b&limit=9999');
    expect(
      items.filter((event: { data: { rule?: string } }) => event.data.rule === 'connections'),
    ).toHaveLength(1);
    await node.ok('POST', '/v1/slivers/one_b/restart');
    await until(() => descriptors() <= before + 5, 'its connections to go');
  }, 240_000);

  it.each([
    ['requests ahead of their answers', 'GET /v1/self HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(2000)],
    [
      'bodies in chunks of a byte',
      `POST /v1/ports HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n${'1\r\nx\r\n'.repeat(9000)}0\r\n\r\n`,
    ],
  ])('keeps nobody waiting with %s in all its connections', async (_what, text) => {
    let pushing = true;
    const held = new Set<Socket>();
    const begin = () => {
      const connection = connect(outside(2));
      held.add(connection);
      const push = () => {
        while (!connection.destroyed && connection.write(text));
      };
      connection
        .on('connect', push)
        .on('drain', push)
        .on('data', () => {})
        .on('error', () => {});
      connection.on('close', () => held.delete(connection) && pushing && setTimeout(begin, 5));
    };
    for (let count = 0; count < 40; count++) begin();
    const times: number[] = [];
    for (let count = 0; count < 100; count++) {
      const start = performance.now();
      expect((await request(outside(1), 'GET', '/v1/self')).status).toBe(200);
      times.push(performance.now() - start);
    }
    pushing = false;
    for (const connection of held) connection.destroy();
    times.sort((a, b) => a - b);
    console.log(
      `a request beside them: median ${times[50]?.toFixed(1)} ms, worst ${times[99]?.toFixed(1)} ms`,
    );
    // While it is held off it is answered without being read.
    const served = () =>
      request(outside(2), 'GET', '/v1/self').then(
        ({ status }) => status === 200,
        () => false,
      );
    await until(served, 'its own turn again');
    const { items } = await node.ok('GET', '/v1/events?subject=one_b&limit=9999');
    const rules = items.map((event: { data: { rule?: string } }) => event.data.rule);
    expect(rules.filter((rule?: string) => rule === 'pipelining' || rule === 'chunks')).toHaveLength(
      text.startsWith('GET') ? 1 : 2,
    );
  });

  it('leaves no descriptor with the daemon that it sends along', async () => {
    const before = descriptors();
    await give('one_a', 'send-descriptors.py');
    await sh('one_a', 'setsid python3 -u /root/send-descriptors.py > /root/answers 2>&1 < /dev/null &');
    const answers = async () => (await sh('one_a', 'cat /root/answers')).stdout.split('\n').filter(Boolean);
    await until(async () => (await answers()).length >= 5, 'the answers');
    expect(await answers()).toEqual(Array(5).fill('200'));
    expect(descriptors()).toBeLessThanOrEqual(before + 3);
  });
});
