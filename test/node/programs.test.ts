import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestNode, until } from './harness.ts';
import { dhtImageDirectory, networkImageTar, smallImageDirectory } from './image.ts';
import { World } from './world.ts';

// Debian's own programs, unmodified, in slivers of three nodes of one internet: they work as on a machine of their own.
const [ONE, TWO, THREE] = ['198.51.100.10', '198.51.100.11', '198.51.100.12'] as const;
const WORLD = World.address;
const HOPS = ['198.51.100.1', '192.0.2.6', '192.0.2.10', WORLD];
const HOPS6 = ['2001:db8::1', '2001:db8:1::2', '2001:db8:2::2', World.address6];
const TRACERS = 100;

let world: World;
let node: TestNode;

const sh = (name: string, script: string, on = node) => on.exec(`p_${name}`, 'sh', '-c', script);
const works = async (name: string, script: string, on = node) => {
  const { exitCode, stdout, stderr } = await sh(name, script, on);
  expect(exitCode, `${script}:\n${stdout}${stderr}`).toBe(0);
  return stdout;
};
/** Starts a program that stays, and has what it says in /tmp/out. */
const begin = (name: string, command: string, on = node) => works(name, `${command} > /tmp/out 2>&1 &`, on);
const said = async (name: string, words: string | RegExp, on = node) => {
  let output = '';
  const so = async () => {
    output = (await sh(name, 'cat /tmp/out', on)).stdout;
    return typeof words === 'string' ? output.includes(words) : words.test(output);
  };
  await until(so, `${name} to say ${words}`).catch((error) => expect.fail(`${error}; it said:\n${output}`));
  return output;
};
/** Routers and the destination in the order in which they answered. */
const hops = (output: string) =>
  [...output.matchAll(/^ ?\d+ +([\da-f]+[.:][\da-f.:]+)/gm)].map(([, address]) => address);

async function image(on: TestNode, name: string, directory: string) {
  await on.ok('POST', '/v1/images', { name, source: { path: directory } });
  rmSync(directory, { recursive: true });
}

beforeAll(async () => {
  world = new World();
  node = await TestNode.start('', {}, (pid) => world.connect(pid, ONE));
  await node.ok('POST', '/v1/images', { name: 'network', source: { path: await networkImageTar() } });
  for (const profile of ['restricted', 'standard', 'measurement', 'routing'])
    await node.ok('POST', '/v1/slivers', { name: `p_${profile}`, image: 'network', profile });
  await node.ok('POST', '/v1/slivers', { name: 'p_other', image: 'network', profile: 'measurement' });
}, 600_000);

afterAll(async () => {
  await node?.stop().finally(() => world.stop());
});

describe('in a sliver with raw sockets', () => {
  const tries: [string, string][] = [
    ['ICMP', `traceroute -n -q1 -w2 -I ${WORLD}`],
    ['UDP', `traceroute -n -q1 -w2 ${WORLD}`],
    ['TCP', `traceroute -n -q1 -w2 -T -p 81 ${WORLD}`],
    ['UDP of one flow, by scamper', `scamper -c trace -i ${WORLD}`],
    ['ICMP of one flow, by scamper', `scamper -c 'trace -P icmp-paris' -i ${WORLD}`],
    ['TCP of one flow, by scamper', `scamper -c 'trace -P tcp -d 81' -i ${WORLD}`],
  ];
  it.each(tries)('a route is traced by %s', async (_way, command) => {
    expect(hops(await works('measurement', command))).toEqual(HOPS);
  });

  it('ping and scamper have their replies', async () => {
    expect(await works('measurement', `ping -n -c3 -i0.2 -W2 ${WORLD}`)).toContain('3 received');
    expect(await works('measurement', `scamper -c 'ping -c 3 -i 0.2' -i ${WORLD}`)).toContain(
      '3 packets received',
    );
  });

  it('nmap tells an open port from a closed one by SYN', async () => {
    const server = world.spawn('busybox', 'nc', '-ll', '-p', '82', '-e', 'true');
    try {
      const scan = () => works('measurement', `nmap -n -Pn -sS --max-retries 2 -p 81,82 ${WORLD}`);
      await until(async () => /82\/tcp open/.test(await scan()), 'the port to be open');
      expect(await scan()).toMatch(/81\/tcp closed/);
    } finally {
      server.kill('SIGKILL');
    }
  });

  it.each([
    ['SYN', '-S -p 81', /flags=RA/],
    ['echo', '-1', /icmp_seq=0/],
    ['UDP that expires on its way', '-2 -p 33434 -t 2', /TTL 0 during transit from ip=192\.0\.2\.6/],
    ['UDP to a closed port', '-2 -p 81', /Port Unreachable from ip=203\.0\.113\.7/],
    ['fragments', '-1 -f -d 64', /icmp_seq=0/],
  ])('hping3 has the answer to %s', async (_what, how, answer) => {
    const { stdout, stderr } = await sh('measurement', `hping3 -n -c 1 ${how} ${WORLD}`);
    expect(stdout + stderr).toMatch(answer);
  });

  it('tcpdump shows all of its own, and nothing of a neighbour or of the node', async () => {
    await begin('measurement', 'tcpdump -n -l -i any icmp');
    await said('measurement', 'listening on');
    await works('other', `ping -n -q -e 1001 -c3 -i0.2 -W2 ${WORLD}`);
    node.inside('busybox', 'ping', '-q', '-c', '3', '-i', '0.2', WORLD);
    world.inside('world', 'busybox', 'ping', '-q', '-c', '3', '-i', '0.2', ONE);
    await works('measurement', `ping -n -q -e 1002 -c2 -i0.2 -W2 ${WORLD}`);
    const seen = await said('measurement', /reply, id 1002, seq 2/);
    const packets = seen.split('\n').filter((line) => line.includes('ICMP'));
    expect(packets.map((line) => / (> \S+: ICMP.*),/.exec(line)?.[1])).toEqual(
      [1, 2].flatMap((n) => [
        `> ${WORLD}: ICMP echo request, id 1002, seq ${n}`,
        `> ${ONE}: ICMP echo reply, id 1002, seq ${n}`,
      ]),
    );
    await works('measurement', 'pkill tcpdump');
  });
});

describe('a sliver of the profile', () => {
  it.each(['standard', 'restricted'])('%s pings and traces, and opens no raw socket', async (name) => {
    expect(await works(name, `ping -n -c1 -W2 ${WORLD}`)).toContain('1 received');
    expect(hops(await works(name, `traceroute -n -q1 -w2 ${WORLD}`))).toEqual(HOPS);
    for (const command of [`nmap -n -sS -p 81 ${WORLD}`, 'tcpdump -c1 -i eth0', `hping3 -c 1 -1 ${WORLD}`])
      expect((await sh(name, command)).stderr, command).toMatch(/not permitted|permission/i);
  });

  it('routing has routers, tunnels and filters of its own', async () => {
    await works(
      'routing',
      `set -e; ip netns add lab; ip link add lab0 type veth peer eth0 netns lab; ip tuntap add dev t0 mode tun
       ip address add 10.9.9.1/24 dev lab0; ip link set lab0 up; ip address add 10.8.8.1/24 dev t0; ip link set t0 up
       ip -n lab address add 10.9.9.2/24 dev eth0; ip -n lab link set eth0 up; ip -n lab route add default via 10.9.9.1
       nft 'table ip mine { counter seen { }; chain post { type nat hook postrouting priority 100;
         oifname eth0 counter name seen masquerade; }; }'`,
    );
    expect(await works('routing', `ip netns exec lab ping -n -c1 -W2 ${WORLD}`)).toContain('1 received');
    expect(hops(await works('routing', `ip netns exec lab traceroute -n -q1 -w2 ${WORLD}`))).toEqual([
      '10.9.9.1',
      ...HOPS,
    ]);
    expect(await works('routing', 'nft list counter ip mine seen')).not.toContain('packets 0');
    // It is the sliver's own, and nobody else has it.
    expect(node.inside('nft', 'list', 'tables')).not.toContain('mine');
    expect((await sh('other', 'ip link')).stdout).not.toMatch(/lab0|t0:/);
  });
});

describe('two name servers that want port 53', () => {
  const dnsmasq = 'dnsmasq -k -u root --no-resolv --no-hosts --address=/which.test/192.0.2.101';
  const unbound = 'unbound -d -c /tmp/unbound.conf';
  const ask = (how: string) => works('measurement', `dig +short +tries=1 ${how} @${ONE} which.test`);
  const fromWorld = () => world.inside('world', 'sh', '-c', `busybox nslookup which.test ${ONE} || true`);

  it('are served first come, first served, and the other takes over', async () => {
    await works(
      'other',
      `cat > /tmp/unbound.conf << 'END'
server:
  interface: 0.0.0.0
  access-control: 0.0.0.0/0 allow
  chroot: ""
  username: ""
  use-syslog: no
  pidfile: ""
  local-zone: "test." static
  local-data: "which.test. A 192.0.2.102"
END`,
    );
    await begin('standard', dnsmasq);
    await until(
      async () => (await sh('measurement', `dig +time=1 +tries=1 @${ONE} which.test`)).exitCode === 0,
      'dnsmasq',
    );
    for (const how of ['+notcp', '+tcp']) expect(await ask(how)).toBe('192.0.2.101\n');
    expect(fromWorld()).toContain('192.0.2.101');
    const loser = await sh('other', unbound);
    expect([loser.exitCode, loser.stderr]).toEqual([1, expect.stringMatching(/address already in use/i)]);
    await works('standard', 'pkill dnsmasq; while pgrep dnsmasq; do sleep 0.1; done');
    await begin('other', unbound);
    await said('other', 'start of service');
    for (const how of ['+notcp', '+tcp']) expect(await ask(how)).toBe('192.0.2.102\n');
    expect(fromWorld()).toContain('192.0.2.102');
    const late = await sh('standard', dnsmasq);
    expect([late.exitCode, late.stderr]).toEqual([2, expect.stringMatching(/address already in use/i)]);
    await works('other', 'pkill unbound');
  });
});

describe('a distributed hash table', () => {
  const others: TestNode[] = [];
  afterAll(async () => {
    await Promise.all(others.map((other) => other.stop()));
  });

  it('has members in slivers of three nodes, and two on one', async () => {
    const listed = await works('standard', 'ldd /usr/bin/dhtnode');
    const archive = await networkImageTar();
    const start = async (address: string) => {
      const other = await TestNode.start('', {}, (pid) => world.connect(pid, address));
      others.push(other);
      await image(other, 'dht', dhtImageDirectory(archive, listed));
      await other.ok('POST', '/v1/slivers', { name: 'p_peer', image: 'dht' });
      return other;
    };
    const [two, three] = await Promise.all([start(TWO), start(THREE)]);
    const join = async (name: string, port: number, bootstrap: string, on: TestNode) => {
      await works(name, "mkfifo /tmp/in; sh -c 'sleep 1000 > /tmp/in' > /dev/null 2>&1 &", on);
      await begin(name, `dhtnode -p ${port} ${bootstrap} < /tmp/in`, on);
      await said(name, 'running on port', on);
    };
    await join('standard', 4222, '', node);
    await join('measurement', 4223, `-b ${ONE}:4222`, node);
    await join('peer', 4222, `-b ${ONE}:4223`, two);
    await join('peer', 4222, `-b ${TWO}:4222`, three);
    const tell = (name: string, line: string, on: TestNode) => works(name, `echo '${line}' > /tmp/in`, on);
    await tell('peer', 'p key from-the-third', three);
    await said('peer', /Put: success/i, three);
    for (const [name, on] of [
      ['standard', node],
      ['measurement', node],
      ['peer', two],
    ] as const)
      await until(async () => {
        await tell(name, 'g key', on);
        return (await sh(name, 'cat /tmp/out', on)).stdout.includes('from-the-third');
      }, `${name} to find it`);
  });
});

/** Packets that the node's kernel dropped since their connection would have been another's. */
const clashes = () =>
  [...node.inside('conntrack', '-S').matchAll(/insert_failed=(\d+)/g)].reduce(
    (sum, [, n]) => sum + Number(n),
    0,
  );

describe(`${TRACERS} slivers that trace a route at once`, () => {
  it('see what the node sees, and each exactly its own replies', async () => {
    await image(node, 'small', smallImageDirectory());
    const names = Array.from({ length: TRACERS }, (_, n) => `p_t${n}`);
    const queue = [...names];
    const make = async () => {
      for (let name = queue.shift(); name; name = queue.shift())
        await node.ok('POST', '/v1/slivers', {
          name,
          image: 'small',
          profile: 'measurement',
          rspec: { 'disk.bytes': 64 << 20 },
        });
    };
    await Promise.all([make(), make(), make()]);
    const trace = (six: string, to: string) => `busybox traceroute${six} -n -q 1 -w 5 ${to} 2> /dev/null`;
    const traced = `${trace('', WORLD)}; ${trace('6', World.address6)}`;
    const own = hops(node.inside('sh', '-c', traced));
    expect(own).toEqual([...HOPS, ...HOPS6]);
    const before = clashes();
    const traces = await Promise.all(
      names.map(async (name) => {
        const script = `${traced}; ping -q -c 2 ${WORLD} > /dev/null; grep ^Icmp: /proc/net/snmp
          grep -E '^Icmp6In(DestUnreachs|TimeExcds) ' /proc/net/snmp6`;
        const { stdout } = await node.exec(name, 'sh', '-c', script);
        const counted = (pattern: RegExp) => pattern.exec(stdout)?.[1]?.split(' ').map(Number) ?? [];
        const icmp = counted(/^Icmp: (\d[\d ]*)$/m);
        const of6 = (what: string) => counted(new RegExp(`^Icmp6In${what}\\s+(\\d+)`, 'm'))[0];
        return {
          hops: hops(stdout),
          icmp: [0, 3, 4, 9].map((field) => icmp[field]),
          icmp6: [of6('DestUnreachs'), of6('TimeExcds')],
        };
      }),
    );
    // Messages that came in, and of them: unreachable, time exceeded, echo replies. (Of IPv6 neighbours have theirs, too.)
    // All ask by the same number at once: when two processors make two of these one, the kernel drops one, and says so.
    const replies = traces.map(({ icmp }) => icmp[3] ?? 0);
    for (const [index, seen] of traces.entries()) {
      const rest = { hops: own, icmp6: [1, 3] };
      expect(seen).toEqual({ ...rest, icmp: [4 + (replies[index] ?? 0), 1, 3, replies[index]] });
    }
    expect(Math.max(...replies)).toBe(2);
    const lost = replies.reduce((sum, got) => sum + 2 - got, 0);
    expect(lost).toBeLessThanOrEqual(clashes() - before);
  });
});
