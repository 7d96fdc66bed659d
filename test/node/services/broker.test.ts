import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { delegate, publicKeyOf } from '../../../daemon/resources/tickets/ticket.ts';
import { signed } from '../../../scripts/services/shared/jws.ts';
import { scratch, TestNode, until } from '../harness.ts';
import { World } from '../world.ts';
import { importServicesImage, Service } from './house.ts';

// A broker in a sliver of one node, with tickets of that and of another; its customers are outside, and their slices on both.
const HOUR = 3_600_000;
const MIB = 2 ** 20;
const FIRST = '198.51.100.10';
const home = scratch('broker');
let world: World;
let first: TestNode;
let second: TestNode;
let broker: Service;
const key = () => generateKeyPairSync('ed25519').privateKey;
const [mit, ucb, stranger] = [key(), key(), key()];
// Whole seconds, as tickets have them.
const now = Math.floor(Date.now() / 1000) * 1000;
const soon = (hours: number) => new Date(now + hours * HOUR).toISOString();

/** What the broker answers to the host outside. */
function http(path: string, body?: string) {
  writeFileSync(`${home}/body`, body ?? '');
  const words = ['-sS', '-m', '20', '-w', '\n%{http_code}', `http://${FIRST}:8080${path}`];
  if (body !== undefined) words.push('--data-binary', `@${home}/body`);
  const [answer = '', status] = world.inside('world', 'curl', ...words).split('\n');
  return { status: Number(status), body: JSON.parse(answer) };
}
const asking = (from: KeyObject, node: string, rspec: object, more: object = {}) =>
  signed({ to: publicKeyOf(from), node, rspec, until: soon(4), ...more }, 'sliverd-ask', from);
const ask = (...words: Parameters<typeof asking>) => http('/tickets', asking(...words));

/** What a customer has of a ticket, made out to its slice. */
async function redeemed(node: TestNode, ticket: string, by: KeyObject, sliver: string) {
  const { nbf, exp, rspec } = JSON.parse(
    Buffer.from(ticket.split('~').at(-1)!.split('.')[1]!, 'base64url').toString(),
  );
  const last = await delegate(ticket, by, { nbf, exp, rspec, slice: sliver });
  return node.request('POST', '/v1/leases', { sliver, ticket: last });
}
/** A broker's sliver has a ticket of its node by its own share. */
async function issuedTo(service: Service, rspec: object, more: object = {}): Promise<string> {
  const body = JSON.stringify({ to: http('/key').body, rspec, until: soon(8), ...more });
  const command = `node /scripts/services/shared/manager.ts POST /v1/tickets '${body}'`;
  const { stdout, stderr } = await service.sh(command);
  if (stderr) throw new Error(stderr);
  return JSON.parse(stdout).ticket;
}

beforeAll(async () => {
  world = new World();
  first = await TestNode.start('', {}, (pid) => world.connect(pid, FIRST));
  second = await TestNode.start('', {}, (pid) => world.connect(pid, '198.51.100.11'));
  const roles = [{ role: 'broker', slices: ['*'], share: { 'memory.max': 1024 * MIB, 'cpu.max': 2 } }];
  for (const node of [first, second]) {
    await importServicesImage(node);
    await node.ok('POST', '/v1/slivers', { name: 'cmu_broker', image: 'services', roles });
    for (const name of ['mit_x', 'ucb_p2ps'])
      await node.ok('POST', '/v1/slivers', { name, image: 'services' });
  }
  broker = new Service(first, 'cmu_broker', '/scripts/services/broker.ts', '--state', '/var/broker');
  await broker.sh('mkdir -p /var/broker/tickets');
  const customers = { mit: { key: publicKeyOf(mit) }, ucb: { key: publicKeyOf(ucb), share: 0.5 } };
  await broker.put('/var/broker/customers.json', JSON.stringify(customers));
  const { key: other } = await second.ok('GET', '/v1/node');
  await broker.put('/var/broker/nodes.json', JSON.stringify({ second: other.public }));
  await broker.start();
  await broker.says(/a broker, on port 8080/);
}, 240_000);
afterAll(async () => {
  await first?.stop().finally(() => second?.stop().finally(() => world.stop()));
  rmSync(home, { recursive: true });
});

describe('a broker', () => {
  it('has tickets of several nodes, each had by its own sliver there, and offers what is good', async () => {
    const there = new Service(second, 'cmu_broker');
    const mine = await issuedTo(broker, { 'memory.max': 512 * MIB, 'cpu.max': 1 });
    await broker.put('/var/broker/tickets/first', mine);
    await broker.put('/var/broker/tickets/second', await issuedTo(there, { 'memory.max': 512 * MIB }));
    const last = mine.slice(0, -9);
    await broker.put('/var/broker/tickets/cut', `${last}${last.endsWith('A') ? 'B' : 'A'}`);
    const foreign = await second.ok('POST', '/v1/tickets', {
      ...{ to: publicKeyOf(stranger), rspec: { 'memory.max': MIB }, until: soon(8) },
    });
    await broker.put('/var/broker/tickets/foreign', foreign.ticket);
    expect(http('/offers').body).toEqual([
      expect.objectContaining({ node: 'test', rspec: { 'memory.max': 512 * MIB, 'cpu.max': 1 } }),
      expect.objectContaining({ node: 'second', rspec: { 'memory.max': 512 * MIB }, slice: null }),
    ]);
    await broker.says(/tickets\/cut: its signature is not by the key/);
    await broker.says(/tickets\/foreign: it is for another key/);
    const third = await issuedTo(there, { 'memory.max': MIB });
    await broker.put('/var/broker/nodes.json', '{}');
    await broker.put('/var/broker/tickets/third', third);
    expect(http('/offers').body).toHaveLength(1);
    await broker.says(/tickets\/third: it is of a node that nodes.json does not have/);
    const { key: other } = await second.ok('GET', '/v1/node');
    await broker.put('/var/broker/nodes.json', JSON.stringify({ second: other.public }));
    await broker.sh('rm /var/broker/tickets/third');
  });

  it('splits them for its customers, who redeem the parts at each node', async () => {
    for (const [node, name] of [
      [first, 'test'],
      [second, 'second'],
    ] as const) {
      const had = async (sliver: string) =>
        (await node.ok('GET', `/v1/slivers/${sliver}/effective-rspec`))['memory.max'] as number;
      for (const [by, sliver] of [
        [mit, 'mit_x'],
        [ucb, 'ucb_p2ps'],
      ] as const) {
        const before = await had(sliver);
        const { status, body } = ask(by, name, { 'memory.max': 200 * MIB });
        expect({ status, body }).toMatchObject({ status: 200 });
        expect((await redeemed(node, body.ticket, by, sliver)).body).toMatchObject({ state: 'active' });
        expect(await had(sliver)).toBe(before + 200 * MIB);
      }
    }
  });

  it('promises no more than it has, also when it was killed, and the same again to who asks again', async () => {
    const words = asking(mit, 'second', { 'memory.max': 100 * MIB });
    const { status, body } = http('/tickets', words);
    expect(status).toBe(200);
    const over = () => ask(mit, 'second', { 'memory.max': 13 * MIB });
    expect(over()).toMatchObject({ status: 409, body: { detail: expect.stringMatching(/that much left/) } });
    await broker.end('KILL');
    await broker.start();
    await broker.says(/on port 8080[\s\S]*on port 8080/);
    expect(over().status).toBe(409);
    expect(http('/tickets', words)).toEqual({ status: 200, body });
    expect(ask(mit, 'second', { 'memory.max': 12 * MIB }).status).toBe(200);
    expect(ask(mit, 'second', { 'memory.max': MIB }).status).toBe(409);
  });

  it('promises it again for another time, and to one customer no more than its part', async () => {
    const later = { from: soon(4), until: soon(6) };
    const half = { 'memory.max': 256 * MIB };
    expect(ask(ucb, 'second', { 'memory.max': 257 * MIB }, later).status).toBe(409);
    expect(ask(ucb, 'second', half, later).status).toBe(200);
    expect(ask(ucb, 'second', { 'memory.max': MIB }, later).status).toBe(409);
    expect(ask(mit, 'second', half, later).status).toBe(200);
    expect(ask(mit, 'second', { 'memory.max': MIB }, { from: soon(5), until: soon(7) }).status).toBe(409);
    expect(ask(mit, 'second', { 'memory.max': MIB }, { from: soon(6), until: soon(7) }).status).toBe(200);
  });

  it.each([
    ['who is no customer', () => asking(stranger, 'second', { 'memory.max': MIB }), 403, /customer/],
    [
      'who signs for another',
      () =>
        signed(
          { to: publicKeyOf(mit), node: 'second', rspec: { 'memory.max': 1 }, until: soon(1) },
          'sliverd-ask',
          ucb,
        ),
      ...[400, /signature/],
    ] as const,
    ['what it has not', () => asking(mit, 'second', { 'cpu.max': 1 }), 409, /that much left/],
    ['what there is not', () => asking(mit, 'second', { constructor: 1 }), 409, /that much left/],
    ['of a node it has nothing of', () => asking(mit, 'third', { 'cpu.max': 1 }), 404, /nothing of third/],
    ['past the end', () => asking(mit, 'second', { 'memory.max': MIB }, { until: soon(9) }), 409, /then/],
    ['for no time', () => asking(mit, 'test', { 'cpu.max': 0.1 }, { until: soon(-1) }), 400, /to come/],
    ['less than nothing', () => asking(mit, 'test', { 'cpu.max': -1 }), 400, /amounts/],
    ['for no slice', () => asking(mit, 'test', { 'cpu.max': 0.1 }, { slice: '*' }), 400, /ucb_/],
    ['too much at once', () => 'x'.repeat(20_000), 400, /more than 16384 bytes/],
    ['nothing', () => '', 400, /no JWS/],
  ])('refuses %s', (_what, text, status, detail) => {
    expect(http('/tickets', text())).toMatchObject({
      status,
      body: { detail: expect.stringMatching(detail) },
    });
  });

  it('keeps a ticket of one site to that', async () => {
    await broker.put(
      '/var/broker/tickets/site',
      await issuedTo(broker, { 'cpu.max': 0.5 }, { slice: 'ucb_*', until: soon(2) }),
    );
    const until_ = { until: soon(1.5) };
    const claims = (ticket: string) =>
      JSON.parse(Buffer.from(ticket.split('~').at(-1)!.split('.')[1]!, 'base64url').toString());
    const site = ask(mit, 'test', { 'cpu.max': 0.25 }, until_).body.ticket;
    expect(claims(site).slice).toBe('ucb_*');
    expect(await redeemed(first, site, mit, 'mit_x').catch(({ code }) => code)).toBe('ticket-widened');
    expect((await redeemed(first, site, mit, 'ucb_p2ps')).status).toBe(201);
    // Of the other ticket, which is for all.
    expect(
      claims(ask(mit, 'test', { 'cpu.max': 0.25 }, { ...until_, slice: 'mit_x' }).body.ticket).slice,
    ).toBe('mit_x');
  });

  it('promises more than it has where it is told to, and the node shows who did', async () => {
    await broker.end('TERM');
    await broker.start('--factor', '2');
    await until(async () => /(on port 8080[\s\S]*){3}/.test(await broker.said()), 'it to start');
    const { status, body } = ask(mit, 'second', { 'memory.max': 300 * MIB });
    expect(status).toBe(200);
    const late = await redeemed(second, body.ticket, mit, 'mit_x');
    expect(late).toMatchObject({ status: 409, body: { code: 'over-promised' } });
    expect(ask(mit, 'second', { 'memory.max': 300 * MIB, 'cpu.max': 1 }).status).toBe(409);
  });
});
