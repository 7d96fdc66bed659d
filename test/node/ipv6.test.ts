import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestNode, until } from './harness.ts';
import { networkImageTar } from './image.ts';
import { World } from './world.ts';

// Slivers with IPv6 addresses of their own, on a network that the node shares with others: Debian's programs work as on a
// machine that has the address to itself, and nobody speaks for another.
const [ADDRESS, NODE] = ['198.51.100.10', '2001:db8::10'];
const WORLD = World.address6;
const HOPS = ['2001:db8::1', '2001:db8:1::2', '2001:db8:2::2', WORLD];
const [ONE, TWO] = ['six_one', 'six_two'] as const;

let world: World;
let node: TestNode;
let slivers: Map<string, { pid: number; address: string }>;

const sh = (name: string, script: string) => node.exec(name, 'sh', '-c', script);
const works = async (name: string, script: string) => {
  const { exitCode, stdout, stderr } = await sh(name, script);
  expect(exitCode, `${script}:\n${stdout}${stderr}`).toBe(0);
  return stdout;
};
const own = async (name: string) =>
  /inet6 (2\S+)\/128 scope global/.exec((await sh(name, 'ip -6 address show dev eth0')).stdout)?.[1] ?? '';
const of = (name: string) => slivers.get(name)?.address ?? '';
const usage = async (name: string) => (await node.ok('GET', `/v1/slivers/${name}/usage`)).network;
/** Routers and the destination in the order in which they answered. */
const hops = (output: string) =>
  [...output.matchAll(/^ ?\d+ +([0-9a-f]*:[0-9a-f:]+)/gm)].map(([, address]) => address);
const setting = (name: string) => node.inside('cat', `/proc/sys/net/ipv6/${name}`).trim();

beforeAll(async () => {
  world = new World();
  node = await TestNode.start('', {}, (pid) => world.connect(pid, ADDRESS));
  await node.ok('POST', '/v1/images', { name: 'network', source: { path: await networkImageTar() } });
  slivers = new Map();
  for (const [name, profile] of [
    [ONE, 'routing'],
    [TWO, 'measurement'],
  ] as const) {
    const { pid } = await node.ok('POST', '/v1/slivers', { name, image: 'network', profile });
    slivers.set(name, { pid, address: await own(name) });
  }
}, 600_000);

afterAll(async () => {
  await node?.stop().finally(() => world.stop());
});

describe('a sliver', () => {
  it("has an address of its own in the uplink's network, and the way out", async () => {
    expect(of(ONE)).toMatch(/^2001:db8::/);
    expect(of(TWO)).toMatch(/^2001:db8::/);
    expect(of(ONE)).not.toBe(of(TWO));
    expect((await node.ok('GET', `/v1/slivers/${ONE}`)).addresses).toEqual([ADDRESS, of(ONE)]);
    expect(await works(ONE, 'ip -6 route')).toContain(
      `default via fe80::1 dev eth0 proto static src ${of(ONE)} `,
    );
  });

  it('reaches the world at once, from that address, and is reached there', async () => {
    await works(ONE, `ping -n -c2 -i0.2 -W2 ${WORLD}`);
    const server = world.spawn('python3', '-c', PEER);
    await until(
      async () => (await sh(ONE, `bash -c 'cat < /dev/tcp/${WORLD}/7000'`)).stdout === of(ONE),
      'the world to say who came',
    );
    server.kill('SIGKILL');
    expect(world.inside('world', 'busybox', 'ping', '-6', '-c', '2', '-W', '2', of(ONE))).toContain(
      '2 packets received',
    );
  });

  it.each([
    ['UDP', `traceroute -6 -n -q1 -w2 ${WORLD}`],
    ['ICMP', `traceroute -6 -n -q1 -w2 -I ${WORLD}`],
    ['TCP', `traceroute -6 -n -q1 -w2 -T -p 81 ${WORLD}`],
    ['UDP, by scamper', `scamper -c 'trace -P udp' -i ${WORLD}`],
    ['ICMP of one flow, by scamper', `scamper -c 'trace -P icmp-paris' -i ${WORLD}`],
  ])('traces a route by %s as the node does', async (_how, command) => {
    const listed = node.inside('sh', '-c', `busybox traceroute6 -n -q 1 -w 2 ${WORLD} 2> /dev/null`);
    expect(hops(listed)).toEqual(HOPS);
    expect(hops(await works(TWO, command))).toEqual(HOPS);
  });

  it('is traced from outside as the node is', async () => {
    const trace = (to: string) =>
      hops(world.inside('world', 'sh', '-c', `busybox traceroute6 -n -q 1 -w 2 ${to} 2> /dev/null`));
    const there = trace(NODE!);
    expect(there).toHaveLength(4);
    expect(trace(of(ONE))).toEqual([...there.slice(0, -1), of(ONE)]);
  });

  it('reaches its neighbour and the node, and the node it, without a hop between', async () => {
    expect(hops(await works(ONE, `traceroute -6 -n -q1 -w2 -I ${of(TWO)}`))).toEqual([of(TWO)]);
    for (const to of [of(TWO), NODE, 'fe80::1%eth0'])
      expect(await works(ONE, `ping -n -c1 -W2 ${to}`)).toMatch(/1 received/);
    expect(node.inside('busybox', 'ping', '-6', '-c', '1', '-W', '2', of(TWO))).toContain(
      '1 packets received',
    );
  });

  it('sends and gets what is larger than the link, and learns of a narrow one', async () => {
    await works(ONE, `ping -n -c1 -W2 -s 20000 ${WORLD}`);
    world.narrow(1300);
    try {
      await sh(ONE, `ping -n -c1 -W2 -M do -s 1400 ${WORLD}`);
      expect(await works(ONE, `ip -6 route get ${WORLD}`)).toContain('mtu 1300');
      // The world's own answer is too large, once.
      expect(await works(ONE, `ping -n -c3 -i0.2 -W2 -s 1400 ${WORLD}`)).toMatch(/[23] received/);
    } finally {
      world.narrow(1500);
    }
  });

  it('has all ports to itself there', async () => {
    const serve = (name: string) =>
      works(name, `python3 -c "${serverOf(name)}" > /dev/null 2>&1 & sleep 0.3`);
    for (const name of [ONE, TWO]) await serve(name);
    for (const name of [ONE, TWO])
      expect(world.inside('world', 'sh', '-c', `echo | busybox nc -w 3 ${of(name)} 8080`)).toBe(name);
    expect((await node.ok('GET', '/v1/ports')).items).toEqual([]);
  });
});

describe('nobody', () => {
  const counted = (listed: string) => Number(/packets (\d+)/.exec(listed)?.[1]);
  const foreign = () => counted(node.inside('nft', 'list', 'counter', 'inet', 'sliverd', 'foreign'));

  it.each([
    ['a stranger', () => '2001:db8::99'],
    ['its neighbour', () => of(TWO)],
    ['the node', () => NODE],
    ['the world', () => '2001:db8:ffff::9'],
  ])('sends as %s', async (_who, address) => {
    world.inside(
      'r1',
      'nft',
      'add table ip6 seen; add counter ip6 seen from_it; add chain ip6 seen any { type filter hook prerouting priority 0; }',
    );
    world.inside(
      'r1',
      'nft',
      `add rule ip6 seen any ip6 saddr ${address()} ip6 daddr ${WORLD} counter name from_it`,
    );
    try {
      const before = (await usage(ONE)).refused.spoofed;
      await sh(
        ONE,
        `ip -6 address add ${address()}/128 dev lo nodad; ping -n -c2 -i0.2 -W1 -I ${address()} ${WORLD}`,
      );
      await sh(ONE, `ip -6 address del ${address()}/128 dev lo`);
      // It may ask for its gateway from there, too.
      expect((await usage(ONE)).refused.spoofed).toBeGreaterThanOrEqual(before + 2);
      expect(counted(world.inside('r1', 'nft', 'list', 'counter', 'ip6', 'seen', 'from_it'))).toBe(0);
    } finally {
      world.inside('r1', 'nft', 'delete', 'table', 'ip6', 'seen');
    }
  });

  it('outside passes for a sliver', async () => {
    const before = foreign();
    world.inside('world', 'ip', '-6', 'address', 'add', `${of(ONE)}/128`, 'dev', 'lo');
    world.inside('world', 'sh', '-c', `busybox ping -6 -c 1 -W 1 -I ${of(ONE)} ${of(TWO)} || true`);
    world.inside('world', 'ip', '-6', 'address', 'del', `${of(ONE)}/128`, 'dev', 'lo');
    expect(foreign()).toBe(before + 1);
  });

  it('else uses the node as a router', () => {
    const received = () => world.inside('world', 'cat', '/proc/net/snmp6').match(/Icmp6InEchos\s+(\d+)/)?.[1];
    const before = received();
    world.inside('r1', 'ip', '-6', 'route', 'add', '2001:db8:ffff::7', 'via', NODE!, 'dev', 'nodes');
    try {
      world.inside('r1', 'sh', '-c', `busybox ping -6 -c 1 -W 1 ${WORLD} || true`);
    } finally {
      world.inside('r1', 'ip', '-6', 'route', 'del', '2001:db8:ffff::7', 'via', NODE!, 'dev', 'nodes');
    }
    expect(received()).toBe(before);
  });

  it('gets an address of the node that no sliver has, and nothing goes round in circles', async () => {
    const none = of(ONE).replace(/[0-9a-f]+$/, 'fff');
    expect((await sh(ONE, `ping -n -c1 -W3 ${none}`)).stdout).toMatch(/unreachable/i);
  });
});

it('a node at rest changes nothing of its network', () => {
  const monitor = 'timeout 3 ip monitor link address route rule; timeout 2 ip -6 monitor route; true';
  expect(node.inside('sh', '-c', monitor)).toBe('');
});

it('what is sent is counted, and recorded with its slice', async () => {
  const before = (await usage(TWO)).bytes;
  await works(TWO, `ping -n -c4 -i0.2 -s 1000 ${WORLD}`);
  const { bytes } = await usage(TWO);
  for (const way of ['up', 'down'] as const) expect(bytes[way] - before[way]).toBe(4 * (14 + 40 + 8 + 1000));
  await until(async () => {
    const { items } = await node.ok('GET', `/v1/flows?destination=${WORLD}&protocol=icmp6`);
    return items.some(
      (flow: { slice: string; source: { address: string } }) =>
        flow.slice === TWO && flow.source.address === of(TWO),
    );
  }, 'the flow');
});

it('what the owner refuses, and too many destinations, are not reached', async () => {
  const refused = async () => (await usage(TWO)).refused;
  const before = await refused();
  const mail = await sh(TWO, `bash -c 'echo > /dev/tcp/${WORLD}/25'`);
  expect(mail.stderr).toMatch(/no route|prohibited|permission denied/i);
  expect((await refused()).owner).toBeGreaterThan(before.owner);
  await node.ok('PATCH', `/v1/slivers/${TWO}`, { rspec: { 'net.destinations.minute': 10 } });
  await sh(TWO, 'for n in $(seq 40); do ping -n -c1 -W0.1 2001:db8:ffff::1:$n; done');
  expect((await refused()).destinations).toBeGreaterThanOrEqual(before.destinations + 20);
  await node.ok('PATCH', `/v1/slivers/${TWO}`, { rspec: { 'net.destinations.minute': 600 } });
});

describe('the network of the uplink', () => {
  const reaches = async (name: string) => (await sh(name, `ping -n -c1 -W1 ${WORLD}`)).exitCode === 0;
  const change = (script: string) => node.inside('sh', '-c', script);

  it('may change while slivers run', async () => {
    const [before, { pid }] = [of(ONE), await node.ok('GET', `/v1/slivers/${ONE}`)];
    world.inside('r1', 'ip', '-6', 'address', 'add', '2001:db8:77::1/64', 'dev', 'nodes');
    change(`ip -6 address del ${NODE}/64 dev eth0; ip -6 address add 2001:db8:77::10/64 dev eth0 nodad
      ip -6 route replace default via 2001:db8:77::1`);
    await until(async () => (await own(ONE)).startsWith('2001:db8:77:'), 'the new address');
    expect(await works(ONE, 'ip -6 address show dev eth0')).not.toContain(before);
    await until(() => reaches(ONE), 'the world to be reached');
    expect(node.inside('ip', '-6', 'neighbour', 'show', 'proxy')).not.toContain(before);
    expect(node.inside('ip', '-6', 'route')).not.toContain(before);
    expect((await node.ok('GET', `/v1/slivers/${ONE}`)).pid).toBe(pid);
  });

  it('may change amid traffic: what IPv4 carries goes on, and the old address is good for nothing', async () => {
    const before = await own(ONE);
    const fours = sh(ONE, 'ping -n -i0.02 -c150 203.0.113.7');
    const sixes = sh(TWO, `ping -n -i0.02 -c150 ${WORLD}`);
    await until(() => node.inside('conntrack', '-L', '-f', 'ipv6').includes(WORLD), 'traffic by IPv6');
    world.inside('r1', 'ip', '-6', 'address', 'add', '2001:db8:78::1/64', 'dev', 'nodes');
    change(`ip -6 address del 2001:db8:77::10/64 dev eth0; ip -6 address add 2001:db8:78::10/64 dev eth0 nodad
      ip -6 route replace default via 2001:db8:78::1`);
    await until(async () => (await own(ONE)).startsWith('2001:db8:78:'), 'the new address');
    expect((await fours).stdout).toContain('150 received');
    await sixes;
    await until(() => reaches(TWO), 'the world to be reached');
    // Whoever keeps it anyway speaks for nobody.
    const spoofed = async () => (await usage(ONE)).refused.spoofed;
    const counted = await spoofed();
    await works(ONE, `ip -6 address add ${before}/128 dev eth0 nodad`);
    expect((await sh(ONE, `ping -n -c3 -i0.1 -W1 -I ${before} ${WORLD}`)).exitCode).toBe(1);
    expect(await spoofed()).toBeGreaterThanOrEqual(counted + 3);
    await works(ONE, `ip -6 address del ${before}/128 dev eth0`);
    change(`ip -6 address del 2001:db8:78::10/64 dev eth0; ip -6 address add 2001:db8:77::10/64 dev eth0 nodad
      ip -6 route replace default via 2001:db8:77::1`);
    await until(async () => (await own(ONE)).startsWith('2001:db8:77:'), 'the address again');
  });

  it('may go, and come back', async () => {
    change('ip -6 address del 2001:db8:77::10/64 dev eth0');
    await until(async () => (await own(ONE)) === '', 'the address to go');
    await until(() => setting('conf/all/forwarding') === '0', 'the machine to be as it was');
    expect((await works(ONE, 'ip -6 route')).includes('default')).toBe(false);
    expect(node.inside('ip', '-6', 'neighbour', 'show', 'proxy')).toBe('');
    change(`ip -6 address add ${NODE}/64 dev eth0 nodad; ip -6 route replace default via 2001:db8::1`);
    await until(async () => (await own(ONE)) === of(ONE), 'the address again');
    await until(() => reaches(ONE), 'the world to be reached');
  });
});

it('a daemon that was killed finds all of it, and takes away what is of no sliver', async () => {
  await node.kill();
  node.inside('ip', '-6', 'neighbour', 'del', 'proxy', of(TWO), 'dev', 'eth0');
  node.inside('ip', '-6', 'neighbour', 'add', 'proxy', `${of(TWO)}77`, 'dev', 'eth0', 'protocol', '83');
  node.inside('ip', '-6', 'neighbour', 'add', 'proxy', '2001:db8::5', 'dev', 'eth0');
  await node.launch();
  const answered = () => node.inside('ip', '-6', 'neighbour', 'show', 'proxy');
  await until(() => answered().includes(`${of(TWO)} `), 'its address to be answered for');
  expect(answered()).not.toContain(`${of(TWO)}77`);
  expect(answered()).toContain('2001:db8::5 ');
  expect(await works(TWO, `ping -n -c1 -W2 ${WORLD}`)).toContain('1 received');
});

it('a node that goes down leaves the machine as it was', async () => {
  expect(setting('conf/all/forwarding')).toBe('1');
  await node.ok('POST', '/v1/node/down');
  await node.ended();
  expect(node.inside('ip', '-6', 'rule')).not.toMatch(/fwmark|100[0-3]:/);
  expect(node.inside('ip', '-6', 'route', 'show', 'table', 'all')).not.toMatch(/proto 83|slivers0/);
  expect(node.inside('ip', '-6', 'neighbour', 'show', 'proxy')).toMatch(/^2001:db8::5 [^\n]*\n$/);
  expect(
    ['conf/all/forwarding', 'conf/eth0/accept_ra', 'conf/eth0/proxy_ndp', 'neigh/eth0/proxy_delay'].map(
      setting,
    ),
  ).toEqual(['0', '1', '0', '80']);
});

/** Tells who connects. */
const PEER = `import socket
server = socket.create_server(('::', 7000), family=socket.AF_INET6)
while True:
  client, peer = server.accept()
  client.sendall(peer[0].encode())
  client.close()`;

const serverOf = (name: string) => `import socket
s = socket.socket(socket.AF_INET6)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
s.bind(('::', 8080)); s.listen()
while True:
  c, _ = s.accept(); c.sendall(b'${name}'); c.close()`;
