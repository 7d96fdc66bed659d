import { rmSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TestNode, until } from './harness.ts';
import { smallImageDirectory } from './image.ts';
import { Meter } from './rates/meter.ts';
import { World } from './world.ts';

// Slivers that send and receive as fast as they can, and a host outside that measures.
const MBIT = 1e6;
let world: World;
let node: TestNode;
let meter: Meter;

beforeAll(async () => {
  world = new World();
  node = await TestNode.start('', {}, (pid) => world.connect(pid, '198.51.100.10'));
  meter = await Meter.start(world.namespace('world'));
  const image = smallImageDirectory();
  await node.ok('POST', '/v1/images', { name: 'small', source: { path: image } });
  rmSync(image, { recursive: true });
  for (const name of ['a_one', 'a_two']) await node.ok('POST', '/v1/slivers', { name, image: 'small' });
});

afterAll(async () => {
  meter?.stop();
  await node?.stop().finally(() => world.stop());
});

const set = (name: string, rspec: object) => node.ok('PATCH', `/v1/slivers/${name}`, { rspec });
const sh = (name: string, script: string) => node.exec(name, 'sh', '-c', script);
const quiet = () => Promise.all(['a_one', 'a_two'].map((name) => sh(name, 'killall nc')));
/** A sliver sends to the outside host's port, as fast as it can, until `quiet`. */
const send = (name: string, port: number) =>
  sh(name, `nc ${World.address} ${port} < /dev/zero > /dev/null 2>&1 &`);
const uplink = () => node.inside('tc', 'qdisc', 'show', 'dev', 'eth0');

afterEach(quiet);

describe('to the world', () => {
  it('nothing waits anywhere as long as nothing is bounded', () => {
    expect(uplink()).not.toContain('htb');
  });

  it('a sliver sends no faster than its maximum, which changes while it runs', async () => {
    await set('a_one', { 'net.up.max': 20 * MBIT });
    expect(uplink()).toContain('qdisc htb 5356: root');
    await send('a_one', 7001);
    await send('a_two', 7002);
    const { 7001: one = 0, 7002: two = 0 } = await meter.rates(2);
    expect(one / MBIT).toBeGreaterThan(14);
    expect(one / MBIT).toBeLessThan(23);
    expect(two / MBIT).toBeGreaterThan(60);
    await set('a_one', { 'net.up.max': 5 * MBIT });
    await meter.rates(0.5);
    expect((await meter.rates(2))[7001]! / MBIT).toBeLessThan(6);
    await set('a_one', { 'net.up.max': 'max' });
    expect(uplink()).not.toContain('htb');
    await until(async () => (await meter.rates(0.3))[7001]! > 60 * MBIT, 'it to be fast again');
  });
});

describe('what went through', () => {
  it('is counted, for the world alone', async () => {
    const bytes = async () => (await node.ok('GET', '/v1/slivers/a_one/usage')).network.bytes;
    const before = await bytes();
    await sh('a_one', `head -c 1000000 /dev/zero | nc ${World.address} 7001`);
    const after = await bytes();
    expect(after.up - before.up).toBeGreaterThan(1_000_000);
    expect(after.up - before.up).toBeLessThan(1_200_000);
    expect(after.down - before.down).toBeGreaterThan(0);
    expect(after.down - before.down).toBeLessThan(100_000);
    const { stdout: other } = await sh('a_two', "ip -4 addr show eth0 | grep -o '100\\.64\\.[0-9.]*'");
    await sh('a_one', `ping -c 3 -s 1000 ${other.trim()}; ping -c 3 -s 1000 169.254.1.1`);
    expect(await bytes()).toEqual(after);
  });
});
