import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PortWorld, type Program } from './ports/world.ts';

const PUBLIC = '198.51.100.10';
const OUTSIDE = '198.51.100.1';
const GATEWAY = '169.254.1.1';
let world: PortWorld;
let outside: Program;
let five: Program;
/** Has a link as a sliver has, and no claim is asked of it: it may bind what is another's. */
let six: Program;

// The node: an uplink, links of two slivers, routes by mark, and counters of what the programs did to packets.
beforeAll(async () => {
  world = await PortWorld.start();
  outside = await world.program(9, 'unshare --net --');
  five = await world.sliver(5);
  six = await world.program(6, 'unshare --net --');
  const node = (...words: string[]) => world.inside(...words);
  node('ip', 'link', 'add', 'up0', 'type', 'veth', 'peer', 'up0', 'netns', `${outside.pid}`);
  node('ip', 'addr', 'add', `${PUBLIC}/24`, 'dev', 'up0');
  node('ip', 'link', 'set', 'up0', 'up');
  world.within(outside, 'ip', 'addr', 'add', `${OUTSIDE}/24`, 'dev', 'up0');
  world.within(outside, 'ip', 'link', 'set', 'up0', 'up');
  node(
    'sysctl',
    '-qw',
    'net.ipv4.ip_forward=1',
    'net.ipv4.conf.default.rp_filter=0',
    'net.ipv4.conf.all.rp_filter=0',
  );
  node('sysctl', '-qw', 'net.ipv4.conf.default.accept_local=1');
  node('ip', 'rule', 'add', 'pref', '1000', 'lookup', 'local');
  node('ip', 'rule', 'del', 'pref', '0');
  node('ip', 'rule', 'add', 'pref', '10', 'fwmark', '0x10000/0x10000', 'lookup', '100');
  for (const [id, program] of [
    [5, five],
    [6, six],
  ] as const)
    await connect(id, program);
  const carrier = ['slivers0', 'address', HARDWARE, 'type', 'veth', 'peer', 'slivers0p'];
  node('ip', 'link', 'add', ...carrier);
  node('ip', 'link', 'set', 'slivers0p', 'up');
  node('ip', 'link', 'set', 'slivers0', 'arp', 'off', 'up');
  node('ip', 'route', 'add', 'default', 'dev', 'slivers0', 'table', '100');
  await world.ledger('keepCarrier', index('slivers0'), index('slivers0p'));
  await world.ledger('keepUplink', index('up0'));
  node('nft', NODE_COUNTERS);
  for (const [program, link] of [
    [five, 'eth0'],
    [outside, 'up0'],
  ] as const)
    world.within(
      program,
      'nft',
      `table ip seen { counter same { }
      chain c { type filter hook prerouting priority 0; iifname ${link} meta l4proto udp ip ttl 64 counter name same; }
}`,
    );
});
afterAll(() => world.stop());

/** Of the carrier and of each sliver's eth0 (netns/numbers.ts). */
const HARDWARE = '02:00:5e:00:00:01';
const NODE_COUNTERS = `table ip seen {
  counter steered { }
  counter unmarked { }
  counter foreign { }
  counter own { }
  chain c { type filter hook prerouting priority -300;
    iifname up0 meta l4proto { udp, 47 } meta mark 0x10005 counter name steered;
    iifname up0 meta l4proto { udp, 47 } meta mark 0 counter name unmarked;
    iifname sv* meta l4proto udp meta mark & 0x60000 == 0x60000 counter name foreign;
    iifname sv* meta l4proto udp meta mark & 0x60000 == 0x40000 counter name own; }
  chain n { type nat hook postrouting priority 100; oifname up0 meta mark & 0x20000 != 0 meta l4proto udp snat to ${PUBLIC}:64512-65535; }
}`;

async function connect(id: number, program: Program): Promise<void> {
  const link = `sv${id}`;
  const peer = ['peer', 'eth0', 'address', HARDWARE, 'netns', `${program.pid}`];
  world.inside('ip', 'link', 'add', link, 'type', 'veth', ...peer);
  world.inside('ip', 'addr', 'add', `${GATEWAY}/32`, 'dev', link);
  world.inside('ip', 'link', 'set', link, 'up');
  const mac = JSON.parse(world.within(program, 'ip', '-j', 'link', 'show', 'eth0'))[0].address;
  world.inside('ip', 'neigh', 'add', PUBLIC, 'dev', link, 'lladdr', mac);
  world.within(program, 'ip', 'addr', 'add', `${PUBLIC}/32`, 'dev', 'eth0');
  world.within(program, 'ip', 'link', 'set', 'eth0', 'up');
  world.within(program, 'ip', 'route', 'add', GATEWAY, 'dev', 'eth0');
  world.within(program, 'ip', 'route', 'add', 'default', 'via', GATEWAY, 'dev', 'eth0');
  await world.ledger('addLink', id, index(link));
  await world.ledger('addLink', id, index(link)); // again is nothing
}

function index(link: string): number {
  return JSON.parse(world.inside('ip', '-j', 'link', 'show', link))[0].ifindex;
}

interface Counter {
  name: string;
  packets: number;
}

/** What nftables counted since the test began, as in { steered: 1 }. */
function seen(): Record<string, number> {
  const listed = JSON.parse(world.inside('nft', '-j', 'list', 'counters', 'table', 'ip', 'seen'));
  const counters = listed.nftables.flatMap((one: { counter?: Counter }) => one.counter ?? []) as Counter[];
  return Object.fromEntries(
    counters.filter(({ packets }) => packets > 0).map(({ name, packets }) => [name, packets]),
  );
}

/** Datagrams that came to a program with the TTL they began with, since this was last asked. */
function sameTtl(program: Program): number {
  return JSON.parse(world.within(program, 'nft', '-j', 'reset', 'counters')).nftables[1].counter.packets;
}

beforeEach(() => {
  world.inside('nft', 'reset', 'counters');
  sameTtl(five);
  sameTtl(outside);
});

describe('what comes in at the uplink', () => {
  it('goes to the sliver that has the port, with the TTL that it had', async () => {
    await five.run('opened', 'server', 'udp', 53);
    await outside.run('make', 'client', 'udp');
    const port = await outside.run('send', 'client', PUBLIC, 53, 'question');
    expect(await five.run('receive', 'server')).toEqual(['question', OUTSIDE, port]);
    expect(seen()).toEqual({ steered: 1 });
    expect(sameTtl(five)).toBe(1);
    await five.run('close', 'server');
    await outside.run('close', 'client');
  });

  it('does so with IP options, and in fragments', async () => {
    await five.run('opened', 'server', 'udp', 53);
    await outside.run('make', 'client', 'udp', 4, ['ip_options']);
    await outside.run('send', 'client', PUBLIC, 53, 'with options');
    expect((await five.run('receive', 'server'))[0]).toBe('with options');
    const long = 'x'.repeat(4000);
    await outside.run('send', 'client', PUBLIC, 53, long);
    expect((await five.run('receive', 'server'))[0]).toBe(long);
    await five.run('close', 'server');
    await outside.run('close', 'client');
  });

  it('goes to the sliver that has reserved the port or the protocol, listening or not', async () => {
    await world.ledger('reserve', 5, 'udp', 54);
    await world.ledger('reserve', 5, 47, 0);
    await outside.run('make', 'client', 'udp');
    await outside.run('send', 'client', PUBLIC, 54);
    await outside.run('raw', 47, PUBLIC);
    expect(seen()).toEqual({ steered: 2 });
    await world.ledger('release', 5, 'udp', 54);
    await world.ledger('release', 5, 47, 0);
    await outside.run('close', 'client');
  });

  it("is left alone when it is nobody's or the node's", async () => {
    await world.ledger('nodePorts', [{ protocol: 'udp', port: 123 }]);
    await outside.run('make', 'client', 'udp');
    for (const port of [123, 9]) await outside.run('send', 'client', PUBLIC, port);
    await outside.run('raw', 47, PUBLIC);
    expect(seen()).toEqual({ unmarked: 3 });
    await world.ledger('nodePorts', []);
    await outside.run('close', 'client');
  });
});

describe('what a sliver sends', () => {
  it('has the TTL that it had, and its own port where that is its own', async () => {
    await outside.run('opened', 'server', 'udp', 9);
    await five.run('opened', 'client', 'udp', 53);
    await five.run('send', 'client', OUTSIDE, 9, 'hello');
    expect(await outside.run('receive', 'server')).toEqual(['hello', PUBLIC, 53]);
    expect(seen()).toEqual({ own: 1 });
    expect(sameTtl(outside)).toBe(1);
    await five.run('close', 'client');
    await outside.run('close', 'server');
  });

  it("does not leave from a port that is another's, or the node's", async () => {
    await world.ledger('nodePorts', [{ protocol: 'udp', port: 123 }]);
    await five.run('opened', 'owner', 'udp', 53);
    await outside.run('opened', 'server', 'udp', 10);
    for (const port of [53, 123, 64600]) {
      expect(await six.run('opened', 'squatter', 'udp', port)).toBe(port);
      await six.run('send', 'squatter', OUTSIDE, 10, 'hello');
      const [, address, from] = await outside.run('receive', 'server');
      expect(address).toBe(PUBLIC);
      expect(from).toBeGreaterThanOrEqual(64512);
      await six.run('close', 'squatter');
    }
    expect(seen()).toMatchObject({ foreign: 3 });
    await world.ledger('nodePorts', []);
    await five.run('close', 'owner');
    await outside.run('close', 'server');
  });
});
