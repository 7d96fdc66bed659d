import { type ChildProcess, spawn } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { TestNode, until } from './harness.ts';
import { World } from './world.ts';

// What a node does to the settings of IPv6 of a machine that has other links, and routes already or in part.
let world: World | undefined;
let node: TestNode | undefined;
let guest: ChildProcess | undefined;
afterEach(async () => {
  guest?.kill('SIGKILL');
  await node?.stop();
  world?.stop();
});

/** Settings of links `lan` and `wan` beside the uplink, as `accept_ra forwarding`. */
type State = Record<'all' | 'eth0' | 'lan' | 'wan', [string, string]>;
const STATE = ['all', 'eth0', 'lan', 'wan'] as const;

async function machine(state: State): Promise<void> {
  world = new World();
  node = await TestNode.start('', {}, (pid) => {
    world?.connect(pid, '198.51.100.10');
    world?.enter(pid, 'ip', 'link', 'add', 'lan', 'up', 'type', 'veth', 'peer', 'name', 'wan');
    for (const link of STATE) {
      const [accept, forwarding] = state[link];
      const settings = [`accept_ra=${accept}`, `forwarding=${forwarding}`];
      world?.enter(pid, 'sysctl', '-qw', ...settings.map((one) => `net.ipv6.conf.${link}.${one}`));
    }
  });
}
const read = () =>
  Object.fromEntries(
    STATE.map((link) => [
      link,
      ['accept_ra', 'forwarding'].map((key) =>
        node?.inside('cat', `/proc/sys/net/ipv6/conf/${link}/${key}`).trim(),
      ),
    ]),
  );
async function down(): Promise<void> {
  await node?.ok('POST', '/v1/node/down');
  await node?.ended();
}

it('links that listened to routers go on, and no others begin to', async () => {
  const before: State = { all: ['1', '0'], eth0: ['1', '0'], lan: ['0', '0'], wan: ['2', '0'] };
  await machine(before);
  expect(read()).toEqual({ all: ['1', '1'], eth0: ['2', '1'], lan: ['0', '1'], wan: ['2', '1'] });
  await down();
  expect(read()).toEqual(before);
});

it('a link that is a router by itself does not listen, then and afterwards', async () => {
  const before: State = { all: ['1', '0'], eth0: ['1', '0'], lan: ['1', '1'], wan: ['1', '0'] };
  await machine(before);
  expect(read()).toEqual({ all: ['1', '1'], eth0: ['2', '1'], lan: ['1', '1'], wan: ['2', '1'] });
  await down();
  expect(read()).toEqual(before);
});

it('a machine that is a router listens to none', async () => {
  const before: State = { all: ['1', '1'], eth0: ['1', '1'], lan: ['1', '1'], wan: ['2', '1'] };
  await machine(before);
  expect(read()).toEqual(before);
  await node?.kill();
  await node?.launch();
  expect(read()).toEqual(before);
  await down();
  expect(read()).toEqual(before);
});

it('a router is closed to what would reach slivers, another machine to all that comes in', async () => {
  const closed = () => node?.inside('ip', '-6', 'rule', 'show', 'priority', '1002').split('\n').slice(0, -1);
  await machine({ all: ['1', '1'], eth0: ['1', '1'], lan: ['1', '1'], wan: ['1', '1'] });
  expect(closed()).toEqual([expect.stringMatching(/from all to 2001:db8::\S+\/112 blackhole/)]);
  await down();
  expect(closed()).toEqual([]);
  node?.inside('sysctl', '-qw', 'net.ipv6.conf.all.forwarding=0');
  node?.inside('ip', '-6', 'rule', 'add', 'priority', '1002', 'iif', 'wan', 'blackhole');
  await node?.launch();
  expect(closed()).toEqual([expect.stringMatching(/iif wan/), expect.stringMatching(/not from all iif lo/)]);
  await down();
  expect(closed()).toEqual([expect.stringMatching(/iif wan/)]);
});

it('who else is on a bridge that is the uplink goes on talking with the world', async () => {
  world = new World();
  guest = spawn('unshare', ['--net', 'sleep', 'infinity'], { stdio: 'ignore' });
  const { pid = 0 } = guest;
  const namespace = (of: number | 'self') => readlinkSync(`/proc/${of}/ns/net`);
  await until(() => namespace(pid) !== namespace('self'), 'a namespace for the guest');
  node = await TestNode.start('', {}, (host) => {
    world?.connect(host, '198.51.100.10');
    const script = `ip link add br0 type bridge; ip link set eth0 master br0; ip link add port type veth peer name eth0 netns ${pid}
      ip link set port master br0 up; ip address flush dev eth0; ip link set br0 up
      ip address add 198.51.100.10/24 dev br0; ip -6 address add 2001:db8::10/64 dev br0 nodad
      ip route replace default via 198.51.100.1; ip -6 route replace default via 2001:db8::1
      [ ! -e /proc/sys/net/bridge ] || sysctl -qw net.bridge.bridge-nf-call-ip6tables=1`;
    world?.enter(host, 'sh', '-ec', script);
    world?.enter(pid, 'sh', '-ec', 'ip link set eth0 up; ip -6 address add 2001:db8::20/64 dev eth0 nodad');
  });
  expect(node.inside('nft', 'list', 'chain', 'inet', 'sliverd', 'forward')).toMatch(/ipv6 drop/);
  const asked = world.enter(pid, 'sh', '-c', 'busybox ping -6 -c 3 -W 2 2001:db8::1 || true');
  expect(asked).toMatch(/[1-3] packets received/);
});
