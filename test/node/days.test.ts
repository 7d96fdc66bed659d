import { afterAll, beforeAll, expect, it } from 'vitest';
import { FakeClock } from './fake-clock.ts';
import { TestNode, until } from './harness.ts';
import { importSmallImage } from './image.ts';
import { Meter } from './rates/meter.ts';
import { World } from './world.ts';

const [MB, MBIT] = [1e6, 1e6];
// Its minimum is more than what is left by the time that is left, unless that is a minute.
const RSPEC = {
  'net.up.day.bytes': 60 * MB,
  'net.up.day.threshold': 40 * MB,
  'net.up.min': 4 * MBIT,
  'net.up.max': 80 * MBIT,
};
const clock = new FakeClock();
/** No midnight comes by itself. */
const noon = 12 - new Date().getUTCHours();
let world: World;
let node: TestNode;
let meter: Meter;

beforeAll(async () => {
  clock.set(noon);
  world = new World();
  node = await TestNode.start('', clock.environment, (pid) => world.connect(pid, '198.51.100.10'));
  meter = await Meter.start(world.namespace('world'));
  await importSmallImage(node);
  await create();
});

afterAll(async () => {
  meter?.stop();
  await node?.stop().finally(() => world.stop());
  clock.remove();
});

const create = () => node.ok('POST', '/v1/slivers', { name: 'a_day', image: 'small', rspec: RSPEC });
const day = async () => (await node.ok('GET', '/v1/slivers/a_day/usage')).network.day;
const send = () => node.exec('a_day', 'sh', '-c', `nc ${World.address} 7001 < /dev/zero > /dev/null 2>&1 &`);
const rate = async () => (await meter.rates(1))[7001]! / MBIT;

it('a slice that has had most of its day is slowed down to what makes the rest last, and no less than its minimum', async () => {
  await send();
  expect(await rate()).toBeGreaterThan(40);
  await until(async () => (await day()).up.slowedTo !== undefined, 'it to be slowed');
  const { up } = await day();
  expect(up).toMatchObject({ of: RSPEC['net.up.day.bytes'] });
  expect(up.bytes).toBeGreaterThanOrEqual(RSPEC['net.up.day.threshold']);
  expect(up.slowedTo).toBeGreaterThanOrEqual(4 * MBIT);
  await until(async () => (await rate()) < 8, 'its rate to fall');
  expect(await rate()).toBeGreaterThan(2);
  const { items } = await node.ok('GET', '/v1/events?subject=a_day');
  expect(items.filter(({ type }: { type: string }) => type === 'network.slowed')).toHaveLength(1);
});

it('is slow still when the daemon was killed and had not seen all', async () => {
  const before = (await day()).up.bytes;
  await node.kill();
  await meter.rates(1);
  expect(await rate()).toBeLessThan(8);
  await node.launch(clock.environment);
  const { bytes, slowedTo } = (await day()).up;
  expect(bytes - before).toBeGreaterThan(MB / 2);
  expect(bytes - before).toBeLessThan(20 * MB);
  expect(slowedTo).toBeDefined();
  expect(await rate()).toBeLessThan(8);
});

it('is slow still after a reset, and when it was deleted and created anew', async () => {
  const before = (await day()).up.bytes;
  await node.ok('POST', '/v1/slivers/a_day/reset');
  expect((await day()).up.bytes).toBeGreaterThanOrEqual(before);
  await send();
  expect(await rate()).toBeLessThan(8);
  await node.ok('DELETE', '/v1/slivers/a_day');
  await create();
  expect((await day()).up.bytes).toBeGreaterThanOrEqual(before);
  await send();
  expect(await rate()).toBeLessThan(8);
});

it('is slow still when the node went down and came up, with counters that began anew', async () => {
  const before = (await day()).up.bytes;
  await node.ok('POST', '/v1/node/down');
  await node.ended();
  await node.launch(clock.environment);
  await until(async () => (await node.ok('GET', '/v1/slivers/a_day')).state === 'running', 'it to run');
  const { bytes, slowedTo } = (await day()).up;
  expect(bytes).toBeGreaterThanOrEqual(before);
  expect(slowedTo).toBeDefined();
  await send();
  expect(await rate()).toBeLessThan(8);
  expect((await day()).up.bytes).toBeGreaterThan(bytes);
});

it('is free again the next day, which begins once', async () => {
  clock.set(noon + 24);
  await until(async () => (await day()).up.slowedTo === undefined, 'the next day');
  await until(async () => (await rate()) > 30, 'its rate to rise');
  await until(async () => (await day()).up.slowedTo !== undefined, 'it to be slowed');
  const before = (await day()).up.bytes;
  clock.set(noon);
  await until(async () => (await day()).up.bytes > before, 'more to be sent');
  clock.set(noon + 24);
  await until(async () => (await day()).up.bytes > before + MB, 'still more to be sent');
  expect((await day()).up.slowedTo).toBeDefined();
});

it('has what its RSpec says from now on when that changes', async () => {
  const set = (rspec: object) => node.ok('PATCH', '/v1/slivers/a_day', { rspec });
  await set({ 'net.up.day.bytes': 'max', 'net.up.day.threshold': 'max' });
  expect((await day()).up).not.toHaveProperty('slowedTo');
  await until(async () => (await rate()) > 30, 'its rate to rise');
});
