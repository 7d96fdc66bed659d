import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, request, TestNode, until } from './harness.ts';
import { baseImageTar } from './image.ts';

/** Sensors that slices publish: one means well, others do what they can to keep the node waiting, or to be told what isn't theirs. */
let node: TestNode;
const ids = new Map<string, number>();
const as = (caller: string, method: string, path: string, body?: unknown): Promise<Answer> =>
  request(`${node.run}/slivers/${ids.get(caller)}/inside/manager.sock`, method, path, body);
const sh = (name: string, script: string) => node.exec(name, 'sh', '-c', script);
const publish = (slice: string, name: string, more: object = {}) =>
  as(slice, 'PUT', `/v1/slivers/${slice}/sensors/${name}`, {
    socket: `/srv/s/${name}.sock`,
    maxAge: 5,
    ...more,
  });
const read = (name: string, query = '') => as('pub_reader', 'GET', `/v1/sensors/${name}${query}`);
const descriptors = () => readdirSync(`/proc/${node.daemon?.pid}/fd`).length;
/** Its programs, and their sockets. */
const run = async (name: string) => {
  const stdin = readFileSync(`${import.meta.dirname}/hostile/publisher.py`, 'utf8');
  await node.ok('POST', `/v1/slivers/${name}/exec`, { argv: ['tee', '/root/publisher.py'], stdin });
  await sh(name, 'rm -rf /srv/s; setsid python3 /root/publisher.py /srv/s > /root/log 2>&1 < /dev/null &');
  await until(async () => (await sh(name, 'test -e /srv/s/ready')).exitCode === 0, 'its sockets');
};

beforeAll(async () => {
  node = await TestNode.start();
  await node.ok('POST', '/v1/images', { name: 'debian', source: { path: await baseImageTar() } });
  for (const name of ['pub_good', 'pub_bad', 'pub_reader']) {
    const { id } = await node.ok('POST', '/v1/slivers', { name, image: 'debian' });
    ids.set(name, id);
  }
  for (const name of ['pub_good', 'pub_bad']) await run(name);
}, 600_000);
afterAll(() => node?.stop());

describe('a sensor that a slice publishes', () => {
  it('is read by others, with its author, and nothing of its answer but tuples', async () => {
    const put = await publish('pub_good', 'good', { description: 'How warm it is' });
    expect(put).toMatchObject({
      status: 200,
      body: { name: 'pub_good.good', author: 'pub_good', maxAge: 5 },
    });
    const { body: list } = await as('pub_reader', 'GET', '/v1/sensors');
    expect(list.items.at(-1)).toMatchObject({ name: 'pub_good.good', description: 'How warm it is' });
    const { status, headers, body } = await read('pub_good.good');
    expect(status).toBe(200);
    expect(headers).toMatchObject({ 'x-sensor-author': 'pub_good', 'cache-control': 'max-age=5' });
    expect(headers['set-cookie']).toBeUndefined();
    // A formula is text, and a tuple one line.
    expect(body).toMatch(
      /^place,celsius,note,answer\r\nroom,-3\.5,'=cmd\|'\/c calc'!A1,(\d+)\r\nthe roof,7,"a,b",\1\r\n$/,
    );
    const { body: json } = await read('pub_good.good', '?format=json&place=room');
    expect(json).toMatchObject({
      author: 'pub_good',
      items: [{ celsius: '-3.5', note: "=cmd|'/c calc'!A1" }],
    });
    expect((await read('pub_good.good', '?plaice=room')).body.detail).toMatch(/columns: place, celsius/);
  });

  it('is asked once, however many ask', async () => {
    const answers = await Promise.all(
      Array.from({ length: 30 }, () => read('pub_good.good', '?format=json')),
    );
    expect(new Set(answers.map(({ body }) => body.items[0].answer)).size).toBe(1);
  });

  it("is there after a restart of the daemon, and a sliver's, and gone with its sliver", async () => {
    await node.kill();
    await node.launch();
    await until(async () => (await read('pub_good.good').catch(() => ({ status: 0 }))).status === 200, 'it');
    await node.ok('POST', '/v1/slivers', { name: 'pub_short', image: 'debian', desired: 'stopped' });
    const body = { socket: '/srv/x.sock' };
    const path = '/v1/slivers/pub_short/sensors/x';
    expect((await node.request('PUT', path, body)).status).toBe(200);
    expect((await read('pub_short.x')).body).toMatchObject({ status: 502, detail: /does not run/ });
    await node.ok('DELETE', '/v1/slivers/pub_short');
    await node.ok('POST', '/v1/slivers', { name: 'pub_short', image: 'debian', desired: 'stopped' });
    expect((await read('pub_short.x')).status).toBe(404);
    expect((await node.request('DELETE', path)).status).toBe(404);
  });

  it('is published for itself alone, 16 at most, in its own name', async () => {
    const path = '/v1/slivers/pub_good/sensors/good';
    const body = { socket: '/srv/s/good.sock' };
    expect((await as('pub_bad', 'PUT', path, body)).status).toBe(404);
    expect((await as('pub_bad', 'DELETE', path)).status).toBe(404);
    for (const socket of ['relative', '/a b', `/${'x'.repeat(200)}`, '/a\nb'])
      expect((await as('pub_good', 'PUT', path, { socket })).status).toBe(400);
    for (const name of ['a.b', 'A', '', `x${'y'.repeat(40)}`])
      expect((await publish('pub_good', name, body)).status).toBeGreaterThanOrEqual(400);
    expect((await publish('pub_good', 'good', { maxAge: 1 })).status).toBe(400);
    for (let count = 1; count < 16; count++)
      expect((await publish('pub_good', `n${count}`)).status).toBe(200);
    expect(await publish('pub_good', 'n16')).toMatchObject({ status: 507, body: { code: 'no-capacity' } });
    expect((await publish('pub_good', 'n15')).status).toBe(200);
    for (let count = 1; count < 16; count++)
      expect((await as('pub_good', 'DELETE', `/v1/slivers/pub_good/sensors/n${count}`)).status).toBe(204);
    const { items } = await node.ok('GET', '/v1/events?subject=pub_good&limit=9999');
    const types = new Set(items.map(({ type }: { type: string }) => type));
    expect([...types]).toEqual(expect.arrayContaining(['sensor.published', 'sensor.withdrawn']));
  });
});

describe('one that means harm', () => {
  const HARM: readonly (readonly [string, RegExp])[] = [
    ['unread', /more than 2 s/],
    ['drops', /more than 2 s/],
    ['endless', /more than 256 kB/],
    ['head', /no HTTP/],
    ['status', /another status/],
    ['html', /not text\/csv/],
    ['short', /another number of cells/],
    ['closes', /no HTTP/],
    ['full', /nobody answers/],
    ['datagrams', /nobody answers/],
    ['fifo', /not there/],
    ['file', /not there/],
    ['manager', /not there/],
    ['outside', /not there/],
    ['nothing', /not there/],
  ];

  it.each(HARM)('%s: gives a reason, and no word of its own', async (name, why) => {
    expect((await publish('pub_bad', name)).status).toBe(200);
    const { status, body } = await read(`pub_bad.${name}`);
    expect([status, body.code]).toEqual([502, 'bad-sensor']);
    expect(body.detail).toMatch(why);
    expect(JSON.stringify(body)).not.toMatch(/secret|script/);
    // Who asks again has the same, and it isn't tried anew.
    expect((await read(`pub_bad.${name}`)).body).toEqual(body);
    expect((await as('pub_bad', 'DELETE', `/v1/slivers/pub_bad/sensors/${name}`)).status).toBe(204);
  });

  it('that asks for itself waits for itself', async () => {
    await publish('pub_bad', 'loop');
    expect((await read('pub_bad.loop')).body).toMatchObject({ code: 'bad-sensor', detail: /more than 2 s/ });
  });

  it('keeps its own readers waiting, and nobody else; then it leaves nothing with the daemon', async () => {
    const before = descriptors();
    for (const name of ['unread', 'drops', 'endless']) await publish('pub_bad', name);
    const slow = ['unread', 'drops'].map((name) => read(`pub_bad.${name}`));
    let answered = 0;
    for (const one of slow) void one.then(() => answered++);
    await until(
      async () => /pub_bad are being read/.test((await read('pub_bad.endless')).body.detail),
      'them',
    );
    for (let count = 0; count < 20; count++) expect((await read('pub_good.good')).status).toBe(200);
    expect(answered).toBe(0);
    for (const { status } of await Promise.all(slow)) expect(status).toBe(502);
    await until(() => descriptors() <= before + 2, 'its connections to go');
  });

  it('on another mount is not looked for: it could be a file system of its making', async () => {
    await sh('pub_bad', 'setsid python3 /root/publisher.py /run/s > /dev/null 2>&1 < /dev/null &');
    await until(async () => (await sh('pub_bad', 'test -e /run/s/ready')).exitCode === 0, 'its sockets');
    await publish('pub_bad', 'run', { socket: '/run/s/good.sock' });
    expect((await read('pub_bad.run')).body).toMatchObject({
      code: 'bad-sensor',
      detail: /\/run is another/,
    });
  });

  it("behind a FUSE of the guest's, whose server never answers, doesn't stop the daemon's only thread", async () => {
    const stdin = readFileSync(`${import.meta.dirname}/hostile/fuse.pl`, 'utf8');
    await node.ok('POST', '/v1/slivers/pub_bad/exec', { argv: ['tee', '/root/fuse.pl'], stdin });
    const stuck = `perl /root/fuse.pl /mnt/silent silent > /dev/null 2>&1 &
      until grep -q request_wait_answer /proc/$!/wchan; do sleep 0.05; done; echo stuck`;
    expect((await sh('pub_bad', stuck)).stdout).toBe('stuck\n');
    await publish('pub_bad', 'fuse', { socket: '/mnt/silent/gone' });
    expect((await read('pub_bad.fuse')).body).toMatchObject({ code: 'bad-sensor', detail: /not there/ });
  });

  it('is narrowed by the owner', async () => {
    node.daemon?.kill('SIGTERM');
    await node.ended();
    node.configure('sensors: { published: [pub_good] }\n');
    await node.launch();
    await until(async () => (await read('node').catch(() => ({ status: 0 }))).status === 200, 'it');
    // As if it weren't there, since that would tell of another slice.
    expect((await read('pub_good.good')).body).toMatchObject({
      code: 'not-found',
      detail: /no sensor 'pub_good\.good'/,
    });
    expect((await as('pub_good', 'GET', '/v1/sensors/pub_good.good')).status).toBe(200);
    // Who publishes one reads it.
    await publish('pub_bad', 'status');
    expect((await as('pub_bad', 'GET', '/v1/sensors/pub_bad.status')).status).toBe(502);
  });
});
