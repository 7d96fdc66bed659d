import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestNode, until } from './harness.ts';
import { importSmallImage } from './image.ts';
import { lasting } from './ruleset.ts';
import { World } from './world.ts';

// Somebody takes a node's network apart from outside, a piece at a time, while root in a sliver forges packets: nothing
// forged ever leaves, and each piece comes back by itself.
const ADDRESS = '198.51.100.10';
const TAKEN = 8053;
const [FORGER, WITNESS] = ['forger', 'witness'].map((name) => `${import.meta.dirname}/healing/${name}.py`);
let world: World;
let node: TestNode;
let holder = 0;
let forger: ChildProcess | undefined;
let witness: ChildProcess | undefined;
/** What the first router has seen of the forger's, in order. */
const seen: string[] = [];
const took: string[] = [];

beforeAll(async () => {
  world = new World();
  node = await TestNode.start('', {}, (pid) => {
    holder = pid;
    world.connect(pid, ADDRESS);
  });
  await importSmallImage(node);
  await node.ok('POST', '/v1/slivers', { name: 'a_one', image: 'small', profile: 'routing' });
  await node.ok('POST', '/v1/slivers', { name: 'a_two', image: 'small' });
  await node.ok('POST', '/v1/ports', { sliver: 'a_two', protocol: 'udp', port: TAKEN });
  node.inside('nft', 'add table inet other; add chain inet other mine; add rule inet other mine accept');
  const [own6, neighbour6] = [await own('a_one'), await own('a_two')];
  witness = spawn('ip', [
    'netns',
    'exec',
    world.namespace('r1'),
    'python3',
    WITNESS!,
    ADDRESS,
    `${TAKEN}`,
    own6,
  ]);
  const lines = createInterface({ input: witness.stdout! });
  await once(lines, 'line');
  lines.on('line', (line) => seen.push(line));
  const { pid, id } = await node.ok('GET', '/v1/slivers/a_one');
  const words = [ADDRESS, `100.64.0.${id}`, '198.51.100.99', World.address, `${TAKEN}`];
  const words6 = [own6, neighbour6, World.address6];
  forger = spawn('nsenter', [`--net=/proc/${pid}/ns/net`, 'python3', FORGER!, ...words, ...words6], {
    stdio: 'inherit',
  });
  await honest();
});

afterAll(async () => {
  for (const child of [forger, witness]) child?.kill('SIGKILL');
  console.log(`back after, in milliseconds (and what it took to look):\n${took.join('\n')}`);
  await node?.stop().finally(() => world.stop());
});

/** Waits until what the sliver sends honestly gets through from now on. */
async function honest(): Promise<void> {
  const from = seen.length;
  const both = ['true honest', 'true honest6'];
  await until(() => both.every((said) => seen.slice(from).includes(said)), 'honest packets to get through');
}
const own = async (name: string) => {
  const { stdout } = await node.exec(name, 'ip', '-6', 'address', 'show', 'dev', 'eth0');
  return /inet6 (2\S+)\/128/.exec(stdout)?.[1] ?? '';
};
const forged = () => seen.filter((said) => said.startsWith('forged'));

/** All that the node keeps in its network, as tools show it. */
const whole = () => {
  const list = 'nft --stateless list table inet sliverd 2> /dev/null; true';
  return `${lasting(node.inside('sh', '-c', list))}\n${others()}`;
};
/** The same when all of it is there: amid a change of somebody's, nft(8) lists a table in part, or not at all. */
async function complete(): Promise<string> {
  let all = '';
  await until(() => {
    all = whole();
    return all.includes('table inet sliverd') && all === whole();
  }, 'a listing of all');
  return all;
}
const others = () =>
  node.inside(
    'sh',
    '-c',
    `exec 2> /dev/null; 
    ip rule; ip route show table 100; ip -br link | grep -E '^(sv|slivers)' | sed 's/@[^ ]*//' | awk '{ print $1, $2, $1 ~ /^sv/ ? $3 : "" }' | sort
    ip neighbour show nud permanent | sort
    for link in sv1 sv2; do ip -br address show dev $link | sed 's/@[^ ]*//'; ip route show dev $link; done
    ip -6 rule; ip -6 route show table 100; ip -6 route show proto 83 | sort; ip -6 neighbour show nud permanent | sort; ip -6 neighbour show proxy | sort
    for name in conf/all/forwarding conf/sv1/disable_ipv6 conf/sv1/accept_ra conf/eth0/proxy_ndp; do cat /proc/sys/net/ipv6/$name; done
    for link in sv1 sv2 eth0; do cat /proc/sys/net/ipv4/conf/$link/forwarding /proc/sys/net/ipv4/conf/$link/rp_filter
      for way in ingress egress; do tc filter show dev $link $way; done; done
    tc filter show dev slivers0 egress; tc filter show dev slivers0p ingress
    bpftool cgroup show /sys/fs/cgroup${node.cgroup}; find ${node.run}/bpf -type f | sort`,
  );
const DETACH = `bpftool cgroup show "$CGROUP" | tail -n +2 | while read -r id type _; do bpftool cgroup detach "$CGROUP" $type id $id; done`;

describe('what somebody takes away is back soon, and nothing forged leaves meanwhile:', () => {
  it.each([
    ['the whole ruleset', 'nft flush ruleset'],
    ['our table', 'nft delete table inet sliverd'],
    ['the rules that check sources', 'nft flush chain inet sliverd origin'],
    ['the rules that translate sources', 'nft flush chain inet sliverd source'],
    ['the rules about who reaches whom', 'nft flush chain inet sliverd forward'],
    ['the rules that sources go by', 'nft flush chain inet sliverd sent'],
    ['the rules about who is spoken for', 'nft flush chain inet sliverd from_sliver'],
    ['whose connections are whose', 'nft flush set inet sliverd own_connections'],
    ['the addresses that are slivers’ own', 'nft flush set inet sliverd sources'],
    ['the routing rule for what is unchecked', 'ip rule del priority 9'],
    ['the routing rule to the carrier', 'ip rule del priority 10'],
    ['the routing rule for what comes in unmarked', 'ip rule del priority 1002'],
    ['the place of the local table', 'ip rule add priority 0 lookup local; ip rule del priority 1000'],
    ['the route to the carrier', 'ip route flush table 100'],
    ['the carrier', 'ip link del slivers0'],
    ['the carrier, put down', 'ip link set slivers0 down'],
    ['a sliver’s link', 'ip link del sv1'],
    ['a sliver’s link, put down', 'ip link set sv1 down'],
    ['the hardware address of a sliver’s link', 'ip link set sv1 address 02:00:00:00:00:77'],
    ['the address on a sliver’s link', 'ip address flush dev sv1'],
    ['the route to a sliver', 'ip route flush dev sv1'],
    ['a sliver’s link and the ruleset', 'ip link del sv1; nft flush ruleset'],
    ['all links of ours', 'ip link del slivers0; ip link del sv1; ip link del sv2'],
    ['the filters of a sliver’s link', 'tc qdisc del dev sv1 clsact'],
    ['one filter of a sliver’s link', 'tc filter del dev sv1 ingress'],
    ['the filters of the carrier', 'tc qdisc del dev slivers0 clsact; tc qdisc del dev slivers0p clsact'],
    ['the filters of the uplink', 'tc qdisc del dev eth0 clsact'],
    ['what is attached to the cgroup', DETACH],
    ['names of programs and maps', 'rm -r "$RUN"/bpf/maps "$RUN"/bpf/[0-9a-f]*'],
    ['the bpf file system', 'umount "$RUN"/bpf'],
    ['forwarding', 'sysctl -qw net.ipv4.conf.eth0.forwarding=0 net.ipv4.conf.sv1.forwarding=0'],
    ['forwarding of all links', 'sysctl -qw net.ipv4.ip_forward=1; sysctl -qw net.ipv4.ip_forward=0'],
    ['sources that are not asked for', 'sysctl -qw net.ipv4.conf.sv1.rp_filter=1'],
    ['IPv6: the routing rule for what is unchecked', 'ip -6 rule del priority 9'],
    ['IPv6: the routing rule to the carrier', 'ip -6 rule del priority 10'],
    [
      'IPv6: the place of the local table',
      'ip -6 rule add priority 0 lookup local; ip -6 rule del priority 1000',
    ],
    ['IPv6: the routing rule for what slivers send', 'ip -6 rule del priority 1001'],
    ['IPv6: the routing rule for what comes in unmarked', 'ip -6 rule del priority 1002'],
    ['IPv6: the routing rule where others go on', 'ip -6 rule del priority 1003'],
    ['IPv6: the route to the carrier', 'ip -6 route flush table 100'],
    ['IPv6: the routes to slivers, and to nobody', 'ip -6 route flush proto 83'],
    ['IPv6: the address on a sliver’s link', 'ip -6 address flush dev sv1'],
    ['IPv6: all of it on a sliver’s link', 'sysctl -qw net.ipv6.conf.sv1.disable_ipv6=1'],
    ['IPv6: all of it on the carrier', 'sysctl -qw net.ipv6.conf.slivers0.disable_ipv6=1'],
    ['IPv6: the addresses that are slivers’ own', 'nft flush set inet sliverd sources6'],
    ['IPv6: forwarding', 'sysctl -qw net.ipv6.conf.all.forwarding=0'],
    ['IPv6: an answer, and a route', 'ip -6 neighbour flush proxy 2> /dev/null; ip -6 route flush proto 83'],
    [
      'IPv6: an answer',
      'ip -6 neighbour show proxy | head -n 1 | while read -r to _ link _; do ip -6 neighbour del proxy $to dev $link; done',
    ],
  ])('%s', async (what, command) => {
    const before = await complete();
    const began = performance.now();
    node.inside('env', `CGROUP=/sys/fs/cgroup${node.cgroup}`, `RUN=${node.run}`, 'sh', '-c', command);
    let look = 0;
    await until(() => {
      const at = performance.now();
      const now = whole();
      look = performance.now() - at;
      return now === before;
    }, 'all of it to be back');
    took.push(`${what}: ${Math.round(performance.now() - began - look)} (${Math.round(look)})`);
    await honest();
    expect(forged()).toEqual([]);
  });

  it('a rule, though a guest puts its link up and down without end', async () => {
    const before = await complete();
    const { pid } = await node.ok('GET', '/v1/slivers/a_two');
    const flap = 'while :; do ip link set eth0 down; ip link set eth0 up; done';
    const flapping = spawn('nsenter', [`--net=/proc/${pid}/ns/net`, 'sh', '-c', flap]);
    const enter = [`--net=/proc/${holder}/ns/net`, 'ip', 'monitor', 'link'];
    const monitor = spawn('nsenter', enter);
    const changes = createInterface({ input: monitor.stdout })[Symbol.asyncIterator]();
    try {
      for (let change = 0; change < 20; change++) await changes.next(); // it is at it
      const rules = node.inside('ip', 'rule');
      const began = performance.now();
      node.inside('ip', 'rule', 'del', 'priority', '9');
      await until(() => node.inside('ip', 'rule') === rules, 'the rule to be back');
      took.push(`a rule, beside a link that changes without end: ${Math.round(performance.now() - began)}`);
    } finally {
      for (const child of [flapping, monitor]) child.kill('SIGKILL');
      await once(flapping, 'close');
    }
    execFileSync('nsenter', [`--net=/proc/${pid}/ns/net`, 'ip', 'link', 'set', 'eth0', 'up']);
    await until(() => whole() === before, 'all of it to be as it was');
    await honest();
    expect(forged()).toEqual([]);
  });

  it('a rule, after more changes than the kernel keeps for who is busy', async () => {
    const before = await complete();
    const pid = node.daemon?.pid;
    node.daemon?.kill('SIGSTOP');
    try {
      const change = 'route add 192.0.2.128/32 dev lo\nroute del 192.0.2.128/32 dev lo\n';
      const flood = `for n in $(seq 2000); do printf '${change}'; done | ip -batch -`;
      node.inside('sh', '-c', `${flood}; nft delete table inet sliverd; ip rule del priority 9`);
    } finally {
      node.daemon?.kill('SIGCONT');
    }
    await until(() => whole() === before, 'all of it to be back');
    await honest();
    expect([node.daemon?.pid, node.daemon?.exitCode, node.daemon?.signalCode]).toEqual([pid, null, null]);
    expect(forged()).toEqual([]);
  });

  it('the uplink, which is another one of that name afterwards', async () => {
    const before = await complete();
    const [{ address: hardware }] = JSON.parse(node.inside('ip', '-json', 'link', 'show', 'dev', 'eth0'));
    node.inside('ip', 'link', 'del', 'eth0');
    world.connect(holder, ADDRESS);
    // Slivers have other addresses of IPv6 with another, and that is seen too.
    node.inside('ip', 'link', 'set', 'eth0', 'address', hardware);
    await until(() => whole() === before, 'all of it to be back');
    await honest();
    expect(forged()).toEqual([]);
  });
});

it('other people’s tables stay as they are', () => {
  // Flushing everything took theirs, too; nobody but them puts it back.
  node.inside('nft', 'add table inet other; add chain inet other mine; add rule inet other mine accept');
  node.inside('nft', 'delete', 'table', 'inet', 'sliverd');
  expect(node.inside('nft', 'list', 'table', 'inet', 'other')).toContain('accept');
});

it('forged packets would be seen here: they leave when everything is gone at once, and nobody is there to mend it', async () => {
  const before = await complete();
  node.daemon?.kill('SIGSTOP');
  try {
    node.inside(
      'sh',
      '-c',
      'nft flush ruleset; ip rule del priority 9; ip -6 rule del priority 9; tc qdisc del dev eth0 clsact',
    );
    const kinds = [...['stranger', 'host', 'internal', 'port'], ...['stranger6', 'host6', 'neighbour6']].map(
      (kind) => `forged ${kind}`,
    );
    await until(() => kinds.every((kind) => seen.includes(kind)), 'forged packets');
  } finally {
    node.daemon?.kill('SIGCONT');
  }
  await until(() => whole() === before, 'all of it to be back');
  await honest();
});
