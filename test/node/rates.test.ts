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
let image: string;

beforeAll(async () => {
  world = new World();
  node = await TestNode.start('', {}, (pid) => world.connect(pid, '198.51.100.10'));
  meter = await Meter.start(world.namespace('world'));
  image = smallImageDirectory();
  await node.ok('POST', '/v1/images', { name: 'small', source: { path: image } });
  for (const name of ['a_one', 'a_two']) await node.ok('POST', '/v1/slivers', { name, image: 'small' });
});

afterAll(async () => {
  meter?.stop();
  if (image) rmSync(image, { recursive: true });
  await node?.stop().finally(() => world.stop());
});

const set = (name: string, rspec: object, on = node) => on.ok('PATCH', `/v1/slivers/${name}`, { rspec });
const sh = (name: string, script: string, on = node) => on.exec(name, 'sh', '-c', script);
const slivers = (on: TestNode) => (on === node ? ['a_one', 'a_two'] : ['a_more', 'a_less']);
const quiet = (on = node) => Promise.all(slivers(on).map((name) => sh(name, 'killall nc', on)));
/** A sliver sends to the outside host's port, as fast as it can, until `quiet`. */
const send = (name: string, port: number, on = node, to = World.address) =>
  sh(name, `nc ${to} ${port} < /dev/zero > /dev/null 2>&1 &`, on);
/** A sliver gets from the outside host's port what that has, until `quiet`. */
const receive = (name: string, port: number, on = node) =>
  sh(name, `nc ${World.address} ${port} < /dev/null > /dev/null 2>&1 &`, on);
/** Bits per second that came to the two slivers of a node. */
async function arrived(seconds: number, on = node): Promise<[number, number]> {
  const down = () =>
    Promise.all(
      slivers(on).map(async (name) => (await on.ok('GET', `/v1/slivers/${name}/usage`)).network.bytes.down),
    );
  const [before, began] = [await down(), performance.now()];
  await meter.rates(seconds);
  const [after, took] = [await down(), (performance.now() - began) / 1000];
  const rate = (at: number) => ((after[at] - before[at]) * 8) / took;
  return [rate(0), rate(1)];
}
const uplink = () => node.inside('tc', 'qdisc', 'show', 'dev', 'eth0');

afterEach(() => quiet());

// First: what other tests' flows have left in their buffers comes when it likes.
describe('what went through', () => {
  it('is counted, for the world alone', async () => {
    const bytes = async () => (await node.ok('GET', '/v1/slivers/a_one/usage')).network.bytes;
    /** When the last words of a connection are through. */
    const settled = async () => {
      let now = await bytes();
      await until(async () => {
        const last = now;
        await sh('a_one', 'sleep 0.3');
        now = await bytes();
        return now.up === last.up && now.down === last.down;
      }, 'quiet');
      return now;
    };
    const before = await settled();
    await sh('a_one', `head -c 1000000 /dev/zero | nc ${World.address} 7001`);
    const after = await settled();
    expect(after.up - before.up).toBeGreaterThan(1_000_000);
    expect(after.up - before.up).toBeLessThan(1_200_000);
    expect(after.down - before.down).toBeGreaterThan(0);
    expect(after.down - before.down).toBeLessThan(100_000);
    const { stdout: other } = await sh('a_two', "ip -4 addr show eth0 | grep -o '100\\.64\\.[0-9.]*'");
    await sh('a_one', `ping -c 3 -s 1000 ${other.trim()}; ping -c 3 -s 1000 169.254.1.1`);
    expect(await bytes()).toEqual(after);
  });
});

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

describe('from the world', () => {
  it('a sliver receives no faster than its maximum, which changes while it runs', async () => {
    await set('a_one', { 'net.down.max': 20 * MBIT });
    await receive('a_one', 8001);
    await receive('a_two', 8002);
    const [one, two] = await arrived(2);
    expect(one / MBIT).toBeGreaterThan(14);
    expect(one / MBIT).toBeLessThan(23);
    expect(two / MBIT).toBeGreaterThan(60);
    await set('a_one', { 'net.down.max': 'max' });
    expect(node.inside('tc', 'qdisc')).not.toContain('htb');
    await until(async () => (await arrived(0.3))[0] > 60 * MBIT, 'it to be fast again');
  });
});

describe('what the owner gives', () => {
  it('is shared out by weight both ways above what each is promised, but for exempt destinations', async () => {
    const shared = await TestNode.start(
      `network: { up: ${40 * MBIT}, down: ${40 * MBIT}, exempt: [203.0.113.8/31] }`,
      {},
      (pid) => world.connect(pid, '198.51.100.11'),
    );
    try {
      await shared.ok('POST', '/v1/images', { name: 'small', source: { path: image } });
      const rspec = { 'net.weight': 300, 'net.up.min': 2 * MBIT };
      await shared.ok('POST', '/v1/slivers', { name: 'a_more', image: 'small', rspec });
      await shared.ok('POST', '/v1/slivers', { name: 'a_less', image: 'small' });
      await send('a_more', 7001, shared);
      await send('a_less', 7002, shared);
      const { 7001: more = 0, 7002: less = 0 } = await meter.rates(2);
      expect((more + less) / MBIT).toBeLessThan(44);
      expect((more + less) / MBIT).toBeGreaterThan(28);
      expect(more / less).toBeGreaterThan(2);
      expect(more / less).toBeLessThan(4.5);
      await quiet(shared);

      await receive('a_more', 8001, shared);
      await receive('a_less', 8002, shared);
      const [much, little] = await arrived(2, shared);
      expect((much + little) / MBIT).toBeLessThan(44);
      expect(much / little).toBeGreaterThan(2);
      expect(much / little).toBeLessThan(4.5);

      // A promise holds against who has a hundred times the share, from the moment that it is made: what a large packet
      // cost at the rate before isn't held against it.
      await set('a_more', { 'net.weight': 10_000, 'net.up.min': 0 }, shared);
      const promise = { 'net.up.min': 15 * MBIT, 'net.down.min': 15 * MBIT };
      await set('a_less', promise, shared);
      await meter.rates(0.5);
      expect((await arrived(2, shared))[1] / MBIT).toBeGreaterThan(11);
      await quiet(shared);
      await send('a_more', 7001, shared);
      await send('a_less', 7002, shared);
      await meter.rates(0.5);
      expect((await meter.rates(2))[7002]! / MBIT).toBeGreaterThan(11);
      const { body } = await shared.request('PATCH', '/v1/slivers/a_more', {
        rspec: { 'net.up.min': 30 * MBIT },
      });
      expect(body).toMatchObject({ code: 'no-capacity' });
      await quiet(shared);

      // The same host, by an address in the exempt prefix.
      world.inside('world', 'ip', 'address', 'add', '203.0.113.8/32', 'dev', 'lo');
      await send('a_less', 7003, shared, '203.0.113.8');
      expect((await meter.rates(1))[7003]! / MBIT).toBeGreaterThan(60);
      await set('a_less', { 'net.exempt.up.max': 10 * MBIT }, shared);
      await meter.rates(2); // what was under way is through
      expect((await meter.rates(2))[7003]! / MBIT).toBeLessThan(12);
    } finally {
      await shared.stop();
    }
  });

  it('comes back when somebody took the queues away', async () => {
    await set('a_one', { 'net.up.max': 20 * MBIT, 'net.down.max': 20 * MBIT });
    node.inside('tc', 'qdisc', 'delete', 'dev', 'eth0', 'root');
    node.inside('tc', 'qdisc', 'delete', 'dev', 'slivers0', 'root');
    node.inside('tc', 'filter', 'delete', 'dev', 'eth0', 'egress');
    await until(
      () => /to_world/.test(node.inside('tc', 'filter', 'show', 'dev', 'eth0', 'egress')),
      'the filter',
    );
    for (const link of ['eth0', 'slivers0'])
      await until(() => /htb/.test(node.inside('tc', 'qdisc', 'show', 'dev', link)), 'the queues');
    // The sliver's own class alone: its packets would wait with the node's.
    const classes = () =>
      [...node.inside('tc', 'class', 'show', 'dev', 'eth0').matchAll(/class htb (5356:1\w{3}) /g)].map(
        ([, name]) => name!,
      );
    const [own = ''] = classes();
    node.inside('tc', 'class', 'delete', 'dev', 'eth0', 'classid', own);
    await until(() => classes().includes(own), 'the class');
    await send('a_one', 7001);
    await meter.rates(0.5);
    expect((await meter.rates(1))[7001]! / MBIT).toBeLessThan(23);
    await node.kill();
    await node.launch();
    expect((await meter.rates(1))[7001]! / MBIT).toBeLessThan(23);
    await set('a_one', { 'net.up.max': 'max', 'net.down.max': 'max' });
  });
});

describe('what was held back', () => {
  const held = async (name: string) => (await node.ok('GET', `/v1/slivers/${name}/usage`)).network.held;
  /** Packets that the queues at the uplink dropped since they were made. */
  const dropped = () => {
    const leaves = node
      .inside('tc', '-s', 'qdisc', 'show', 'dev', 'eth0')
      .matchAll(/qdisc (?:bfifo|fq_codel)[^(]*\(dropped (\d+)/g);
    return [...leaves].reduce((sum, [, count]) => sum + Number(count), 0);
  };
  afterEach(() => set('a_one', { 'net.up.max': 'max' }));

  it('is counted of who was, over rates that change, and over the life of the daemon', async () => {
    const [before, other] = [await held('a_one'), await held('a_two')];
    await set('a_one', { 'net.up.max': MBIT });
    // One flow alone may settle below what the queue takes.
    for (let flow = 0; flow < 16; flow++) await send('a_one', 7001);
    await until(async () => (await held('a_one')).up.dropped > before.up.dropped, 'packets to be dropped');
    await set('a_one', { 'net.up.max': 'max' });
    const after = await held('a_one');
    expect(after.up.times).toBeGreaterThan(before.up.times);
    expect(after.down).toEqual(before.down);

    await set('a_one', { 'net.up.max': MBIT });
    await node.kill();
    await until(() => dropped() > 0, 'packets to be dropped without a daemon');
    const meanwhile = dropped();
    await node.launch();
    expect((await held('a_one')).up.dropped).toBeGreaterThanOrEqual(after.up.dropped + meanwhile);
    expect(await held('a_two')).toEqual(other);
  });
});
