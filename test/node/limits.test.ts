import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestNode, until } from './harness.ts';
import { smallImageDirectory } from './image.ts';
import { World } from './world.ts';

// Root in a sliver that opens as much as it can, beside another sliver and the node's own service.
const HERE = `${import.meta.dirname}/limits`;
const PYTHON = '/usr/bin/python3';
const SSH = 2222;
const ADDRESS = '198.51.100.10';
let world: World;
let node: TestNode;
let image: string;
const services: ChildProcess[] = [];

beforeAll(async () => {
  world = new World();
  const refuse = `network: { refuse: [tcp/25, udp/7000-7009 to 203.0.113.0/29, 203.0.113.128/25] }`;
  node = await TestNode.start(refuse, {}, (pid) => world.connect(pid, ADDRESS));
  image = smallImageDirectory();
  await node.ok('POST', '/v1/images', { name: 'small', source: { path: image } });
  for (const name of ['a_one', 'a_two']) await node.ok('POST', '/v1/slivers', { name, image: 'small' });
  services.push(
    world.spawn(PYTHON, `${HERE}/service.py`, '80', '25'),
    node.spawn(PYTHON, `${HERE}/service.py`, `${SSH}`),
  );
  await until(() => reaches(World.address, 80, 'r1') && reaches(ADDRESS, SSH, 'world'), 'the services');
});

afterAll(async () => {
  for (const service of services) service.kill();
  if (image) rmSync(image, { recursive: true });
  await node?.stop().finally(() => world.stop());
});

const set = (name: string, rspec: object) => node.ok('PATCH', `/v1/slivers/${name}`, { rspec });
const refused = async (name: string) => (await node.ok('GET', `/v1/slivers/${name}/usage`)).network.refused;
const open = () => Number(node.inside('cat', '/proc/sys/net/netfilter/nf_conntrack_count'));
/** From a host outside. */
const reaches = (address: string, port: number, from: 'world' | 'r1') =>
  /here/.test(world.inside(from, 'sh', '-c', `busybox nc -w 3 ${address} ${port} < /dev/null || true`));
/** From a sliver; what it is told instead, and after how long. */
async function asks(name: string, port: number, address = World.address) {
  const began = performance.now();
  const { stdout, stderr } = await node.exec(name, 'sh', '-c', `nc -w 10 ${address} ${port} < /dev/null`);
  return { said: `${stdout}${stderr}`, took: performance.now() - began };
}
let flows = 300_000;
/** A sliver with so many connections has as many open. */
async function fill(name: string, connections: number): Promise<void> {
  await set(name, { 'net.connections': connections });
  const before = (await refused(name)).connections;
  await until(async () => {
    flows += 100;
    await flood(name, World.address, 100, 'udp', 1, flows);
    return (await refused(name)).connections > before;
  }, 'it to have all its connections');
}
async function told(name: string): Promise<string[]> {
  const { items } = await node.ok('GET', `/v1/events?subject=${name}`);
  return items
    .filter(({ type }: { type: string }) => type === 'network.refused')
    .map(({ data }: { data: { reason: string } }) => data.reason);
}
/** As root in a sliver may. */
async function flood(name: string, ...args: (string | number)[]): Promise<void> {
  const { pid } = await node.ok('GET', `/v1/slivers/${name}`);
  const program = [PYTHON, `${HERE}/flood.py`, ADDRESS, ...args.map(String)];
  const [code] = await once(
    spawn('nsenter', [`--net=/proc/${pid}/ns/net`, ...program], { stdio: 'inherit' }),
    'exit',
  );
  expect(code).toBe(0);
}

describe('connections', () => {
  it('200,000 flows of one sliver are no more than it may have, and nobody else notices', async () => {
    await set('a_one', { 'net.connections': 1000 });
    const others = open();
    let flooding = true;
    const flood200k = flood('a_one', World.address, 200_000, 'udp').finally(() => {
      flooding = false;
    });
    let asked = 0;
    while (flooding) {
      expect(reaches(ADDRESS, SSH, 'world')).toBe(true);
      expect((await asks('a_two', 80)).said).toBe('here\n');
      expect(open()).toBeLessThan(others + 1000 + 100);
      asked++;
    }
    await flood200k;
    expect(asked).toBeGreaterThan(2);
    const { connections, rate } = await refused('a_one');
    expect(connections + rate).toBeGreaterThan(190_000);
    expect((await refused('a_two')).connections).toBe(0);
  });

  it('who has no more is told at once, and has it in its events once', async () => {
    await fill('a_one', 64);
    const { said, took } = await asks('a_one', 80);
    expect(said).toContain('No route to host');
    expect(took).toBeLessThan(5000);
    await fill('a_one', 64);
    await until(async () => (await told('a_one')).length === 2, 'the events');
    expect((await told('a_one')).sort()).toEqual(['connections', 'rate']);
  });

  it('a sliver may have more while it runs', async () => {
    await fill('a_one', 64);
    await set('a_one', { 'net.connections': 4096 });
    expect((await asks('a_one', 80)).said).toBe('here\n');
  });

  it('those of a sliver that ended are forgotten', async () => {
    await fill('a_one', 128);
    const before = open();
    await node.ok('POST', '/v1/slivers/a_one/restart');
    expect(open()).toBeLessThan(before - 100);
    expect((await asks('a_one', 80)).said).toBe('here\n');
  });

  it('what was counted never goes back, and the limit holds on, whatever becomes of rules and daemon', async () => {
    await fill('a_one', 64);
    const before = await refused('a_one');
    node.inside('nft', 'flush', 'ruleset');
    await until(() => /ct count over 64/.test(node.inside('nft', 'list', 'ruleset')), 'the rules');
    expect(await refused('a_one')).toEqual(before);
    await fill('a_one', 64);
    const after = await refused('a_one');
    expect(after.connections).toBeGreaterThan(before.connections);
    await node.kill();
    await node.launch();
    expect((await refused('a_one')).connections).toBe(after.connections);
    expect((await asks('a_one', 80)).said).toContain('No route to host');
  });
});

describe('destinations', () => {
  it('are so many at once and so many a minute; those it knows it reaches', async () => {
    await set('a_two', { 'net.destinations.minute': 20 });
    expect((await asks('a_two', 80)).said).toBe('here\n');
    await flood('a_two', '203.0.113.8', 100, 'udp', 100);
    const { destinations } = await refused('a_two');
    expect(destinations).toBeGreaterThan(75);
    expect(destinations).toBeLessThan(82);
    expect((await asks('a_two', 80)).said).toBe('here\n');
    expect((await asks('a_two', 80, '203.0.113.120')).said).toContain('No route to host');
    await set('a_two', { 'net.destinations.minute': 'max' });
    await flood('a_two', '203.0.113.8', 100, 'udp', 100);
    expect((await refused('a_two')).destinations).toBeLessThan(90);
  });
});

describe('what the owner refuses', () => {
  it('no sliver reaches, and is told so; the node does', async () => {
    expect(reaches(World.address, 25, 'r1')).toBe(true);
    expect((await asks('a_two', 25)).said).toContain('No route to host');
    expect(node.inside('busybox', 'nc', '-w', '3', World.address, '25')).toBe('here\n');
    const before = (await refused('a_two')).owner;
    await flood('a_two', World.address, 1, 'udp'); // port 2000
    expect((await refused('a_two')).owner).toBe(before);
    await flood('a_two', '203.0.113.200', 3, 'udp');
    expect((await refused('a_two')).owner).toBe(before + 3);
    const { pid } = await node.ok('GET', '/v1/slivers/a_two');
    const says = `import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.settimeout(10); s.connect(('203.0.113.1', 7005))
s.send(b'x')
try: s.recv(1)
except OSError as error: print(error)`;
    expect(node.inside('nsenter', `--net=/proc/${pid}/ns/net`, PYTHON, '-c', says)).toContain(
      'No route to host',
    );
    expect((await refused('a_two')).owner).toBeGreaterThan(before + 3);
  });
});
