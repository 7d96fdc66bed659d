import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeClock } from './fake-clock.ts';
import { type Answer, request, TestNode, until } from './harness.ts';
import { importSmallImage } from './image.ts';

const DAY = 86_400_000;
const clock = new FakeClock();
let node: TestNode;
const sliver = (name: string) => node.ok('GET', `/v1/slivers/${name}`);
const create = (name: string, more: object = {}) =>
  node.ok('POST', '/v1/slivers', { name, image: 'small', ...more });
const told = async (name: string, ...types: string[]) => {
  const { items } = await node.ok('GET', `/v1/events?subject=${name}`);
  return items.filter(({ type }: { type: string }) => types.includes(type));
};
const state = (name: string, wanted: string) =>
  until(async () => (await sliver(name)).state === wanted, `${name} to be ${wanted}`);
const days = (count: number) => new Date(Date.now() + count * DAY).toISOString();
const relaunch = async (signal: 'SIGTERM' | 'SIGKILL') => {
  node.daemon?.kill(signal);
  await node.ended();
  await node.launch(clock.environment);
};

beforeAll(async () => {
  node = await TestNode.start('expiry: { days: 10 }\n', clock.environment);
  await importSmallImage(node);
});
afterAll(async () => {
  await node?.stop();
  clock.remove();
});

describe('the end of a sliver', () => {
  let authority: number;
  const ask = (method: string, path: string, body?: unknown): Promise<Answer> =>
    request(`${node.run}/slivers/${authority}/inside/manager.sock`, method, path, body);
  const near = (time: string, wanted: string) =>
    expect(Math.abs(Date.parse(time) - Date.parse(wanted))).toBeLessThan(DAY / 10);

  it('is whatever the administrator says, and not for ever where nothing is said', async () => {
    near((await create('w_plain', { desired: 'stopped' })).expiresAt, days(10));
    near((await create('w_far', { desired: 'stopped', expiresAt: days(400) })).expiresAt, days(400));
    const roles = [{ role: 'authority', slices: ['own_*'] }];
    const made = await create('w_authority', { roles, expiresAt: null });
    expect(made).toMatchObject({ expiresAt: null, deletedAfterSeconds: null });
    authority = made.id;
  });

  it("is within what the owner says, of an authority's, which learns what that is", async () => {
    expect((await ask('GET', '/v1/node')).body.expiry).toEqual({ days: 10, graceDays: 14 });
    const make = (more: object) => ask('POST', '/v1/slivers', { name: 'own_one', image: 'small', ...more });
    for (const expiresAt of [null, days(11), days(4000)]) {
      const { status, body } = await make({ expiresAt });
      expect([status, body.code, body.detail]).toEqual([
        400,
        'bad-request',
        expect.stringMatching(/is later than w_authority may give: 10 days from now at most \(2/),
      ]);
      near(body.latest, days(10));
    }
    const { status, body } = await make({});
    expect(status).toBe(201);
    near(body.expiresAt, days(10));
  });

  it('is put off by its authority, no further than that', async () => {
    const set = (expiresAt: string | null) => ask('PATCH', '/v1/slivers/own_one', { expiresAt });
    near((await set(days(8))).body.expiresAt, days(8));
    near((await set(days(9.9))).body.expiresAt, days(9.9));
    expect((await set(days(10.1))).status).toBe(400);
    expect((await set(null)).status).toBe(400);
    near((await sliver('own_one')).expiresAt, days(9.9));
    // The administrator gives more, which the authority may leave as it is.
    const { expiresAt } = await node.ok('PATCH', '/v1/slivers/own_one', { expiresAt: days(100) });
    expect(await set(expiresAt)).toMatchObject({ status: 200, body: { expiresAt } });
    expect((await set(days(99))).status).toBe(400);
    near((await set(days(9.9))).body.expiresAt, days(9.9));
  });

  it('is warned of a week and a day before, once, though the daemon was killed or away', async () => {
    const warnings = async () =>
      (await told('own_one', 'sliver.expires')).map(({ data }: { data: { seconds: number } }) =>
        Math.round((data.seconds / 86_400) * 10),
      );
    expect(await warnings()).toEqual([]);
    clock.set(24 * 3);
    await until(async () => (await warnings()).length > 0, 'a warning');
    expect(await warnings()).toEqual([69]);
    await relaunch('SIGKILL');
    expect(await warnings()).toEqual([69]);
    node.daemon?.kill('SIGTERM');
    await node.ended();
    clock.set(24 * 9.5);
    await node.launch(clock.environment);
    await relaunch('SIGTERM');
    expect(await warnings()).toEqual([69, 4]);
    const { body } = await ask('GET', '/v1/events?subject=own_one');
    expect(body.items.at(-1).data.at).toBe((await sliver('own_one')).expiresAt);
  });
});

describe('past its end', () => {
  const left = async (name: string) => (await sliver(name)).deletedAfterSeconds as number;

  it('a clock years ahead stops, and deletes nothing: it all comes back', async () => {
    await node.exec('own_one', 'touch', '/root/mine');
    clock.set(24 * 4000);
    await state('own_one', 'expired');
    await until(async () => (await left('own_one')) !== null, 'the count');
    const first = await left('own_one');
    expect(first).toBeLessThanOrEqual(14 * 86_400);
    expect(first).toBeGreaterThan(13 * 86_400);
    await until(async () => (await left('own_one')) < first, 'it to go on');
    const second = await left('own_one');
    await relaunch('SIGTERM');
    expect(await left('own_one')).toBeLessThanOrEqual(second);
    await relaunch('SIGKILL');
    expect(await left('own_one')).toBeGreaterThan(13 * 86_400);
    clock.set(0);
    await state('own_one', 'running');
    await until(async () => (await left('own_one')) === null, 'the count to end');
    expect((await node.exec('own_one', 'ls', '/root')).stdout).toBe('mine\n');
    expect((await sliver('w_plain')).state).toBe('stopped');
  });

  it('it comes back with its files when it is renewed', async () => {
    await node.ok('PATCH', '/v1/slivers/own_one', { expiresAt: new Date(Date.now() + 1500).toISOString() });
    await state('own_one', 'expired');
    await until(async () => (await left('own_one')) !== null, 'the count');
    const renewed = await node.ok('PATCH', '/v1/slivers/own_one', { expiresAt: days(5) });
    expect(renewed).toMatchObject({ state: 'running', deletedAfterSeconds: null });
    expect((await node.exec('own_one', 'ls', '/root')).stdout).toBe('mine\n');
  });

  it('it is deleted by itself after the grace time, though the daemon is killed meanwhile, and that is told', async () => {
    const { id } = await sliver('own_one');
    const ends = (await told('own_one', 'sliver.expired')).length;
    node.configure('expiry: { days: 10, graceDays: 0.0001 }\n');
    await relaunch('SIGTERM');
    await node.ok('PATCH', '/v1/slivers/own_one', { expiresAt: new Date(Date.now() + 1500).toISOString() });
    await until(async () => (await told('own_one', 'sliver.expired')).length > ends, 'its end');
    await relaunch('SIGKILL');
    await until(async () => (await node.request('GET', '/v1/slivers/own_one')).status === 404, 'it to go');
    expect(await told('own_one', 'sliver.delete', 'sliver.deleted')).toMatchObject([
      { type: 'sliver.delete', data: { id, why: 'it expired, and its grace time is over' } },
      { type: 'sliver.deleted', data: { id } },
    ]);
    expect(node.leftovers().disks.filter((disk) => disk.startsWith(`${id}/`))).toEqual([]);
    expect((await sliver('w_authority')).state).toBe('running');
    expect((await sliver('w_plain')).state).toBe('stopped');
    // Who comes next by that name has nothing of it.
    expect((await create('own_one', { desired: 'stopped' })).deletedAfterSeconds).toBeNull();
  });
});
