import { execFileSync } from 'node:child_process';
import { appendFileSync, cpSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from './harness.ts';
import { PortWorld, type Program } from './ports/world.ts';

const PUBLIC = '198.51.100.10';
const BUILD = new URL('../../netns/bpf/build', import.meta.url).pathname;
let world: PortWorld;
let one: Program;
let two: Program;

beforeAll(async () => {
  world = await PortWorld.start();
  one = await world.sliver(1);
  two = await world.sliver(2);
  // A cable between the two stands for the node.
  world.within(one, 'ip', 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'eth0', 'netns', `${two.pid}`);
  for (const [index, program] of [one, two].entries()) {
    world.within(program, 'ip', 'addr', 'add', `100.64.0.${index + 1}/10`, 'dev', 'eth0');
    world.within(program, 'ip', 'addr', 'add', `${PUBLIC}/32`, 'dev', 'lo');
    world.within(program, 'ip', 'link', 'set', 'eth0', 'up');
  }
});
afterAll(() => world.stop());

/** The slivers' network namespaces, as `reconcile` is told. */
function running(): [number, string][] {
  return [one, two].map((program, index) => [index + 1, `/proc/${program.pid}/ns/net`]);
}

/** Each test begins and ends with nothing owned. */
async function nothing(): Promise<void> {
  expect(await world.ports()).toEqual([]);
}
beforeEach(nothing);
// What a test that failed still holds would fail all that follow, and bury why.
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') await world.clear([one, two]);
});

/** A sliver is told of one denial in 10 ms (netns/bpf/claims.h): no earlier one hides the next. */
const untold = () => sleep(20);

describe('a port that a sliver binds', () => {
  it.each(['tcp', 'udp'])('%s is refused to another at once, and free again after close', async (kind) => {
    expect(await one.run('opened', 'a', kind, 80)).toBe(80);
    expect(await world.ports()).toEqual([`${kind}/80 1 bind 1`]);
    expect(await two.run('opened', 'a', kind, 80)).toBe('EADDRINUSE');
    await one.run('close', 'a');
    await nothing();
    expect(await two.run('opened', 'a', kind, 80)).toBe(80);
    await two.run('close', 'a');
    await nothing();
  });

  it('is free after kill -9', async () => {
    const short = await world.beside(1, one);
    expect(await short.run('opened', 'a', 'tcp', 80)).toBe(80);
    expect(await short.run('opened', 'b', 'udp', 53)).toBe(53);
    expect(await world.ports()).toHaveLength(2);
    await short.kill();
    await until(async () => (await world.ports()).length === 0, 'the ports to be free');
  });

  it('is held until the last process that has the socket lets go of it', async () => {
    await one.run('opened', 'a', 'tcp', 80);
    const child = await one.run('fork', 'a');
    await one.run('close', 'a');
    expect(await world.ports()).toEqual(['tcp/80 1 bind 1']);
    expect(await two.run('opened', 'a', 'tcp', 80)).toBe('EADDRINUSE');
    await one.run('kill', child);
    await nothing();
  });

  it('is held until the last of the sockets that share it is closed', async () => {
    const shared = ['', 4, ['SO_REUSEPORT']];
    for (const name of ['a', 'b', 'c']) expect(await one.run('opened', name, 'udp', 53, ...shared)).toBe(53);
    expect(await world.ports()).toEqual(['udp/53 1 bind 3']);
    expect(await two.run('opened', 'a', 'udp', 53, ...shared)).toBe('EADDRINUSE');
    for (const name of ['a', 'b', 'c']) await one.run('close', name);
    await nothing();
  });

  it('belongs to TCP or to UDP, not to both', async () => {
    await one.run('opened', 'a', 'tcp', 53);
    expect(await two.run('opened', 'a', 'udp', 53)).toBe(53);
    expect(await world.ports()).toEqual(['tcp/53 1 bind 1', 'udp/53 2 bind 1']);
    await one.run('close', 'a');
    await two.run('close', 'a');
  });

  it('is the same in a cgroup below', async () => {
    const deep = await world.sliver(3, '/app/worker');
    expect(await deep.run('opened', 'a', 'tcp', 80)).toBe(80);
    expect(await world.ports()).toEqual(['tcp/80 3 bind 1']);
    await deep.end();
  });

  it('leaves nothing after a bind that was denied, and the socket may bind another', async () => {
    await one.run('opened', 'a', 'tcp', 80);
    await two.run('make', 'a', 'tcp');
    expect(await two.run('bind', 'a', '', 80)).toBe('EADDRINUSE');
    expect(await two.run('bind', 'a', '', 81)).toBe(81);
    expect(await world.ports()).toEqual(['tcp/80 1 bind 1', 'tcp/81 2 bind 1']);
    await two.run('close', 'a');
    await one.run('close', 'a');
  });
});

describe('what is claimed', () => {
  const cases: [string, string, 4 | 6, string[], boolean][] = [
    ['the wildcard', '', 4, [], true],
    ['the public address', PUBLIC, 4, [], true],
    ['loopback', '127.0.0.1', 4, [], false],
    ['another address of loopback', '127.9.9.9', 4, [], false],
    ['the internal address', '100.64.0.1', 4, [], false],
    ['::, which takes IPv4 too', '::', 6, [], true],
    [':: for IPv6 only', '::', 6, ['v6only'], false],
    ['::1', '::1', 6, [], false],
    ['the public address in an IPv6 socket', `::ffff:${PUBLIC}`, 6, [], true],
    ['loopback in an IPv6 socket', '::ffff:127.0.0.1', 6, [], false],
  ];
  it.each(cases)('%s', async (_, address, family, options, claimed) => {
    for (const kind of ['tcp', 'udp']) {
      expect(await one.run('opened', 'a', kind, 8080, address, family, options)).toBe(8080);
      expect(await world.ports()).toEqual(claimed ? [`${kind}/8080 1 bind 1`] : []);
      expect(await two.run('opened', 'a', kind, 8080)).toBe(claimed ? 'EADDRINUSE' : 8080);
      for (const program of claimed ? [one] : [one, two]) await program.run('close', 'a');
      await nothing();
    }
  });

  it('a port that a datagram socket sends from without a bind, once it sends to others', async () => {
    await one.run('make', 'a', 'udp');
    const port = await one.run('send', 'a', '100.64.0.2', 9);
    expect(await world.ports()).toEqual([`udp/${port} 1 bind 1`]);
    expect(await two.run('opened', 'a', 'udp', port)).toBe('EADDRINUSE');
    await one.run('close', 'a');
    await nothing();
    await one.run('make', 'a', 'udp');
    await one.run('send', 'a', '127.0.0.1', 9);
    await nothing();
    await one.run('close', 'a');
  });

  it('an MPTCP socket, which the kernel binds behind the scenes', async () => {
    expect(await one.run('opened', 'a', 'mptcp', 80)).toBe(80);
    expect(await world.ports()).toEqual(['tcp/80 1 bind 1']);
    expect(await two.run('opened', 'a', 'mptcp', 80)).toBe('EADDRINUSE');
    expect(await world.ledger('reconcile', running())).toEqual([]);
    await one.run('close', 'a');
    await nothing();
    const short = await world.beside(1, one);
    expect(await short.run('opened', 'a', 'mptcp', 80)).toBe(80);
    await short.run('listen', 'a');
    await short.kill();
    await until(async () => (await world.ports()).length === 0, 'the port to be free');
  });

  it('nothing in a network namespace that the sliver made for itself', async () => {
    const nested = await world.program(1, 'unshare --net --');
    expect(await nested.run('opened', 'a', 'tcp', 80)).toBe(80);
    await nothing();
    await nested.end();
  });
});

describe('a bind to port 0', () => {
  beforeAll(async () => {
    await world.ledger('configure', { ephemeral: [40000, 40003] });
    for (const program of [one, two])
      world.within(program, 'sysctl', '-qw', 'net.ipv4.ip_local_port_range=40000 40003');
  });
  afterAll(async () => {
    await world.ledger('configure', {});
    for (const program of [one, two])
      world.within(program, 'sysctl', '-qw', 'net.ipv4.ip_local_port_range=32768 60999');
  });

  it.each(['tcp', 'udp'])(
    '%s gets a port that no other sliver has, nor a socket on loopback',
    async (kind) => {
      expect(await one.run('opened', 'a', kind, 40000)).toBe(40000);
      expect(await one.run('opened', 'b', kind, 40003)).toBe(40003);
      await two.run('opened', 'local', kind, 40001, '127.0.0.1');
      if (kind === 'tcp') await two.run('listen', 'local');
      for (let times = 0; times < 8; times++) {
        expect(await two.run('opened', 'a', kind, 0)).toBe(40002);
        await two.run('close', 'a');
        expect(await two.run('opened', 'a', kind, 0, '::', 6)).toBe(40002);
        await two.run('close', 'a');
      }
      for (const name of ['a', 'b']) await one.run('close', name);
      await two.run('close', 'local');
    },
  );

  it('gets one that none of its own connections has, nor had a moment ago', async () => {
    await world.ledger('configure', { ephemeral: [40000, 40199] });
    world.within(one, 'sysctl', '-qw', 'net.ipv4.ip_local_port_range=40000 40199');
    expect(await one.run('crowd', 60)).toBe(0);
    await nothing();
  });

  it('takes none where the port is to come with the connection', async () => {
    await one.run('make', 'a', 'tcp', 4, ['no_port']);
    expect(await one.run('bind', 'a', PUBLIC, 0)).toBe(0);
    await nothing();
    await one.run('close', 'a');
  });
});

describe('PUBLIC:port of another sliver of the node', () => {
  it.each([
    [4, PUBLIC],
    [6, `::ffff:${PUBLIC}`],
  ])('is reached by TCP and seen as such, IPv%s socket', async (family, address) => {
    await two.run('opened', 'server', 'tcp', 80);
    await two.run('listen', 'server');
    await one.run('make', 'client', 'tcp', family);
    const [, , peer, port] = await one.run('connect', 'client', address, 80);
    expect([peer, port]).toEqual([address, 80]);
    expect(await two.run('accept', 'server')).toBe('100.64.0.1');
    await one.run('close', 'client');
    for (const name of ['server', 'server.accepted']) await two.run('close', name);
  });

  it.each([
    [4, PUBLIC],
    [6, `::ffff:${PUBLIC}`],
  ])('is reached by UDP and answers as such, IPv%s socket', async (family, address) => {
    await two.run('opened', 'server', 'udp', 53);
    await one.run('make', 'client', 'udp', family);
    const port = await one.run('send', 'client', address, 53, 'question');
    expect(await two.run('receive', 'server')).toEqual(['question', '100.64.0.1', port]);
    await two.run('send', 'server', '100.64.0.1', port, 'answer');
    expect(await one.run('receive', 'client')).toEqual(['answer', address, 53]);
    await one.run('close', 'client');
    await two.run('close', 'server');
  });

  it("is the node's where it is the node's, if the node has an address for that", async () => {
    await world.ledger('nodePorts', [{ protocol: 'tcp', port: 22 }]);
    await two.run('opened', 'server', 'tcp', 22, '100.64.0.2'); // stands for the node
    await two.run('listen', 'server');
    await one.run('make', 'client', 'tcp');
    expect(await one.run('connect', 'client', PUBLIC, 22)).toBe('ECONNREFUSED');
    await one.run('close', 'client');
    await world.ledger('configure', { nodeAddress: '100.64.0.2' });
    await one.run('make', 'client', 'tcp');
    expect((await one.run('connect', 'client', PUBLIC, 22)).slice(2)).toEqual([PUBLIC, 22]);
    await world.ledger('configure', {});
    await world.ledger('nodePorts', []);
    await one.run('close', 'client');
    await two.run('close', 'server');
  });

  it('is its own where it is its own, and refused where nobody listens', async () => {
    await one.run('opened', 'server', 'tcp', 80);
    await one.run('listen', 'server');
    await one.run('make', 'client', 'tcp');
    expect((await one.run('connect', 'client', PUBLIC, 80)).slice(2)).toEqual([PUBLIC, 80]);
    expect(await one.run('accept', 'server')).toBe(PUBLIC);
    await one.run('make', 'nobody', 'tcp');
    expect(await one.run('connect', 'nobody', PUBLIC, 81)).toBe('ECONNREFUSED');
    for (const name of ['client', 'nobody', 'server', 'server.accepted']) await one.run('close', name);
  });
});

describe('many at once', () => {
  it('thousands of binds and closes leave nothing behind', async () => {
    const others = await Promise.all([world.beside(1, one), world.beside(1, one), world.beside(2, two)]);
    const done = await Promise.all([
      one.run('churn', 'udp', 53, 5000),
      others[0].run('churn', 'tcp', 80, 5000),
      others[1].run('churn', 'udp', 54, 5000),
      others[2].run('churn', 'tcp', 81, 5000),
    ]);
    expect(done).toEqual([5000, 5000, 5000, 5000]);
    await nothing();
    for (const program of others) await program.end();
  });

  it("a port is one's at a time, however many processors change it", async () => {
    const fights = await world.fight([1, 2], 100_000);
    expect(fights).toEqual([1, 2].map(() => ({ had: 100_000, lost: 0 })));
    await world.ledger('configure', {});
  });
});

describe('reservations', () => {
  it('hold against others and not against the owner', async () => {
    await world.ledger('reserve', 1, 'tcp', 443);
    expect(await world.ports()).toEqual(['tcp/443 1 reservation 0']);
    expect(await two.run('opened', 'a', 'tcp', 443)).toBe('EADDRINUSE');
    expect(await one.run('opened', 'a', 'tcp', 443)).toBe(443);
    expect(await world.ports()).toEqual(['tcp/443 1 reservation 1']);
    await one.run('close', 'a');
    expect(await two.run('opened', 'a', 'tcp', 443)).toBe('EADDRINUSE');
    await world.ledger('release', 1, 'tcp', 443);
    await nothing();
    expect(await two.run('opened', 'a', 'tcp', 443)).toBe(443);
    await two.run('close', 'a');
  });

  it('that end leave the port to the socket that is there', async () => {
    await world.ledger('reserve', 1, 'udp', 53);
    await one.run('opened', 'a', 'udp', 53);
    await world.ledger('release', 1, 'udp', 53);
    expect(await world.ports()).toEqual(['udp/53 1 bind 1']);
    await one.run('close', 'a');
  });

  it("of what is another's are refused, with its owner", async () => {
    await one.run('opened', 'a', 'tcp', 80);
    await expect(world.ledger('reserve', 2, 'tcp', 80)).rejects.toThrow(
      'in-use: reserve tcp/80: it belongs to sliver 1',
    );
    await expect(world.ledger('release', 2, 'tcp', 80)).rejects.toThrow('in-use');
    await one.run('close', 'a');
  });

  it('of IP protocols', async () => {
    await world.ledger('reserve', 1, 47, 0);
    await expect(world.ledger('reserve', 2, 47, 0)).rejects.toThrow('in-use');
    expect(await world.ports()).toEqual(['47/0 1 reservation 0']);
    await world.ledger('release', 1, 47, 0);
    for (const [protocol, port] of [
      [1, 0],
      [6, 0],
      [256, 0],
      [47, 1],
      ['tcp', 0],
      ['udp', 65536],
    ])
      await expect(world.ledger('reserve', 1, protocol, port)).rejects.toThrow('bad-request');
  });
});

describe('the node', () => {
  it('keeps its own ports', async () => {
    await world.ledger('nodePorts', [
      { protocol: 'tcp', port: 22 },
      { protocol: 'udp', port: 123 },
    ]);
    expect(await one.run('opened', 'a', 'tcp', 22)).toBe('EADDRINUSE');
    expect(await one.run('opened', 'a', 'udp', 123)).toBe('EADDRINUSE');
    expect(await one.run('opened', 'a', 'udp', 22)).toBe(22);
    await expect(world.ledger('reserve', 1, 'tcp', 22)).rejects.toThrow('it belongs to the node');
    await expect(world.ledger('revoke', 'tcp', 22)).rejects.toThrow('it belongs to the node');
    await expect(world.ledger('nodePorts', [{ protocol: 'udp', port: 22 }])).rejects.toThrow('sliver 1');
    await one.run('close', 'a');
    await world.ledger('nodePorts', []);
  });

  it('has the ports that its sockets sit on', async () => {
    const own = await world.program(9, 'env');
    await own.run('opened', 'a', 'tcp', 22);
    await own.run('listen', 'a');
    await own.run('opened', 'b', 'udp', 123, '::', 6);
    await own.run('opened', 'c', 'udp', 323, '127.0.0.1');
    await own.run('opened', 'd', 'tcp', 25); // bound, not listening
    const listening = await world.ledger('listening');
    expect(listening).toEqual([
      { protocol: 'tcp', port: 22 },
      { protocol: 'udp', port: 123 },
    ]);
    await world.ledger('nodePorts', listening);
    expect(await one.run('opened', 'a', 'tcp', 22)).toBe('EADDRINUSE');
    await world.ledger('nodePorts', []);
    await own.end();
  });

  it('keeps the ports for remapped flows', async () => {
    expect(await one.run('opened', 'a', 'tcp', 64512)).toBe('EADDRINUSE');
    expect(await one.run('opened', 'a', 'tcp', 64511)).toBe(64511);
    await one.run('close', 'a');
  });
});

describe('a denied bind', () => {
  it('is told, with who asked and who owns it', async () => {
    await untold();
    world.denials.length = 0;
    await one.run('opened', 'a', 'tcp', 80);
    await two.run('opened', 'a', 'tcp', 80);
    await until(() => world.denials.length > 0, 'the denial');
    const denied = await world.ledger('deniedTo', 2);
    expect(world.denials).toMatchObject([
      { sliver: 2, owner: 1, protocol: 'tcp', port: 80, pid: two.pid, program: 'python3', denied },
    ]);
    expect(Math.abs(Date.parse(world.denials[0]!.at) - Date.now())).toBeLessThan(60_000);
    await one.run('close', 'a');
  });

  it('is counted always and told seldom where a program tries in a loop', async () => {
    world.denials.length = 0;
    const before = await world.ledger('deniedTo', 2);
    await one.run('opened', 'a', 'udp', 53);
    expect(await two.run('denied', 'udp', 53, 2000)).toBe(2000);
    expect((await world.ledger('deniedTo', 2)) - before).toBe(2000);
    expect(world.denials.length).toBeLessThan(2000);
    await one.run('close', 'a');
  });
});

describe('without a daemon', () => {
  it.each(['crash', 'close'] as const)('all goes on after its %s, and the next one knows it', async (how) => {
    await one.run('opened', 'a', 'tcp', 80);
    await world.ledger('reserve', 1, 'udp', 53);
    await world.end(how);
    await untold();
    world.denials.length = 0;
    expect(await two.run('opened', 'a', 'tcp', 80)).toBe('EADDRINUSE');
    expect(await two.run('opened', 'b', 'udp', 53)).toBe('EADDRINUSE');
    expect(await two.run('opened', 'c', 'tcp', 81)).toBe(81);
    await world.open();
    expect(await world.ports()).toEqual(['tcp/80 1 bind 1', 'tcp/81 2 bind 1', 'udp/53 1 reservation 0']);
    await until(() => world.denials.length > 0, 'the denial of meanwhile');
    expect(await world.ledger('repair')).toEqual([]);
    await one.run('close', 'a');
    await two.run('close', 'c');
    await world.ledger('release', 1, 'udp', 53);
  });
});

describe('an upgrade', () => {
  it('brings its own programs, and keeps every claim', async () => {
    const objects = `${world.folder}/newer`;
    cpSync(BUILD, objects, { recursive: true });
    appendFileSync(`${objects}/ports.bpf.o`, '\n'); // another file, the same programs
    await one.run('opened', 'a', 'tcp', 80);
    await one.run('opened', 'b', 'udp', 53);
    const attached = world.attached();
    await world.end('crash');
    // A version that lacked a map, and had another, and was killed as it loaded.
    world.inside('rm', `${world.folder}/bpf/maps/peers`);
    world.inside('mkdir', `${world.folder}/bpf/unfinished`);
    const gone = `${world.folder}/bpf/maps/gone`;
    world.inside(...`bpftool map create ${gone} type array key 4 value 4 entries 1 name gone`.split(' '));
    await world.open(objects);
    const now = world.attached();
    expect(now.map(({ name }) => name)).toEqual(attached.map(({ name }) => name));
    for (const { id } of now) expect(attached.map((old) => old.id)).not.toContain(id);
    expect(await world.ports()).toEqual(['tcp/80 1 bind 1', 'udp/53 1 bind 1']);
    expect(await two.run('opened', 'a', 'tcp', 80)).toBe('EADDRINUSE');
    await one.run('close', 'a');
    await one.run('close', 'b');
    await nothing();
    await world.end('crash');
    await world.open();
  });
});

describe('what is taken away outside of the kernel', () => {
  /** Not that of a map that no program uses. */
  const pins = () => world.inside('sh', '-c', `cd ${world.folder}/bpf && find . -type f ! -name gone | sort`);

  it('comes back: the names of programs and maps, and the file system that they are in', async () => {
    await one.run('opened', 'a', 'tcp', 80);
    const before = pins();
    world.inside('sh', '-c', `rm ${world.folder}/bpf/maps/ports ${world.folder}/bpf/*/release`);
    expect(await world.ledger('repair')).toEqual([
      'the name of the map ports',
      'the name of the program release',
    ]);
    world.inside('umount', `${world.folder}/bpf`);
    expect((await world.ledger('repair'))[0]).toBe('the bpf file system');
    expect(pins()).toBe(before);
    expect(await world.ledger('repair')).toEqual([]);
    await one.run('close', 'a');
  });

  it('is found again by a daemon that was not there when it went, and no claim is lost', async () => {
    await one.run('opened', 'a', 'tcp', 80);
    const [before, attached] = [pins(), world.attached().length];
    await world.end('crash');
    world.inside('umount', `${world.folder}/bpf`);
    await world.open();
    expect(pins()).toBe(before);
    expect(world.attached().length).toBe(attached);
    expect(await world.ports()).toEqual(['tcp/80 1 bind 1']);
    expect(await two.run('opened', 'a', 'tcp', 80)).toBe('EADDRINUSE');
    await one.run('close', 'a');
    await nothing();
  });
});

describe('a program that the kernel refuses', () => {
  /** The programs as they are, but one group has one that reads past its context. */
  function refused(group: string): string {
    const objects = `${world.folder}/without-${group}`;
    cpSync(BUILD, objects, { recursive: true });
    const source = `${objects}/refused.c`;
    const program =
      '__attribute__((section("cgroup/bind4"))) int bind4(void *ctx) { return *(volatile int *)(ctx + 4096); }';
    writeFileSync(source, `${program} char LICENSE[] __attribute__((section("license"))) = "GPL";\n`);
    execFileSync('clang', ['-target', 'bpf', '-O2', '-g', '-c', source, '-o', `${objects}/${group}.bpf.o`]);
    return objects;
  }
  const mounted = () => world.inside('cat', '/proc/mounts').includes(`${world.folder}/bpf `);

  it.each(['draw', 'local', 'ghosts'])('of the group %s takes nothing else with it', async (group) => {
    await one.run('opened', 'a', 'tcp', 80);
    await world.end('crash');
    await world.open(refused(group));
    expect(await world.ledger('repair')).toEqual([]);
    expect(await world.ledger('lacking')).toEqual([
      expect.objectContaining({ why: expect.stringMatching(/bpftool|verif|invalid/) }),
    ]);
    expect(await two.run('opened', 'a', 'tcp', 80)).toBe('EADDRINUSE');
    expect(await world.ledger('reconcile', running())).toEqual([]);
    await one.run('close', 'a');
    await nothing();
    await world.end('crash');
    await world.open();
    expect(await world.ledger('lacking')).toEqual([]);
  });

  it('of those that all depends on leaves nothing behind', async () => {
    await world.end('crash');
    await expect(world.open(refused('ports'))).rejects.toThrow(/did not open: loading the BPF programs/);
    expect(world.attached()).toEqual([]);
    expect(mounted()).toBe(false);
    await world.open();
    for (const [id, namespace] of running()) await world.ledger('addSliver', id, namespace);
    await one.run('opened', 'a', 'tcp', 80);
    expect(await two.run('opened', 'a', 'tcp', 80)).toBe('EADDRINUSE');
    await one.run('close', 'a');
    await nothing();
  });
});

describe('sockets that are passed on', () => {
  /** A socket of sliver one, now in the hands of sliver two as well. */
  async function pass(name: string): Promise<void> {
    const path = `${world.folder}/${name}-${Math.random()}`;
    await one.run('offer', path);
    const given = one.run('give', name);
    await two.run('ask', name, path);
    await given;
  }

  it('claim for the sliver that they are in, whoever binds them', async () => {
    await one.run('make', 'a', 'tcp');
    await pass('a');
    await one.run('close', 'a');
    expect(await two.run('bind', 'a', '', 80)).toBe(80);
    expect(await world.ports()).toEqual(['tcp/80 1 bind 1']);
    await two.run('close', 'a');
  });

  it('hold nothing once their sliver is gone, nor take anything from who has it then', async () => {
    const gone = await world.sliver(4);
    const path = `${world.folder}/gone`;
    await gone.run('opened', 'a', 'tcp', 80);
    await gone.run('offer', path);
    const given = gone.run('give', 'a');
    await two.run('ask', 'old', path);
    await given;
    await gone.end();
    expect(await world.ports()).toEqual(['tcp/80 4 bind 1']);
    expect(await world.ledger('removeSliver', 4)).toBe(1);
    await nothing();
    expect(await one.run('opened', 'a', 'tcp', 80)).toBe(80);
    await two.run('close', 'old');
    expect(await world.ports()).toEqual(['tcp/80 1 bind 1']);
    await one.run('close', 'a');
  });
});

describe('ghosts', () => {
  it('are what is left when the programs were taken away; both are put right', async () => {
    await one.run('opened', 'a', 'tcp', 80);
    await one.run('opened', 'b', 'udp', 53, '', 4, ['SO_REUSEPORT']);
    await one.run('opened', 'c', 'udp', 53, '', 4, ['SO_REUSEPORT']);
    world.detach('release');
    await one.run('close', 'a');
    await one.run('close', 'b');
    expect(await world.ports()).toEqual(['tcp/80 1 bind 1', 'udp/53 1 bind 2']);
    expect(await world.ledger('repair')).toEqual(['release']);
    const ghosts = await world.ledger('reconcile', running());
    expect(ghosts).toMatchObject([{ protocol: 'tcp', port: 80, sliver: 1 }]);
    // Too many are said of one that somebody holds: it is left until he is gone.
    expect(await world.ports()).toEqual(['udp/53 1 bind 2']);
    await one.run('close', 'c');
    expect(await world.ledger('reconcile', running())).toMatchObject([{ protocol: 'udp', port: 53 }]);
    await nothing();
    expect(await world.ledger('reconcile', running())).toEqual([]);
  });

  it('are not what a process holds for another, or what was handed on and closed', async () => {
    await one.run('opened', 'a', 'tcp', 80);
    await one.run('listen', 'a');
    const heir = await one.run('fork', 'a');
    await one.run('close', 'a');
    expect(await world.ledger('reconcile', running())).toEqual([]);
    expect(await world.ports()).toEqual(['tcp/80 1 bind 1']);
    await one.run('kill', heir);
    await nothing();
  });

  it("whose socket was in nobody's hands take nothing from who comes after", async () => {
    await one.run('opened', 'a', 'tcp', 80);
    await one.run('hide', 'a'); // in a queue, in no file table
    expect(await world.ledger('reconcile', running())).toMatchObject([{ protocol: 'tcp', port: 80 }]);
    expect(await two.run('opened', 'b', 'tcp', 80)).toBe(80);
    await one.run('unhide', 'a');
    await one.run('close', 'a');
    expect(await world.ports()).toEqual(['tcp/80 2 bind 1']);
    await two.run('close', 'b');
  });

  it('of a sliver that runs no more are dropped, its reservations kept', async () => {
    const gone = await world.sliver(4);
    await gone.run('opened', 'a', 'tcp', 80);
    await world.ledger('reserve', 4, 'tcp', 443);
    expect(await world.ledger('reconcile', running())).toMatchObject([
      { protocol: 'tcp', port: 80, sliver: 4 },
    ]);
    expect(await world.ports()).toEqual(['tcp/443 4 reservation 0']);
    expect(await gone.run('opened', 'b', 'tcp', 443)).toBe(443); // it is nobody now: what it does reaches nobody
    await gone.end();
    await world.ledger('release', 4, 'tcp', 443);
  });
});

describe('revoke', () => {
  it('frees a port, and the sockets on it are gone', async () => {
    await two.run('opened', 'a', 'tcp', 80);
    await two.run('listen', 'a');
    expect(await world.ledger('revoke', 'tcp', 80)).toMatchObject({ sliver: 2, by: 'bind', sockets: 1 });
    await nothing();
    expect(await two.run('accept', 'a')).toBe('EINVAL');
    await two.run('close', 'a');
    await nothing();
  });

  it('gives a port to its heir before anybody else can take it', async () => {
    await two.run('opened', 'a', 'udp', 53);
    await world.ledger('revoke', 'udp', 53, 1);
    expect(await world.ports()).toEqual(['udp/53 1 reservation 0']);
    await two.run('close', 'a');
    expect(await two.run('opened', 'a', 'udp', 53)).toBe('EADDRINUSE');
    expect(await one.run('opened', 'a', 'udp', 53)).toBe(53);
    await one.run('close', 'a');
    expect(await world.ledger('revoke', 'udp', 53)).toMatchObject({
      sliver: 1,
      by: 'reservation',
      sockets: 0,
    });
    expect(await world.ledger('revoke', 'udp', 53)).toBe(null);
  });
});
