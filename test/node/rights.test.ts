import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { type Answer, request, TestNode, until } from './harness.ts';
import { importSmallImage } from './image.ts';

/**
 * Who may do what, route by route, in words of this test's own: the table that the daemon goes by could be wrong. Letters say by
 * what a caller gets through: S itself, C a sliver that it controls, A one that it made as an authority, F with the role
 * `flows`, * anybody, - nobody.
 */
const MAY: Record<string, string> = {
  'GET /v1/self': '*',
  'GET /v1/node': '*',
  'GET /v1/node/doctor': '-',
  'POST /v1/node/down': '-',
  'GET /v1/slivers': '*',
  'POST /v1/slivers': '-',
  'GET /v1/slivers/{name}': 'SCA',
  'PATCH /v1/slivers/{name}': 'A',
  'DELETE /v1/slivers/{name}': 'A',
  'POST /v1/slivers/{name}/start': 'CA',
  'POST /v1/slivers/{name}/stop': 'CA',
  'POST /v1/slivers/{name}/restart': 'CA',
  'POST /v1/slivers/{name}/freeze': 'CA',
  'POST /v1/slivers/{name}/thaw': 'CA',
  'POST /v1/slivers/{name}/reset': 'CA',
  'GET /v1/slivers/{name}/rspec': 'SCA',
  'GET /v1/slivers/{name}/effective-rspec': 'SCA',
  'GET /v1/slivers/{name}/usage': 'SCA',
  'GET /v1/slivers/{name}/log': 'SCA',
  'POST /v1/slivers/{name}/exec': 'A',
  'GET /v1/slivers/{name}/exec/stream': 'A',
  'GET /v1/slivers/{name}/keys': 'SCA',
  'PUT /v1/slivers/{name}/keys': 'A',
  'POST /v1/slivers/{name}/keys': 'A',
  'DELETE /v1/slivers/{name}/keys/{fingerprint}': 'A',
  'GET /v1/slivers/{name}/revocations': 'SCA',
  'PUT /v1/slivers/{name}/revocations': 'A',
  'POST /v1/slivers/{name}/revocations': 'A',
  'GET /v1/sessions': '*',
  'GET /v1/slivers/{name}/sessions': 'SCA',
  'DELETE /v1/sessions/{id}': '-', // no such session, whoever asks: test/node/sessions.test.ts
  'GET /v1/ports': '*',
  'POST /v1/ports': 'SA',
  'DELETE /v1/ports/{protocol}/{port}': '-', // no such reservation: below
  'POST /v1/ports/{protocol}/{port}/revoke': '-',
  'GET /v1/tickets': 'broker',
  'POST /v1/tickets': 'broker',
  'DELETE /v1/tickets/{id}': '-', // no such ticket
  'POST /v1/tickets/verify': '*',
  'GET /v1/holdings': '*',
  'GET /v1/leases': '*',
  'POST /v1/leases': 'SA',
  'GET /v1/leases/{id}': '-', // no such lease: test/node/leases.test.ts
  'PATCH /v1/leases/{id}': '-',
  'DELETE /v1/leases/{id}': '-',
  'GET /v1/loans': '*',
  'POST /v1/loans': 'SA',
  'GET /v1/loans/{id}': '-', // no such loan: test/node/loans.test.ts
  'DELETE /v1/loans/{id}': '-',
  'GET /v1/sensors': '*',
  'GET /v1/sensors/{sensor}': '*',
  'GET /metrics': '-',
  'PUT /v1/slivers/{name}/sensors/{sensor}': 'SA',
  'DELETE /v1/slivers/{name}/sensors/{sensor}': 'SA',
  'GET /v1/flows': '*',
  'GET /v1/events': '*',
  'GET /v1/images': 'authority',
  'GET /v1/images/{name}': 'authority',
  'POST /v1/images': '-',
  'DELETE /v1/images/{name}': '-',
};

const KEY = { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) };
const BODIES: Record<string, (name: string) => unknown> = {
  'POST /v1/slivers': () => ({ name: 'foreign_new', image: 'small' }),
  'PATCH /v1/slivers/{name}': () => ({ rspec: { 'cpu.weight': 101 } }),
  'POST /v1/slivers/{name}/exec': () => ({ argv: ['true'] }),
  'PUT /v1/slivers/{name}/keys': () => ({ keys: [] }),
  'POST /v1/slivers/{name}/keys': () => ({ keys: [] }),
  'PUT /v1/slivers/{name}/revocations': () => ({ items: [] }),
  'POST /v1/slivers/{name}/revocations': () => ({ items: [] }),
  'POST /v1/ports': (name) => ({ sliver: name, protocol: 'udp', port: 5353 }),
  'POST /v1/tickets': () => ({ to: KEY, rspec: { 'cpu.max': 1 }, until: '2100-01-01T00:00:00Z' }),
  'POST /v1/leases': (name) => ({ sliver: name, ticket: 'none' }),
  'POST /v1/loans': (name) => ({
    sliver: name,
    to: name,
    rspec: { 'pids.max': 1 },
    until: '2100-01-01T00:00:00Z',
  }),
  'PATCH /v1/leases/{id}': () => ({ until: '2100-01-01T00:00:00Z' }),
  'PUT /v1/slivers/{name}/sensors/{sensor}': () => ({ socket: '/srv/x.sock' }),
  'POST /v1/images': () => ({ name: 'x', source: { path: '/etc' } }),
};

let node: TestNode;
const ids = new Map<string, number>();
/** Asks by the socket of a sliver. */
const as = (caller: string, method: string, path: string, body?: unknown): Promise<Answer> =>
  request(`${node.run}/slivers/${ids.get(caller)}/inside/manager.sock`, method, path, body);
const create = async (name: string, more: object = {}) => {
  const { id } = await node.ok('POST', '/v1/slivers', { name, image: 'small', ...more });
  ids.set(name, id);
};
let routes: string[];

beforeAll(async () => {
  node = await TestNode.start();
  await importSmallImage(node);
  await create('t_self');
  await create('t_target');
  await create('t_other');
  await create('t_control', { roles: [{ role: 'control', slices: ['t_target'] }] });
  await create('t_authority', { roles: [{ role: 'authority', slices: ['own_*'] }] });
  await create('t_flows', { roles: [{ role: 'flows' }] });
  await create('t_broker', { roles: [{ role: 'broker', slices: ['*'], share: { 'cpu.max': 4 } }] });
  const made = await as('t_authority', 'POST', '/v1/slivers', { name: 'own_one', image: 'small' });
  expect(made).toMatchObject({ status: 201, body: { authority: 't_authority', pid: null } });
  ids.set('own_one', made.body.id);
  const { paths } = await node.ok('GET', '/v1/openapi.json');
  routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods as object).map((method) => `${method.toUpperCase()} ${path}`),
  );
}, 120_000);
afterAll(() => node?.stop());

it('every route is in the table of this test', () => {
  // A WebSocket is no part of the description.
  const known = Object.keys(MAY).filter((route) => !route.endsWith('/exec/stream'));
  expect(routes.toSorted()).toEqual(known.toSorted());
});

/** By what a caller may something to a target. */
const relation = (caller: string, target: string) =>
  [
    caller === target ? 'S' : '',
    caller === 't_control' && target === 't_target' ? 'C' : '',
    caller === 't_authority' && target === 'own_one' ? 'A' : '',
  ].join('');

describe.each(['t_self', 't_control', 't_authority', 't_broker', 't_flows'])('%s', (caller) => {
  it.each(Object.entries(MAY))('%s: %s', async (route, may) => {
    const [method = '', path = ''] = route.split(' ');
    const about = path.includes('{name}') && path.startsWith('/v1/slivers/');
    const inBody = route === 'POST /v1/ports' || route === 'POST /v1/leases' || route === 'POST /v1/loans';
    const targets = about || inBody ? [caller, 't_target', 'own_one', 't_other', 'no_such'] : [''];
    for (const target of targets) {
      // That works below: here it is needed.
      if (route === 'DELETE /v1/slivers/{name}' && target === 'own_one' && caller === 't_authority') continue;
      const where = path
        .replace('{name}', about ? target : 'small')
        .replace('{sensor}', 'node')
        .replace('{fingerprint}', 'SHA256%3Ax')
        .replace('{id}', 'x')
        .replace('{protocol}', 'udp')
        .replace('{port}', '53');
      const { status, body } = await as(caller, method, where, BODIES[route]?.(target));
      const told = `${route} of ${target} by ${caller}: ${status} ${JSON.stringify(body)}`;
      const related = relation(caller, target);
      if (target !== '' && related === '') {
        // Whether it is there or not: the same words.
        expect(status, told).toBe(404);
        expect(body.detail, told).toBe(`there is no sliver '${target}' on this node`);
        continue;
      }
      const through =
        may === '*' || caller === `t_${may}` || [...related].some((letter) => may.includes(letter));
      if (through)
        expect([403, ...(/fingerprint|stream/.test(route) ? [] : [404])], told).not.toContain(status);
      else if (/(sessions|leases|loans|tickets)\/\{|ports\/.*port}$/.test(path))
        expect(status, told).toBe(404);
      else {
        expect(status, told).toBe(403);
        expect(body.code, told).toBe('denied');
        expect(body.rule, told).toMatch(/^(GET|POST|PUT|PATCH|DELETE) \/(v1\/|metrics$)/);
      }
    }
    if (caller === 't_control' || caller === 't_authority')
      await node.ok('POST', `/v1/slivers/${caller === 't_control' ? 't_target' : 'own_one'}/start`);
  });
});

/** What comes of opening a program's streams: the first message, or the status of the refusal. */
const opened = (caller: string, name: string) =>
  new Promise((resolve) => {
    const path = `${node.run}/slivers/${ids.get(caller)}/inside/manager.sock`;
    const socket = new WebSocket(`ws+unix:${path}:/v1/slivers/${name}/exec/stream`);
    socket.on('open', () => socket.send('{"argv": ["true"]}'));
    socket.on('message', (text) => resolve(JSON.parse(String(text))));
    socket.on('unexpected-response', (_request, { statusCode }) => resolve(statusCode));
    socket.on('error', () => {});
  });

it('programs run by WebSocket for an authority in slivers that it made, and for nobody else', async () => {
  expect(await opened('t_authority', 'own_one')).toEqual({ exitCode: 0 });
  expect(await opened('t_authority', 't_other')).toBe(404);
  expect(await opened('t_self', 't_self')).toBe(403);
  expect(await opened('t_self', 'no_such')).toBe(404);
});

describe('an authority', () => {
  it('makes slivers of its slices alone, and gives neither roles, profile nor environment', async () => {
    const make = (more: object) =>
      as('t_authority', 'POST', '/v1/slivers', { name: 'own_two', image: 'small', ...more });
    expect(await make({ name: 'other_two' })).toMatchObject({ status: 403 });
    expect(await make({ profile: 'routing' })).toMatchObject({
      status: 403,
      body: { rule: 'POST /v1/slivers profile' },
    });
    expect(await make({ roles: [{ role: 'flows' }] })).toMatchObject({ status: 403 });
    expect(await make({ environment: 'namespaces' })).toMatchObject({ status: 403 });
    expect(await make({ authority: 't_self' })).toMatchObject({ status: 403 });
    const path = '/v1/slivers/own_one';
    expect(await as('t_authority', 'PATCH', path, { profile: 'routing' })).toMatchObject({ status: 403 });
    expect((await node.ok('GET', path)).roles).toEqual([]);
  });

  it("touches no other's, though the name is one of its own", async () => {
    await create('own_administrators');
    await create('t_second', { roles: [{ role: 'authority', slices: ['own_*'] }] });
    for (const [caller, name] of [
      ['t_authority', 'own_administrators'],
      ['t_second', 'own_one'],
    ] as const) {
      expect((await as(caller, 'GET', `/v1/slivers/${name}`)).status).toBe(404);
      expect((await as(caller, 'DELETE', `/v1/slivers/${name}`)).status).toBe(404);
    }
    const { body } = await as('t_authority', 'GET', '/v1/slivers');
    expect(body.items.map((one: { name: string }) => one.name)).toEqual(['own_one', 't_authority']);
    await node.ok('PATCH', '/v1/slivers/own_one', { authority: 't_second' });
    expect((await as('t_authority', 'GET', '/v1/slivers/own_one')).status).toBe(404);
    expect((await as('t_second', 'GET', '/v1/slivers/own_one')).status).toBe(200);
    await node.ok('PATCH', '/v1/slivers/own_one', { authority: 't_authority' });
  });

  it('has no more than its share, by new slivers and by changes', async () => {
    const share = { slivers: 2, 'memory.max': 2 ** 30 };
    await create('t_shared', { roles: [{ role: 'authority', slices: ['part_*'], share }] });
    const make = (name: string, memory: number) =>
      as('t_shared', 'POST', '/v1/slivers', {
        name,
        image: 'small',
        desired: 'stopped',
        rspec: { 'memory.max': memory },
      });
    expect((await make('part_one', 2 ** 29)).status).toBe(201);
    const more = { status: 507, body: { code: 'no-capacity', left: 2 ** 29 } };
    expect(await make('part_two', 2 ** 30)).toMatchObject(more);
    expect((await make('part_two', 2 ** 29)).status).toBe(201);
    expect(await make('part_three', 2 ** 20 * 8)).toMatchObject({ status: 507, body: { left: 0 } });
    const change = (memory: number | 'max') =>
      as('t_shared', 'PATCH', '/v1/slivers/part_one', { rspec: { 'memory.max': memory } });
    expect((await change(2 ** 30)).status).toBe(507);
    expect((await change('max')).status).toBe(507);
    expect((await change(2 ** 28)).status).toBe(200);
    // The administrator's to give all the same.
    await node.ok('PATCH', '/v1/slivers/part_one', { rspec: { 'memory.max': 2 ** 31 } });
    expect((await change(2 ** 30)).status).toBe(200);
  });

  it('may do no more once the role is taken away, and deletes while it has it', async () => {
    const made = await as('t_authority', 'POST', '/v1/slivers', { name: 'own_short', image: 'small' });
    expect(made.status).toBe(201);
    expect((await as('t_authority', 'DELETE', '/v1/slivers/own_short')).status).toBe(204);
    await node.ok('PATCH', '/v1/slivers/t_authority', { roles: [] });
    expect((await as('t_authority', 'GET', '/v1/slivers/own_one')).status).toBe(404);
    expect((await as('t_authority', 'POST', '/v1/slivers', { name: 'own_x', image: 'small' })).status).toBe(
      403,
    );
  });
});

describe('what is told', () => {
  it('of the node: nothing of others or of its files', async () => {
    const { body } = await as('t_self', 'GET', '/v1/node');
    expect(body.capacity.cpus).toBeGreaterThan(0);
    for (const member of ['pid', 'slivers', 'stateDirectory', 'cgroup'])
      expect(body).not.toHaveProperty(member);
    expect(await node.ok('GET', '/v1/node')).toHaveProperty('slivers');
  });

  it('of events: its own', async () => {
    const { body } = await as('t_self', 'GET', '/v1/events?limit=1000');
    const subjects = new Set(body.items.map((event: { subject: string }) => event.subject));
    expect([...subjects].toSorted()).toEqual(['t_self', 'test']);
    expect((await as('t_self', 'GET', '/v1/events?subject=t_other')).body.items).toEqual([]);
  });

  it('of events, as a stream: what it missed and what comes, its own slivers alone, and their end', async () => {
    const roles = [{ role: 'authority', slices: ['seen_*'] }];
    await create('t_stream', { roles });
    const path = `${node.run}/slivers/${ids.get('t_stream')}/inside/manager.sock`;
    const headers = { accept: 'text/event-stream', 'last-event-id': '0' };
    const told: { subject: string; type: string }[] = [];
    const call = httpRequest({ socketPath: path, path: '/v1/events', headers }, (answer) => {
      answer.on('error', () => {});
      answer.on('data', (text) => {
        for (const [, data = ''] of String(text).matchAll(/^data: (.*)$/gm)) told.push(JSON.parse(data));
      });
    });
    const ended = new Promise((resolve) => call.on('close', resolve));
    call.on('error', () => {}).end();
    await until(() => told.some(({ type }) => type === 'sliver.running'), 'what it missed');
    await as('t_stream', 'POST', '/v1/slivers', { name: 'seen_one', image: 'small', desired: 'stopped' });
    await node.ok('POST', '/v1/slivers', { name: 'seen_other', image: 'small', desired: 'stopped' });
    await as('t_stream', 'DELETE', '/v1/slivers/seen_one');
    await until(() => told.some(({ type }) => type === 'sliver.deleted'), 'the end');
    expect([...new Set(told.map(({ subject }) => subject))].toSorted()).toEqual([
      'seen_one',
      't_stream',
      'test',
    ]);
    // Who may less goes on with nothing that is open.
    await node.ok('PATCH', '/v1/slivers/t_stream', { roles: [] });
    await ended;
  });

  it('of denials: one event for a rule, however often', async () => {
    for (let times = 0; times < 20; times++) await as('t_flows', 'POST', '/v1/node/down');
    const { items } = await node.ok('GET', '/v1/events?subject=t_flows&limit=9999');
    const denied = items.filter(
      (one: { type: string; data: { rule?: string } }) => one.data.rule === 'POST /v1/node/down',
    );
    expect(denied).toHaveLength(1);
    expect(denied[0]).toMatchObject({ type: 'manager.denied', data: { denied: 1 } });
  });
});
