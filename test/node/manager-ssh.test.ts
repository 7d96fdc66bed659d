import { readFileSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scratch, TestNode, until } from './harness.ts';
import { importSmallImage } from './image.ts';
import { makeKey, sshOptions } from './ssh.ts';

/** The manager for who holds a slice's key, from anywhere. */
const home = scratch('manager-ssh');
let node: TestNode;
const manager = (slice: string, input: string) =>
  node.attempt(input, 'ssh', ...sshOptions(`${home}/key`), '-s', `${slice}@127.0.0.1`, 'manager');
const get = (path: string) => `GET ${path} HTTP/1.1\r\nhost: node\r\nconnection: close\r\n\r\n`;
const bodyOf = (answer: string) => JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')));

beforeAll(async () => {
  makeKey(`${home}/key`);
  node = await TestNode.start('access:\n  port: 2222\n');
  await importSmallImage(node);
  const keys = [readFileSync(`${home}/key.pub`, 'utf8').trim()];
  const authority = [{ role: 'authority', slices: ['made_*'] }];
  for (const [name, roles] of [
    ['far_one', []],
    ['far_sa', authority],
  ] as const)
    await node.ok('POST', '/v1/slivers', { name, image: 'small', keys, roles });
  const greeting = () => node.attempt('', 'busybox', 'nc', '-w', '1', '127.0.0.1', '2222').stdout ?? '';
  await until(() => greeting().startsWith('SSH-2.0'), 'sliver-sshd to answer');
}, 120_000);
afterAll(async () => {
  await node?.stop();
  rmSync(home, { recursive: true, force: true });
});

describe('ssh slice@node -s manager', () => {
  it('speaks to the manager as that slice', () => {
    const said = manager('far_one', get('/v1/self'));
    expect(said).toMatchObject({ status: 0, stderr: '' });
    expect(bodyOf(said.stdout).name).toBe('far_one');
    expect(bodyOf(manager('far_sa', get('/v1/self')).stdout).name).toBe('far_sa');
    expect(manager('far_one', get('/v1/slivers/far_sa')).stdout).toMatch(/^HTTP\/1.1 404/);
    expect(manager('far_one', get('/v1/node/doctor')).stdout).toMatch(/^HTTP\/1.1 403/);
  });

  it('lets an authority make its slivers from elsewhere', async () => {
    const body = JSON.stringify({ name: 'made_far', image: 'small' });
    const text = `POST /v1/slivers HTTP/1.1\r\nhost: node\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    expect(manager('far_sa', text).stdout).toMatch(/^HTTP\/1.1 201/);
    expect(await node.ok('GET', '/v1/slivers/made_far')).toMatchObject({
      authority: 'far_sa',
      state: 'running',
    });
  });

  it('loses nothing of a long answer', async () => {
    const initscript = `#!/bin/sh\n# ${'x'.repeat(60_000)}\n`;
    await node.ok('PATCH', '/v1/slivers/far_one', { initscript });
    expect(bodyOf(manager('far_one', get('/v1/self')).stdout).initscript).toBe(initscript);
  });

  it('ends with who asked, though a stream of events would go on', async () => {
    const stream = get('/v1/events').replace('connection: close', 'accept: text/event-stream');
    const client = node.piped('ssh', ...sshOptions(`${home}/key`), '-s', 'far_one@127.0.0.1', 'manager');
    const said = new Promise((resolve) => client.stdout?.once('data', resolve));
    client.stdin?.write(stream);
    expect(String(await said)).toMatch(/^HTTP\/1.1 200/);
    const sessions = async () => (await node.ok('GET', '/v1/slivers/far_one/sessions')).items.length;
    expect(await sessions()).toBe(1);
    client.kill('SIGKILL');
    await until(async () => (await sessions()) === 0, 'its session to end');
  });

  it('says so when no daemon is there', async () => {
    await node.kill();
    const said = manager('far_one', get('/v1/self'));
    expect(said.stdout).toMatch(/^HTTP\/1.1 503/);
    expect(bodyOf(said.stdout).detail).toMatch(/the manager does not answer/);
    expect(said.status).toBe(255);
    await node.launch();
    const answers = () => /^HTTP\/1.1 200/.test(manager('far_one', get('/v1/self')).stdout);
    await until(answers, 'the manager');
  });
});
