import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestNode, until } from './harness.ts';
import { importSmallImage } from './image.ts';
import { World } from './world.ts';

// Packets of IPv6 that root in a sliver and a neighbour of the node on its link make by hand. Ahead of the node's rules the
// kernel has tables and a life of its own, which IPv4 doesn't have.
const NODE = '2001:db8::10';
const STRANGER = '2001:db8::55';
const CRAFT = `${import.meta.dirname}/packets/craft6.py`;
const [ONE, TWO] = ['a_one', 'a_two'] as const;

let world: World;
let node: TestNode;
let hardware: string;
const slivers = new Map<string, { pid: number; address: string; gateway: string }>();

const sliver = (name: string) => slivers.get(name)!;
const hardwareOf = (link: string) =>
  JSON.parse(node.inside('ip', '-json', 'link', 'show', 'dev', link))[0].address;
/** Two more links of the machine, to the same router, with networks that it might route to. */
function aside(pid: number): void {
  for (const link of ['lan', 'other']) {
    world.inside(
      'r1',
      'ip',
      'link',
      'add',
      link,
      'up',
      'type',
      'veth',
      'peer',
      'name',
      link,
      'netns',
      `${pid}`,
    );
    world.enter(pid, 'ip', 'link', 'set', link, 'up');
  }
  const [{ address }] = JSON.parse(world.inside('r1', 'ip', '-json', 'link', 'show', 'dev', 'other'));
  for (const [own, to] of [
    ['2001:db8:b::1/64', '2001:db8:b::2'],
    ['192.0.2.193/29', '192.0.2.194'],
  ] as const) {
    world.enter(pid, 'ip', 'address', 'add', own, 'dev', 'other');
    world.enter(pid, 'ip', 'neighbour', 'add', to, 'lladdr', address, 'dev', 'other');
  }
  world.inside('r1', 'ip', 'route', 'add', '192.0.2.192/29', 'via', '198.51.100.10');
}
/** Does something of craft6.py in a sliver. */
const craft = (name: string, ...words: string[]) =>
  execFileSync('nsenter', [`--net=/proc/${sliver(name).pid}/ns/net`, 'python3', CRAFT, ...words]);
/** The same on the node's link, by way of the node. */
const near = (source: string, to: string, text: string) =>
  world.inside('r1', 'python3', CRAFT, 'frame_udp', 'nodes', hardware, source, '5000', to, '7000', text);
const neighbours = (network: string) =>
  node
    .inside('ip', '-6', 'neighbour', 'show')
    .split('\n')
    .filter((line) => line.startsWith(network)).length;
const refused = async (name: string) => (await node.ok('GET', `/v1/slivers/${name}/usage`)).network.refused;

/** Datagrams that come in there while something is done, up to one that says `end`. */
async function heard(enter: readonly string[], act: () => unknown, end: () => unknown): Promise<string[]> {
  const [file, ...args] = [...enter, 'python3', CRAFT, 'hear'];
  const child = spawn(file!, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const lines: string[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
    await until(() => lines.length > 0, 'the listener to begin');
    await act();
    await end();
    await until(() => lines.some((line) => line.endsWith(' end')), 'the last to come in');
    return lines.filter((line) => /^(udp|\d)(?!.* > ff)/.test(line) && !line.endsWith(' end'));
  } finally {
    child.kill('SIGKILL');
  }
}
const inSliver = (name: string) => ['nsenter', `--net=/proc/${sliver(name).pid}/ns/net`];
/** What the sliver gets, until the machine itself says the end. */
const gets = (name: string, act: () => unknown) =>
  heard(inSliver(name), act, () =>
    node.inside('python3', CRAFT, 'send_udp', NODE, '1', sliver(name).address, '9', 'end'),
  );

beforeAll(async () => {
  world = new World();
  node = await TestNode.start('', {}, (pid) => {
    world.connect(pid, '198.51.100.10');
    aside(pid);
  });
  await importSmallImage(node);
  for (const name of [ONE, TWO]) {
    await node.ok('POST', '/v1/slivers', { name, image: 'small', profile: 'routing' });
    const { pid, id } = await node.ok('GET', `/v1/slivers/${name}`);
    const { stdout } = await node.exec(name, 'ip', '-6', 'address', 'show', 'dev', 'eth0');
    const address = /inet6 (2\S+)\/128/.exec(stdout)?.[1] ?? '';
    slivers.set(name, { pid, address, gateway: hardwareOf(`sv${id}`) });
  }
  hardware = hardwareOf('eth0');
});
afterAll(async () => {
  await node?.stop().finally(() => world.stop());
});

describe('while somebody has flushed the rules', () => {
  const flushed = async (act: () => unknown) => {
    node.daemon?.kill('SIGSTOP');
    try {
      node.inside('nft', 'flush', 'ruleset');
      return await act();
    } finally {
      node.daemon?.kill('SIGCONT');
      await until(() => node.inside('nft', 'list', 'ruleset').includes('homes6'), 'the rules to be back');
    }
  };

  it('nothing comes in to a sliver, in no record', async () => {
    expect(await flushed(() => gets(TWO, () => near(STRANGER, sliver(TWO).address, 'x')))).toEqual([]);
    expect(await gets(TWO, () => near(STRANGER, sliver(TWO).address, 'x'))).toEqual([
      `udp ${STRANGER} 5000 > ${sliver(TWO).address} 7000 x`,
    ]);
  });

  it('the machine is a router for nobody', async () => {
    const came = await flushed(() =>
      heard(
        ['ip', 'netns', 'exec', world.namespace('world')],
        () => near(STRANGER, World.address6, 'x'),
        () => node.inside('python3', CRAFT, 'send_udp', NODE, '1', World.address6, '9', 'end'),
      ),
    );
    expect(came).toEqual([]);
  });

  it('nor between its other links, from one to a sliver, or by IPv4 from the uplink', async () => {
    const act = () => {
      const lan = hardwareOf('lan');
      const to = (address: string) =>
        world.inside(
          'r1',
          'python3',
          CRAFT,
          'frame_udp',
          'lan',
          lan,
          '2001:db8:a::2',
          '5',
          address,
          '7',
          'x',
        );
      to('2001:db8:b::2');
      to(sliver(TWO).address);
      const send = `import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.194', 7))`;
      world.inside('r1', 'python3', '-c', send);
    };
    const end = () => node.inside('python3', CRAFT, 'send_udp', NODE, '1', '2001:db8::1', '9', 'end');
    const there = ['ip', 'netns', 'exec', world.namespace('r1')];
    expect(await flushed(() => heard(there, act, end))).toEqual([]);
    expect(await flushed(() => gets(TWO, act))).toEqual([]);
    // Without the rules of routing all of it is heard.
    expect(
      await flushed(() => {
        for (const family of ['-4', '-6']) node.inside('sh', '-c', `ip ${family} rule del priority 1002`);
        return heard(there, act, end);
      }),
    ).toEqual(['udp 2001:db8:a::2 5 > 2001:db8:b::2 7 x', 'udp 198.51.100.1 > 192.0.2.194']);
  });
});

describe('nobody', () => {
  it('outside passes for the machine, or for what a sliver has of its own', async () => {
    const to = sliver(TWO).address;
    const came = await gets(TWO, () => {
      for (const [source, text] of [
        [NODE, 'the machine'],
        ['::1', 'loopback'],
        ['fe80::1', 'the gateway'],
        ['fe80::5eff:fe00:1', 'a sliver on its link'],
        [sliver(ONE).address, 'a neighbour'],
        [to, 'itself'],
        [STRANGER, 'honest'],
      ] as const)
        near(source, to, text);
    });
    expect(came).toEqual([`udp ${STRANGER} 5000 > ${to} 7000 honest`]);
  });

  it('makes the machine ask for neighbours that a link between two doesn’t have', () => {
    craft(ONE, 'scan', sliver(ONE).gateway, sliver(ONE).address, 'fe80::77:', '100');
    expect(neighbours('fe80::77:')).toBe(0);
  });

  it('is asked for on a sliver’s link, by IPv4 or IPv6, so that a full table of neighbours closes none', () => {
    const permanent = (pid: number) => {
      const lines = ['-4', '-6'].flatMap((family) =>
        world.enter(pid, 'ip', family, 'neighbour', 'show', 'nud', 'permanent').split('\n'),
      );
      return lines.map((line) => line.split(' ').slice(0, 3).join(' '));
    };
    expect(permanent(sliver(ONE).pid)).toEqual(
      expect.arrayContaining(['169.254.1.1 dev eth0', 'fe80::1 dev eth0']),
    );
    expect(permanent(node.daemon?.pid ?? 0)).toEqual(
      expect.arrayContaining(['100.64.0.1 dev sv1', 'fe80::5eff:fe00:1 dev sv1']),
    );
  });

  it('fills the table of neighbours of the machine, and all can go on', async () => {
    const before = (await refused(ONE)).destinations;
    craft(ONE, 'scan', sliver(ONE).gateway, sliver(ONE).address, '2001:db8::77:', '400');
    expect(neighbours('2001:db8::77:')).toBeLessThan(250);
    expect((await refused(ONE)).destinations).toBeGreaterThan(before + 150);
    // Who scanned may go on a tenth of a second later: the first of three pings may still be one too many.
    for (const [name, count] of [
      [ONE, '3'],
      [TWO, '1'],
    ] as const)
      expect((await node.exec(name, 'ping', '-6', '-c', count, '-W', '2', World.address6)).exitCode).toBe(0);
    // What goes by a router takes no places.
    const passed = (await refused(TWO)).destinations;
    craft(TWO, 'scan', sliver(TWO).gateway, sliver(TWO).address, '2001:db8:ffff::77:', '400');
    expect((await refused(TWO)).destinations).toBeLessThan(passed + 20);
  });
});

it('what the owner refuses, mail, stays refused behind headers and in pieces', async () => {
  const { gateway, address } = sliver(ONE);
  const leaves = (port: string) =>
    heard(
      ['ip', 'netns', 'exec', world.namespace('world')],
      () => craft(ONE, 'hidden', gateway, address, World.address6, port),
      () => node.inside('python3', CRAFT, 'send_udp', NODE, '1', World.address6, '9', 'end'),
    );
  const before = (await refused(ONE)).owner;
  expect(await leaves('25')).toEqual([]);
  // The kernel takes no first piece without the whole of TCP's header (RFC 8200), honest or not.
  expect((await refused(ONE)).owner).toBe(before + 5);
  expect(await leaves('26')).toHaveLength(5);
});

it('the machine learns nothing from a sliver: no network, way or neighbour, and nothing of another’s path', () => {
  const known = () =>
    node.inside(
      'sh',
      '-c',
      'ip -6 address; ip -6 route; ip -6 route show cache; ip -6 neighbour show nud all | sort',
    ) + node.inside('ip', '-6', 'route', 'get', World.address6);
  const [{ gateway, address }, two] = [sliver(ONE), sliver(TWO)];
  craft(ONE, 'advertise', 'eth0', 'fe80::5eff:fe00:1', '2001:db6::');
  for (const source of ['fe80::5eff:fe00:1', address])
    for (const victim of [two.address, World.address6, '2001:db8::1'])
      for (const to of ['fe80::1', NODE]) craft(ONE, 'mislead', gateway, source, to, victim);
  for (const told of ['2001:db6:', '02:66:66:66:66:66', 'mtu 1280']) expect(known()).not.toContain(told);
  expect(known()).toContain(NODE);
});

it('floods of router solicitations and of reports of memberships leave nothing with the machine, and others are served', async () => {
  const kept = () =>
    node.inside('sh', '-c', `ip -6 neighbour show dev sv1 | wc -l; ip -6 maddress | sort`) +
    node.inside('ip', '-6', 'neighbour', 'show', 'dev', 'sv1', 'nud', 'permanent');
  const before = kept();
  const [{ gateway, address }] = [sliver(ONE)];
  for (const source of ['fe80::5eff:fe00:1', address, STRANGER]) craft(ONE, 'flood', gateway, source, '3000');
  const [places, ...rest] = kept().split('\n');
  expect(rest).toEqual(before.split('\n').slice(1));
  // One more at most: its own address, from which nothing is routed.
  expect(Number(places)).toBeLessThanOrEqual(Number(before.split('\n')[0]) + 1);
  for (const name of [ONE, TWO])
    expect((await node.exec(name, 'ping', '-6', '-c', '1', '-W', '2', World.address6)).exitCode).toBe(0);
});

it('what a sliver sends as IPv6 within IPv4 is its own by IPv4, and the machine unpacks none of it', async () => {
  const came = await gets(TWO, () => {
    for (const to of ['198.51.100.10', '169.254.1.1', World.address])
      craft(ONE, 'within4', '198.51.100.10', to, STRANGER, sliver(TWO).address, 'x');
  });
  expect(came).toEqual([]);
  await until(async () => {
    const { items } = await node.ok('GET', `/v1/flows?protocol=ipv6&destination=${World.address}`);
    return items.some(
      (flow: { slice: string; protocolName: string }) => flow.slice === ONE && flow.protocolName === 'ipv6',
    );
  }, 'the flow');
});

it('a service of the machine is reached at the gateway, and the connection is recorded as the sliver’s', async () => {
  const script = `import socket
s = socket.create_server(('::', 7070), family=socket.AF_INET6)
print('ready', flush=True)
while True: s.accept()[0].close()`;
  const server = spawn('nsenter', [`--net=/proc/${node.daemon?.pid}/ns/net`, 'python3', '-c', script]);
  try {
    await once(server.stdout, 'data');
    for (const to of ['fe80::1%eth0', NODE])
      expect((await node.exec(ONE, 'sh', '-c', `nc -w 2 ${to} 7070 < /dev/null`)).stderr).toBe('');
    const { items } = await node.ok('GET', `/v1/flows?destinationPort=7070&protocol=tcp`);
    expect(
      items
        .map((flow: { slice: string; destination: { address: string } }) => [
          flow.slice,
          flow.destination.address,
        ])
        .sort(),
    ).toEqual([
      [ONE, NODE],
      [ONE, 'fe80::1'],
    ]);
  } finally {
    server.kill('SIGKILL');
  }
});

it('slivers keep their addresses though somebody on the link says that he has another network', async () => {
  const own = async () => (await node.exec(ONE, 'ip', '-6', 'address', 'show', 'dev', 'eth0')).stdout;
  const rule = () => node.inside('ip', '-6', 'rule', 'show', 'priority', '1001');
  /** The first look at the node's network is over when the second has mended something. */
  const looks = async () => {
    for (let time = 0; time < 2; time++) {
      node.inside('ip', '-6', 'rule', 'del', 'priority', '1001');
      await until(() => rule() !== '', 'the rule to be back');
    }
  };
  world.inside('r1', 'python3', CRAFT, 'advertise', 'nodes', 'fe80::666', '2001:db7::');
  const taken = () => /inet6 2001:db7::(?!.*tentative)/.test(node.inside('ip', '-6', 'address'));
  await until(taken, 'the machine to take an address');
  await looks();
  expect(await own()).toContain(`${sliver(ONE).address}/128`);
  await node.kill();
  await node.launch();
  await looks();
  expect(await own()).toContain(`${sliver(ONE).address}/128`);
});
