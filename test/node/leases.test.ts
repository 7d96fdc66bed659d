import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyEvidence } from '../../daemon/resources/leases/evidence.ts';
import { cores, formatCores } from '../../daemon/resources/leases/exclusive.ts';
import { delegate, publicKeyOf } from '../../daemon/resources/tickets/ticket.ts';
import { FakeClock } from './fake-clock.ts';
import { type Answer, request, scratch, TestNode, until } from './harness.ts';
import { importSmallImage } from './image.ts';
import { Meter } from './rates/meter.ts';
import { World } from './world.ts';

const HOUR = 3_600_000;
const MBIT = 1e6;
const MAIN = new URL('../../daemon/cli/main.ts', import.meta.url).pathname;
const home = scratch('leases');
const clock = new FakeClock();
let world: World;
let meter: Meter;
let node: TestNode;
/** The machine's clock and the daemon's differ by hours that a test says. */
let ahead = 0;
const soon = (hours: number) => new Date(Date.now() + (ahead + hours) * HOUR).toISOString();
const key = () => generateKeyPairSync('ed25519').privateKey;
const ids = new Map<string, number>();

const create = async (name: string, more: object = {}) => {
  const { id } = await node.ok('POST', '/v1/slivers', { name, image: 'small', ...more });
  ids.set(name, id);
};
const as = (caller: string, method: string, path: string, body?: unknown): Promise<Answer> =>
  request(`${node.run}/slivers/${ids.get(caller)}/inside/manager.sock`, method, path, body);

/** The node's promise to a holder. */
const promise = async (holder: KeyObject, rspec: object, more: object = {}): Promise<string> => {
  const body = { to: publicKeyOf(holder), rspec, until: soon(8), ...more };
  return (await node.ok('POST', '/v1/tickets', body)).ticket;
};
/** A part of a ticket, given on or made out to a sliver. */
const part = (ticket: string, from: KeyObject, rspec: object, to: { slice: string } | { key: KeyObject }) => {
  const claims = JSON.parse(Buffer.from(ticket.split('~').at(-1)!.split('.')[1]!, 'base64url').toString());
  const { nbf, exp } = claims;
  return delegate(ticket, from, {
    ...{ rspec, nbf, exp },
    ...('key' in to ? { to: publicKeyOf(to.key) } : to),
  });
};
const redeem = (sliver: string, ticket: string, more: object = {}) =>
  node.request('POST', '/v1/leases', { sliver, ticket, ...more });
const effective = (name: string) => node.ok('GET', `/v1/slivers/${name}/effective-rspec`);
const told = async (name: string) =>
  (await node.ok('GET', `/v1/events?subject=${name}&limit=9999`)).items
    .map(({ type }: { type: string }) => type)
    .filter((type: string) => type.startsWith('lease.'));
async function jump(hours: number): Promise<void> {
  const jumps = async () =>
    (await node.ok('GET', '/v1/events?subject=test&limit=9999')).items.filter(
      ({ type }: { type: string }) => type === 'node.clock',
    ).length;
  const before = await jumps();
  clock.set(hours);
  ahead = hours;
  await until(async () => (await jumps()) > before, 'the daemon to see it');
}

beforeAll(async () => {
  world = new World();
  node = await TestNode.start('', clock.environment, (pid) => world.connect(pid, '198.51.100.10'));
  meter = await Meter.start(world.namespace('world'));
  await importSmallImage(node);
  await create('ucb_p2ps', { rspec: { 'net.up.max': 8 * MBIT } });
  await create('mit_x');
}, 120_000);
afterAll(async () => {
  meter?.stop();
  await node?.stop().finally(() => world.stop());
  clock.remove();
  rmSync(home, { recursive: true, force: true });
});

describe('a ticket that is redeemed', () => {
  const [broker, user] = [key(), key()];
  let whole: string;
  let final: string;

  it('gives the sliver more at once, in the kernel too, without a restart, and as long as it lasts', async () => {
    whole = await promise(broker, { 'net.up.max': 40 * MBIT, 'memory.max': 2 ** 30 });
    const half = await part(whole, broker, { 'net.up.max': 24 * MBIT }, { key: user });
    final = await part(half, user, { 'net.up.max': 24 * MBIT }, { slice: 'ucb_p2ps' });
    const { pid } = await node.ok('GET', '/v1/slivers/ucb_p2ps');
    await node.exec('ucb_p2ps', 'sh', '-c', `nc ${World.address} 7001 < /dev/zero > /dev/null 2>&1 &`);
    const rate = async () => (await meter.rates(1))[7001]! / MBIT;
    await until(async () => (await rate()) > 5, 'it to send');
    expect(await rate()).toBeLessThan(10);

    const lease = (await redeem('ucb_p2ps', final)).body;
    expect(lease).toMatchObject({ state: 'active', sliver: 'ucb_p2ps', issuer: null });
    expect(lease.tickets).toHaveLength(3);
    expect(await effective('ucb_p2ps')).toMatchObject({ 'net.up.max': 32 * MBIT });
    expect(await node.ok('GET', '/v1/slivers/ucb_p2ps/rspec')).toMatchObject({ 'net.up.max': 8 * MBIT });
    await until(async () => (await rate()) > 20, 'it to be let go');
    expect(await rate()).toBeLessThan(36);
    expect(await node.ok('GET', '/v1/slivers/ucb_p2ps')).toMatchObject({ pid });

    await node.ok('DELETE', `/v1/leases/${lease.id}`);
    expect(await effective('ucb_p2ps')).toMatchObject({ 'net.up.max': 8 * MBIT });
    await until(async () => (await rate()) < 12, 'it to be held again');
    expect(await told('ucb_p2ps')).toEqual(['lease.redeemed', 'lease.started', 'lease.ended']);
  });

  it('is good once, also after a crash', async () => {
    const again = { status: 409, body: { code: 'ticket-redeemed' } };
    expect(await redeem('ucb_p2ps', final)).toMatchObject(again);
    await node.kill();
    await node.launch(clock.environment);
    expect(await redeem('ucb_p2ps', final)).toMatchObject(again);
  });

  it('is good once, however often its holder signs the same', async () => {
    const [header, payload] = final.split('~').at(-1)!.split('.');
    const { sign } = await import('node:crypto');
    const signature = sign(null, Buffer.from(`${header}.${payload}`), user).toString('base64url');
    const resigned = [...final.split('~').slice(0, -1), `${header}.${payload}.${signature}`].join('~');
    expect(await redeem('ucb_p2ps', resigned)).toMatchObject({ body: { code: 'ticket-redeemed' } });
  });

  it.each([
    ['that is for a holder still', () => whole, 'ucb_p2ps', 409, 'ticket-not-final'],
    ['of another slice', () => final, 'mit_x', 403, 'ticket-wrong-sliver'],
    ['that was cut off', () => final.slice(0, -9), 'ucb_p2ps', 403, 'ticket-forged'],
    ['for nobody', () => final, 'no_such', 404, 'not-found'],
  ])('gives nothing %s', async (_what, ticket, sliver, status, code) => {
    expect(await redeem(sliver, ticket())).toMatchObject({ status, body: { code } });
  });

  it('gives a part of its time, and no other', async () => {
    const ticket = await part(whole, broker, { 'cpu.weight': 1 }, { slice: 'mit_x' }).catch((error) => error);
    expect(ticket).toMatchObject({ code: 'ticket-widened' });
    const good = await part(whole, broker, { 'memory.max': 2 ** 20 }, { slice: 'mit_x' });
    const leap = '2026-12-31T23:59:60Z';
    for (const more of [
      { until: soon(9) },
      { from: soon(4), until: soon(3) },
      { until: soon(-1) },
      { from: leap },
      { until: leap },
    ])
      expect(await redeem('mit_x', good, more)).toMatchObject({ status: 400 });
    const { body } = await redeem('mit_x', good, { from: soon(2), until: soon(3) });
    expect(body.state).toBe('pending');
    const before = (await node.ok('GET', '/v1/slivers/mit_x/rspec'))['memory.max'];
    expect((await effective('mit_x'))['memory.max']).toBe(before);
    expect(await node.request('PATCH', `/v1/leases/${body.id}`, { until: soon(9) })).toMatchObject({
      status: 400,
    });
    expect(await node.ok('PATCH', `/v1/leases/${body.id}`, { until: soon(7) })).toMatchObject({
      state: 'pending',
    });
    await node.ok('DELETE', `/v1/leases/${body.id}`);
  });
});

describe('a lease by the clock', () => {
  it('begins and ends by it, also while no daemon runs, and is told once', async () => {
    const holder = key();
    await create('a_clock');
    const whole = await promise(holder, { 'memory.max': 2 ** 30 });
    const ticket = await part(whole, holder, { 'memory.max': 2 ** 30 }, { slice: 'a_clock' });
    const { body } = await redeem('a_clock', ticket, { from: soon(1), until: soon(4) });
    const own = (await effective('a_clock'))['memory.max'];
    const lease = () => node.ok('GET', `/v1/leases/${body.id}`);
    await jump(2);
    await until(async () => (await told('a_clock')).includes('lease.started'), 'it to be told');
    expect((await effective('a_clock'))['memory.max']).toBe(own + 2 ** 30);
    expect(await lease()).toMatchObject({ state: 'active' });

    await node.kill();
    ahead = 5;
    clock.set(ahead);
    await node.launch(clock.environment);
    expect((await effective('a_clock'))['memory.max']).toBe(own);
    expect(await lease()).toMatchObject({ state: 'ended' });
    expect((await node.ok('GET', '/v1/leases')).items.map(({ id }: { id: string }) => id)).not.toContain(
      body.id,
    );
    expect(await told('a_clock')).toEqual(['lease.redeemed', 'lease.started', 'lease.ended']);
    await jump(0);
    await until(async () => (await lease()).state === 'pending', 'it to be to come again');
  });

  it('is the one or the other, where one ends as another begins', async () => {
    const holder = key();
    const whole = await promise(holder, { 'pids.max': 100 });
    const made = [];
    for (const sliver of ['ucb_p2ps', 'mit_x'])
      made.push(await part(whole, holder, { 'pids.max': 100 }, { slice: sliver }));
    const turn = new Date(Date.now() + 3000).toISOString();
    expect((await redeem('ucb_p2ps', made[0]!, { until: turn })).status).toBe(201);
    expect((await redeem('mit_x', made[1]!, { from: turn })).status).toBe(201);
    const both = async () => [
      (await effective('ucb_p2ps'))['pids.max'],
      (await effective('mit_x'))['pids.max'],
    ];
    expect(await both()).toEqual([1124, 1024]);
    await until(async () => (await told('mit_x')).at(-1) === 'lease.started', 'the turn');
    expect(await both()).toEqual([1024, 1124]);
  });

  it('goes with its sliver', async () => {
    const holder = key();
    await create('a_short');
    const whole = await promise(holder, { 'cpu.weight': 100 });
    const ticket = await part(whole, holder, { 'cpu.weight': 100 }, { slice: 'a_short' });
    const { body } = await redeem('a_short', ticket);
    await node.ok('DELETE', '/v1/slivers/a_short');
    expect(await node.request('GET', `/v1/leases/${body.id}`)).toMatchObject({ status: 404 });
    await create('a_short');
    expect(await redeem('a_short', ticket)).toMatchObject({ body: { code: 'ticket-redeemed' } });
    const other = await part(whole, holder, { 'cpu.weight': 100 }, { slice: 'mit_x' });
    expect((await redeem('mit_x', other)).status).toBe(201);
  });
});

describe('who promises more than it has', () => {
  const [broker, user] = [key(), key()];

  it('serves who comes first, and the next can show it', async () => {
    const whole = await promise(broker, { 'cpu.max': 2, 'pids.max': 500 });
    const to = await part(whole, broker, { 'cpu.max': 1.5 }, { key: user });
    const first = await part(to, user, { 'cpu.max': 1.4 }, { slice: 'ucb_p2ps' });
    expect((await redeem('ucb_p2ps', first)).status).toBe(201);
    // The user of what it was given, the broker of what the user took.
    for (const [ticket, by] of [
      [await part(to, user, { 'cpu.max': 0.2 }, { slice: 'mit_x' }), user],
      [await part(whole, broker, { 'cpu.max': 0.7 }, { slice: 'mit_x' }), broker],
    ] as const) {
      const { status, body } = await redeem('mit_x', ticket);
      expect({ status, code: body.code }).toEqual({ status: 409, code: 'over-promised' });
      const { key: nodeKey } = await node.ok('GET', '/v1/node');
      const statement = await verifyEvidence(body.evidence, nodeKey);
      expect(statement).toMatchObject({ by: publicKeyOf(by).x, key: 'cpu.max', more: 0 });
      expect(statement.taken).toHaveLength(1);
      const stranger = { ...nodeKey, public: publicKeyOf(key()) };
      await expect(verifyEvidence(body.evidence, stranger)).rejects.toMatchObject({ code: 'bad-evidence' });
    }
    const rest = await part(whole, broker, { 'cpu.max': 0.6, 'pids.max': 500 }, { slice: 'mit_x' });
    expect((await redeem('mit_x', rest)).status).toBe(201);
    expect((await told('mit_x')).filter((type: string) => type === 'lease.refused')).toHaveLength(2);
  });

  it('promises it again for another time', async () => {
    const [one, half, two] = [soon(1), soon(1.5), soon(2)];
    const whole = await promise(broker, { 'io.weight': 50 });
    const made = async (sliver: string) => part(whole, broker, { 'io.weight': 50 }, { slice: sliver });
    expect((await redeem('ucb_p2ps', await made('ucb_p2ps'), { from: one, until: two })).status).toBe(201);
    const second = await made('mit_x');
    expect(await redeem('mit_x', second, { until: half })).toMatchObject({ status: 409 });
    const { status, body } = await redeem('mit_x', second, { from: two });
    expect(status).toBe(201);
    expect((await node.request('PATCH', `/v1/leases/${body.id}`, { until: one })).status).toBe(400);
    expect((await redeem('ucb_p2ps', await made('ucb_p2ps'), { until: one })).status).toBe(201);
  });

  it('and guarantees are never more than the node has', async () => {
    const { capacity } = await node.ok('GET', '/v1/node');
    const bytes = capacity.diskBytes;
    const whole = await promise(broker, { 'disk.bytes': bytes });
    const ticket = await part(whole, broker, { 'disk.bytes': bytes }, { slice: 'mit_x' });
    expect(await redeem('mit_x', ticket)).toMatchObject({ status: 507, body: { code: 'no-capacity' } });
    // What isn't had isn't used up.
    expect(await redeem('mit_x', ticket)).toMatchObject({ status: 507 });
  });
});

describe('what nobody else has meanwhile', () => {
  const holder = key();
  const leased = async (sliver: string, rspec: object, more: object = {}) => {
    const whole = await promise(holder, rspec);
    return redeem(sliver, await part(whole, holder, rspec, { slice: sliver }), more);
  };
  const noticed = async (by: string) =>
    (await as(by, 'GET', '/v1/events?limit=9999')).body.items
      .filter(({ type }: { type: string }) => type === 'node.leased')
      .at(-1)?.data;
  const cpuset = async (name: string) => (await effective(name))['cpuset.cpus'];
  const all = cores();

  it.runIf(all.length > 1)('is whole cores: others run on what is left, and are told', async () => {
    const last = all.at(-1)!;
    const { status, body } = await leased('ucb_p2ps', { 'cpu.cores': 1 });
    expect({ status, cores: body.cores, unused: body.unused }).toEqual({
      status: 201,
      cores: [last],
      unused: 'idle',
    });
    expect(await cpuset('ucb_p2ps')).toBe(String(last));
    expect(await cpuset('mit_x')).toBe(formatCores(all.slice(0, -1)));
    expect(await noticed('mit_x')).toMatchObject({ cores: [last], unused: 'idle' });
    await node.ok('PATCH', '/v1/slivers/mit_x', { rspec: { 'cpuset.cpus': String(last) } });
    expect(await cpuset('mit_x')).toBe(formatCores(all.slice(0, -1)));
    expect((await leased('mit_x', { 'cpu.cores': all.length - 1 })).body.detail).toMatch(/cpu.cores/);
    expect(await leased('mit_x', { node: 1 })).toMatchObject({ status: 507 });
    await node.ok('DELETE', `/v1/leases/${body.id}`);
    expect([await cpuset('ucb_p2ps'), await cpuset('mit_x')]).toEqual(['', String(last)]);
    await node.ok('PATCH', '/v1/slivers/mit_x', { rspec: { 'cpuset.cpus': '' } });
    const shared = await leased('ucb_p2ps', { 'cpu.cores': 1 }, { unused: 'shared' });
    expect(await effective('ucb_p2ps')).toMatchObject({ 'cpuset.cpus': String(last), 'cpu.weight': 10_000 });
    expect(await cpuset('mit_x')).toBe('');
    await node.ok('DELETE', `/v1/leases/${shared.body.id}`);
  });

  it('is the whole node: others are frozen, told, and go on after it, also when nobody watched', async () => {
    const state = async (name: string) => (await node.ok('GET', `/v1/slivers/${name}`)).state;
    await create('a_stopped', { desired: 'stopped' });
    const { pid } = await node.ok('GET', '/v1/slivers/mit_x');
    const { body } = await leased('ucb_p2ps', { node: 1 });
    await until(async () => (await state('mit_x')) === 'frozen', 'the others to be frozen');
    expect([await state('ucb_p2ps'), await state('a_stopped')]).toEqual(['running', 'stopped']);
    expect(await noticed('mit_x')).toMatchObject({ node: true });
    const exec = await node.request('POST', '/v1/slivers/mit_x/exec', { argv: ['true'] });
    expect(exec).toMatchObject({
      status: 409,
      body: { detail: expect.stringMatching(/leased the whole node/) },
    });
    // Who begins meanwhile waits too; what was asked for isn't forgotten.
    await node.ok('POST', '/v1/slivers/a_stopped/start');
    expect(await state('a_stopped')).toBe('frozen');
    expect(await leased('mit_x', { 'cpu.cores': 1 })).toMatchObject({ status: 507 });

    await node.kill();
    await node.launch(clock.environment);
    await until(async () => (await state('mit_x')) === 'frozen', 'the others to be found frozen');
    await node.ok('DELETE', `/v1/leases/${body.id}`);
    for (const name of ['mit_x', 'a_stopped'])
      await until(async () => (await state(name)) === 'running', 'it to go on');
    expect(await node.ok('GET', '/v1/slivers/mit_x')).toMatchObject({ pid, desired: 'running' });
  });
});

describe('a lease of a disk', () => {
  const MIB = 2 ** 20;
  const write = (name: string, size: number) =>
    node.exec('a_disk', 'sh', '-c', `dd if=/dev/zero of=/root/${name} bs=1M count=${size} 2>&1; sync; true`);
  const used = async () => (await node.ok('GET', '/v1/slivers/a_disk/usage')).diskBytes / MIB;

  it('is room as long as it lasts, and none after its end, whatever was written meanwhile', async () => {
    await create('a_disk', { rspec: { 'disk.bytes': 64 * MIB, 'disk.inodes': 2000 } });
    const holder = key();
    const whole = await promise(holder, { 'disk.bytes': 64 * MIB });
    const ticket = await part(whole, holder, { 'disk.bytes': 64 * MIB }, { slice: 'a_disk' });
    expect((await write('own', 40)).exitCode).toBe(0);
    const { body } = await redeem('a_disk', ticket);
    // Where a disk doesn't grow while it is mounted.
    await node.ok('POST', '/v1/slivers/a_disk/restart');
    await write('leased', 50);
    expect(await used()).toBeGreaterThan(85);

    await node.ok('DELETE', `/v1/leases/${body.id}`);
    await node.ok('POST', '/v1/slivers/a_disk/start'); // and it was looked at
    await write('more', 10);
    expect(await used()).toBeLessThan(95);
    // Full, it starts all the same; what is deleted isn't had again but up to its own.
    await node.ok('POST', '/v1/slivers/a_disk/restart');
    await write('more', 10);
    expect(await used()).toBeLessThan(95);
    await node.exec('a_disk', 'sh', '-c', 'rm /root/leased /root/more; sync');
    await node.ok('POST', '/v1/slivers/a_disk/start');
    expect(await used()).toBeLessThan(50);
    await write('again', 60);
    expect(await used()).toBeGreaterThan(50);
    expect(await used()).toBeLessThanOrEqual(64);
    // Nearly empty it shrinks at its next start, and is of its own size again.
    await node.exec('a_disk', 'sh', '-c', 'rm /root/again /root/own; sync');
    await node.ok('POST', '/v1/slivers/a_disk/restart');
    const size = (await node.exec('a_disk', 'sh', '-c', 'df -m / | tail -n 1')).stdout.split(/ +/)[1];
    expect(Number(size)).toBeLessThanOrEqual(64);
    await write('again', 70);
    expect(await used()).toBeGreaterThan(40);
    await node.ok('DELETE', '/v1/slivers/a_disk');
  });

  it('is no longer than that for who leaves no inode for what takes it back', async () => {
    await create('a_disk', { rspec: { 'disk.bytes': 64 * MIB, 'disk.inodes': 2000 } });
    const holder = key();
    const whole = await promise(holder, { 'disk.bytes': 64 * MIB });
    const { body } = await redeem(
      'a_disk',
      await part(whole, holder, { 'disk.bytes': 64 * MIB }, { slice: 'a_disk' }),
    );
    await node.ok('POST', '/v1/slivers/a_disk/restart');
    const touched = await node.exec('a_disk', 'sh', '-c', 'cd /root; seq 9999 | xargs touch 2>&1');
    expect(touched.stdout).toMatch(/No space left/);
    await node.ok('DELETE', `/v1/leases/${body.id}`);
    await node.ok('POST', '/v1/slivers/a_disk/start');
    await write('1', 100);
    expect(await used()).toBeLessThanOrEqual(64);
    await node.ok('POST', '/v1/slivers/a_disk/restart');
    expect(await node.ok('GET', '/v1/slivers/a_disk')).toMatchObject({ state: 'running' });
    await node.ok('DELETE', '/v1/slivers/a_disk');
  });
});

describe('who holds what', () => {
  it('is one query: sums, and each sliver with what it has by what', async () => {
    const holder = key();
    const before = await node.ok('GET', '/v1/holdings');
    const sum = ({ resources }: { resources: { key: string }[] }) =>
      resources.find((one) => one.key === 'disk.bytes');
    const whole = await promise(holder, { 'disk.bytes': 2 ** 24 });
    const ticket = await part(whole, holder, { 'disk.bytes': 2 ** 24 }, { slice: 'mit_x' });
    const { body } = await redeem('mit_x', ticket);
    const after = await node.ok('GET', '/v1/holdings');
    const { slivers, leased, left } = sum(before) as never as Record<string, number>;
    expect(sum(after)).toMatchObject({ slivers, leased: leased! + 2 ** 24, left: left! - 2 ** 24 });
    const its = after.slivers.find(({ name }: { name: string }) => name === 'mit_x');
    expect(its).toMatchObject({
      own: { 'disk.bytes': 2 ** 31 },
      leased: { 'disk.bytes': 2 ** 24 },
      lent: {},
    });
    expect((await as('mit_x', 'GET', '/v1/holdings')).body.slivers).toEqual([its]);
    // A new sliver leaves room for what is leased.
    const rest = { 'disk.bytes': left! - 2 ** 23 };
    const made = await node.request('POST', '/v1/slivers', {
      name: 'a_big',
      image: 'small',
      rspec: rest,
      desired: 'stopped',
    });
    expect(made).toMatchObject({ status: 507, body: { left: left! - 2 ** 24 } });
    await node.ok('DELETE', `/v1/leases/${body.id}`);
  });

  it("keeps to the owner's overCommit, slivers and leases together", async () => {
    const cores = (await node.ok('GET', '/v1/node')).capacity.cpus;
    await node.kill();
    node.configure(`rspec: { cpu.max: 1 }\noverCommit: { cpu: 100 }\nreserve: { cores: 0 }\n`);
    await node.launch(clock.environment);
    const { resources } = await node.ok('GET', '/v1/holdings');
    const { of, left } = resources.find((one: { key: string }) => one.key === 'cpu.max');
    expect(of).toBe(100 * cores);
    const ask = (most: number | 'max') =>
      node.request('POST', '/v1/slivers', {
        name: 'a_cpu',
        image: 'small',
        rspec: { 'cpu.max': most },
        desired: 'stopped',
      });
    expect(await ask(left + 0.5)).toMatchObject({ status: 507, body: { left } });
    expect((await ask(left - 1)).status).toBe(201);
    const holder = key();
    const whole = await promise(holder, { 'cpu.max': 2 });
    const lease = async (amount: number) =>
      redeem('mit_x', await part(whole, holder, { 'cpu.max': amount }, { slice: 'mit_x' }));
    expect(await lease(1.5)).toMatchObject({ status: 507, body: { left: 1 } });
    expect((await lease(1)).status).toBe(201);
    await node.kill();
    node.configure('');
    await node.launch(clock.environment);
  });
});

describe('a broker', () => {
  const holder = key();
  const ask = (caller: string, rspec: object, more: object = {}) =>
    as(caller, 'POST', '/v1/tickets', { to: publicKeyOf(holder), rspec, until: soon(8), ...more });

  beforeAll(async () => {
    const roles = [{ role: 'broker', slices: ['ucb_*', 'mit_x'], share: { 'memory.max': 2 ** 30 } }];
    await create('a_broker', { roles });
  });

  it('issues tickets of its share, for its slices, and no more at once', async () => {
    expect(await ask('a_broker', { 'memory.max': 2 ** 29 })).toMatchObject({ status: 403 });
    expect(await ask('a_broker', { 'memory.max': 2 ** 29 }, { slice: 'cmu_*' })).toMatchObject({
      status: 403,
    });
    expect(await ask('a_broker', { 'cpu.max': 1 }, { slice: 'ucb_*' })).toMatchObject({ status: 507 });
    expect((await ask('a_broker', { 'memory.max': 2 ** 28 }, { slice: 'ucb_*' })).status).toBe(201);
    const most = { slice: 'mit_x', from: soon(4) };
    expect(await ask('a_broker', { 'memory.max': 2 ** 30 }, most)).toMatchObject({
      body: { left: 3 * 2 ** 28 },
    });
    expect((await ask('a_broker', { 'memory.max': 2 ** 29 }, most)).status).toBe(201);
    const { body } = await as('a_broker', 'GET', '/v1/tickets');
    expect(body.items).toHaveLength(2);
    expect(await as('mit_x', 'GET', '/v1/tickets')).toMatchObject({ status: 403 });
    expect(await as('mit_x', 'DELETE', `/v1/tickets/${body.items[0].id}`)).toMatchObject({ status: 404 });
  });

  it('takes a ticket back, and with its role goes what it promised', async () => {
    const { body } = await ask('a_broker', { 'memory.max': 2 ** 20 }, { slice: 'ucb_*' });
    const ticket = await part(body.ticket, holder, { 'memory.max': 2 ** 19 }, { slice: 'ucb_p2ps' });
    const lease = await as('ucb_p2ps', 'POST', '/v1/leases', { sliver: 'ucb_p2ps', ticket, until: soon(2) });
    expect(lease).toMatchObject({ status: 201, body: { issuer: 'a_broker' } });
    const seen = (await as('a_broker', 'GET', '/v1/leases')).body.items;
    expect(seen.map(({ id }: { id: string }) => id)).toEqual([lease.body.id]);
    expect(await as('mit_x', 'GET', `/v1/leases/${lease.body.id}`)).toMatchObject({ status: 404 });
    expect(await as('mit_x', 'DELETE', `/v1/leases/${lease.body.id}`)).toMatchObject({ status: 404 });

    const revoked = { status: 403, body: { code: 'ticket-revoked' } };
    const next = () => part(body.ticket, holder, { 'memory.max': 2 ** 18 }, { slice: 'ucb_p2ps' });
    expect((await as('a_broker', 'DELETE', `/v1/tickets/${body.id}`)).body).toMatchObject({ revoked: true });
    expect(await redeem('ucb_p2ps', await next())).toMatchObject(revoked);
    const renew = (hours: number) =>
      as('ucb_p2ps', 'PATCH', `/v1/leases/${lease.body.id}`, { until: soon(hours) });
    expect(await renew(3)).toMatchObject(revoked);
    expect(await renew(1)).toMatchObject({ status: 200 });
    const other = await ask('a_broker', { 'memory.max': 2 ** 20 }, { slice: 'ucb_*' });
    const late = await part(other.body.ticket, holder, { 'memory.max': 2 ** 19 }, { slice: 'ucb_p2ps' });
    await node.ok('PATCH', '/v1/slivers/a_broker', { roles: [] });
    expect(await redeem('ucb_p2ps', late)).toMatchObject(revoked);
    expect(await node.ok('GET', `/v1/leases/${lease.body.id}`)).toMatchObject({ state: 'active' });
  });
});

describe('sliverctl lease', () => {
  const ctl = (...words: string[]) =>
    spawnSync(process.execPath, [MAIN, '--socket', `${node.run}/admin.sock`, ...words], { encoding: 'utf8' });
  const file = (name: string, content: string | Buffer) => {
    writeFileSync(`${home}/${name}`, content);
    return `${home}/${name}`;
  };

  it("redeems a holder's ticket by its key, lists, renews and ends it, and keeps evidence", async () => {
    const holder = key();
    const pem = file('holder', holder.export({ type: 'pkcs8', format: 'pem' }));
    const ticket = file('ticket', await promise(holder, { 'net.connections': 100 }));
    expect(ctl('lease', 'redeem', ticket)).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/--sliver/),
    });
    expect(ctl('lease', 'redeem', ticket, '--sliver', 'mit_x').stderr).toMatch(/--key FILE/);
    const redeemed = ctl(
      '--json',
      'lease',
      'redeem',
      ticket,
      '--sliver',
      'mit_x',
      '--key',
      pem,
      '--until',
      '1h',
    );
    expect(redeemed).toMatchObject({ status: 0, stderr: '' });
    const { id } = JSON.parse(redeemed.stdout);
    expect(ctl('lease', 'list', '--sliver', 'mit_x').stdout).toMatch(
      new RegExp(`${id} +mit_x +active .*connections=100`),
    );
    expect(ctl('lease', 'renew', id, '--until', '2h').stdout).toMatch(/Until +/);
    const late = ctl(
      ...['lease', 'redeem', ticket, '--sliver', 'ucb_p2ps', '--key', pem],
      ...['--evidence', `${home}/evidence`],
    );
    expect(late).toMatchObject({ status: 4, stderr: expect.stringMatching(/show the evidence/) });
    expect(ctl('lease', 'evidence', `${home}/evidence`).stdout).toMatch(/Had +net.connections = 100/);
    file('evidence', readFileSync(`${home}/evidence`, 'utf8').replace('.', '.x'));
    expect(ctl('lease', 'evidence', `${home}/evidence`)).toMatchObject({ status: 1 });
    expect(ctl('lease', 'end', id)).toMatchObject({ status: 0 });
    expect(ctl('lease', 'show', id)).toMatchObject({ status: 3 });
  });
});
