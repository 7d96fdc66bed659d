import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { request, TestNode, until } from './harness.ts';
import { importSmallImage } from './image.ts';
import { lasting } from './ruleset.ts';
import { World } from './world.ts';

// A whole node on a network of its own, its slivers, and a host outside: what a slice user sees of a shared address.
const ADDRESS = '198.51.100.10';
let world: World;
let node: TestNode;

beforeAll(async () => {
  world = new World();
  node = await TestNode.start('', {}, (pid) => world.connect(pid, ADDRESS));
  await importSmallImage(node);
  await node.ok('POST', '/v1/slivers', { name: 'a_one', image: 'small', profile: 'routing' });
  await node.ok('POST', '/v1/slivers', { name: 'a_two', image: 'small', profile: 'measurement' });
});

afterAll(async () => {
  await node?.stop().finally(() => world.stop());
});

const sh = (name: string, script: string) => node.exec(name, 'sh', '-c', script);

describe('a sliver', () => {
  it("has the node's public address on its own eth0, and an internal one", async () => {
    const { stdout } = await sh('a_one', 'ip -4 addr show eth0; ip route');
    expect(stdout).toContain(`inet ${ADDRESS}/32`);
    expect(stdout).toMatch(/inet 100\.64\.0\.\d+\/32/);
    expect(stdout).toMatch(/^default via 169\.254\.1\.1 dev eth0/m);
  });

  it('reaches the world at once, from the public address', async () => {
    const { stdout, exitCode } = await sh('a_one', `ping -c 2 -W 2 ${World.address}`);
    expect(exitCode, stdout).toBe(0);
    const server = world.spawn(
      'busybox',
      'nc',
      '-l',
      '-p',
      '7000',
      '-e',
      'sh',
      '-c',
      'cat /proc/net/tcp /proc/net/tcp6',
    );
    await node.exec('a_one', 'sleep', '0.2');
    const seen = await sh('a_one', `echo | nc -w 2 ${World.address} 7000`);
    server.kill('SIGKILL');
    // The outside host's table of connections, by itself: its peer is 198.51.100.10 (in hexadecimal, backwards).
    expect(seen.stdout).toContain('0A6433C6:');
  });

  it('reaches its neighbour by the internal address', async () => {
    const { stdout: other } = await sh('a_two', "ip -4 addr show eth0 | grep -o '100\\.64\\.[0-9.]*'");
    expect((await sh('a_one', `ping -c 1 -W 2 ${other.trim()}`)).exitCode).toBe(0);
  });

  it('sends nothing from an address that is not its own', async () => {
    const spoofed = async () =>
      (await node.ok('GET', '/v1/slivers/a_one/usage')).network.refused.spoofed as number;
    const before = await spoofed();
    await sh(
      'a_one',
      `ip addr add 198.51.100.99/32 dev lo; ping -c 2 -W 1 -I 198.51.100.99 ${World.address}`,
    );
    expect(await spoofed()).toBe(before + 2);
  });
});

describe('ports', () => {
  const serve = (name: string, port: number) =>
    sh(name, `nc -l -p ${port} -e echo 'from ${name}' > /dev/null 2>&1 &`);
  const owners = async () =>
    (await node.ok('GET', '/v1/ports')).items.map(
      (one: { protocol: string; port: number; sliver: string; by: string }) =>
        [`${one.port}/${one.protocol}`, one.sliver ?? 'the node', one.by].join(' '),
    );

  it('reach the sliver that listens, as soon as it does, and belong to nobody else', async () => {
    await serve('a_one', 8080);
    await until(async () => (await owners()).includes('8080/tcp a_one bind'), 'the claim');
    const second = await sh('a_two', 'nc -l -p 8080');
    expect(second.exitCode).not.toBe(0);
    expect(second.stderr).toMatch(/in use/i);
    expect(world.inside('world', 'busybox', 'nc', '-w', '3', ADDRESS, '8080')).toBe('from a_one\n');
    await until(async () => (await owners()).length === 0, 'the port to be free again');
    await serve('a_two', 8080);
    await until(async () => (await owners()).includes('8080/tcp a_two bind'), 'the claim');
    expect(world.inside('world', 'busybox', 'nc', '-w', '3', ADDRESS, '8080')).toBe('from a_two\n');
  });

  it('are reached by what has just as many hops left as lead to the node', async () => {
    await serve('a_one', 8081);
    await until(async () => (await owners()).includes('8081/tcp a_one bind'), 'the claim');
    const connect = (hops: number) => `import socket
s = socket.socket()
s.settimeout(5)
s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ${hops})
s.connect(('${ADDRESS}', 8081))
print(s.recv(99).decode(), end='')`;
    expect(() => world.inside('world', 'python3', '-c', connect(3))).toThrow();
    expect(world.inside('world', 'python3', '-c', connect(4))).toBe('from a_one\n');
  });

  it('tell who was denied what, and whose it is', async () => {
    const { items } = await node.ok('GET', '/v1/events?subject=a_two&limit=1000');
    expect(items).toContainEqual(
      expect.objectContaining({
        type: 'port.denied',
        data: expect.objectContaining({ protocol: 'tcp', port: 8080, owner: 'a_one' }),
      }),
    );
  });

  it('are held by a reservation, over restarts of the daemon, and go with their sliver', async () => {
    await node.ok('POST', '/v1/ports', { sliver: 'a_one', protocol: 'tcp', port: 53 });
    expect((await sh('a_two', 'nc -l -p 53')).stderr).toMatch(/in use/i);
    const taken = await node.request('POST', '/v1/ports', { sliver: 'a_two', protocol: 'tcp', port: 53 });
    expect([taken.status, taken.body.usedBy]).toEqual([409, ['a_one']]);
    await node.kill();
    await node.launch();
    expect(await owners()).toContain('53/tcp a_one reservation');
    await node.ok('DELETE', '/v1/ports/tcp/53');
    expect(await owners()).toEqual([]);
    expect((await node.request('DELETE', '/v1/ports/tcp/53')).status).toBe(404);
    await node.ok('POST', '/v1/slivers', { name: 'a_three', image: 'small' });
    await node.ok('POST', '/v1/ports', { sliver: 'a_three', protocol: '47', port: 0 });
    await node.ok('DELETE', '/v1/slivers/a_three');
    expect(await owners()).toEqual([]);
  });

  it('are held and let go by the slices themselves, each its own, and 64 at most', async () => {
    const as = (id: number, method: string, path: string, body?: unknown) =>
      request(`${node.run}/slivers/${id}/inside/manager.sock`, method, path, body);
    const hold = (id: number, sliver: string, port: number) =>
      as(id, 'POST', '/v1/ports', { sliver, protocol: 'udp', port });
    expect((await hold(1, 'a_one', 5301)).status).toBe(201);
    expect(await owners()).toContain('5301/udp a_one reservation');
    // Whose it is is how two settle; everything else of another is as if it weren't.
    expect(await hold(2, 'a_two', 5301)).toMatchObject({ status: 409, body: { usedBy: ['a_one'] } });
    expect((await hold(2, 'a_one', 5302)).status).toBe(404);
    expect((await as(2, 'DELETE', '/v1/ports/udp/5301')).body.detail).toBe('udp/5301 is not reserved');
    expect((await as(2, 'GET', '/v1/ports')).body.items).toEqual([]);
    expect((await as(2, 'GET', '/v1/ports?sliver=a_one')).status).toBe(404);
    expect((await as(2, 'POST', '/v1/ports/udp/5301/revoke')).status).toBe(403);
    for (let port = 5302; port < 5301 + 64; port++) expect((await hold(1, 'a_one', port)).status).toBe(201);
    expect(await hold(1, 'a_one', 6000)).toMatchObject({ status: 507, body: { code: 'no-capacity' } });
    for (let port = 5301; port < 5301 + 62; port++)
      expect((await as(1, 'DELETE', `/v1/ports/udp/${port}`)).status).toBe(204);
    // What a slice may change so often is the administrator's to change at any time.
    for (const port of [5363, 5364]) await node.ok('DELETE', `/v1/ports/udp/${port}`);
    expect(await owners()).toEqual([]);
  });

  it('are taken from a squatter, who is told', async () => {
    await sh('a_two', 'nc -ll -p 9090 -e true > /dev/null 2>&1 &');
    await until(async () => (await owners()).includes('9090/tcp a_two bind'), 'the claim');
    const { revoked } = await node.ok('POST', '/v1/ports/tcp/9090/revoke');
    expect(revoked).toMatchObject({ sliver: 'a_two', by: 'bind' });
    await until(async () => (await owners()).length === 0, 'the port to be free');
    expect((await node.ok('GET', '/v1/events?subject=a_two&limit=1000')).items.at(-1).type).toBe(
      'port.revoked',
    );
  });

  it("are not taken from the node's own services", async () => {
    const server = node.spawn('busybox', 'nc', '-ll', '-p', '2222', '-e', 'echo', 'the node');
    try {
      await until(async () => (await owners()).includes('2222/tcp the node node'), "the node's own port");
      expect((await sh('a_two', 'nc -l -p 2222')).stderr).toMatch(/in use/i);
      expect(
        (await node.request('POST', '/v1/ports', { sliver: 'a_one', protocol: 'tcp', port: 2222 })).body
          .usedBy,
      ).toEqual(['the node']);
      expect(world.inside('world', 'busybox', 'nc', '-w', '3', ADDRESS, '2222')).toBe('the node\n');
      expect((await sh('a_two', `nc -w 3 ${ADDRESS} 2222`)).stdout).toBe('the node\n');
    } finally {
      server.kill('SIGKILL');
    }
    await until(
      async () => !(await owners()).some((line: string) => line.startsWith('2222/tcp')),
      'it to be free',
    );
  });

  it('are arbitrated again when somebody detaches the programs', async () => {
    const attached = () => node.inside('bpftool', 'cgroup', 'show', `/sys/fs/cgroup${node.cgroup}`);
    const before = attached();
    expect(before).toMatch(/post_bind/);
    const [, id, type] = /^(\d+)\s+(\S*bind4?\S*)/m.exec(before) ?? [];
    node.inside('bpftool', 'cgroup', 'detach', `/sys/fs/cgroup${node.cgroup}`, type ?? '', 'id', id ?? '');
    await until(
      () => attached().split('\n').length === before.split('\n').length,
      'the program to be attached again',
    );
  });

  it('are claimed across restarts of the daemon by who held them', async () => {
    await sh('a_one', 'nc -ll -p 7777 -e echo still > /dev/null 2>&1 &');
    await until(async () => (await owners()).includes('7777/tcp a_one bind'), 'the claim');
    await node.kill();
    expect(world.inside('world', 'busybox', 'nc', '-w', '3', ADDRESS, '7777')).toBe('still\n');
    expect((await node.launch(), await owners())).toEqual(['7777/tcp a_one bind']);
    expect((await sh('a_two', 'nc -l -p 7777')).stderr).toMatch(/in use/i);
    await sh('a_one', 'killall nc');
    await until(async () => (await owners()).length === 0, 'the port to be free');
  });
});

describe('an address that changes', () => {
  const readdress = (from: string, to: string) =>
    node.inside(
      'sh',
      '-c',
      `ip address del ${from}/24 dev eth0; ip address add ${to}/24 dev eth0; ip route replace default via 198.51.100.1`,
    );
  const addresses = async () => (await sh('a_one', 'ip -4 addr show eth0')).stdout;

  it('reaches running slivers, their rules and their way out', async () => {
    const pid = (await node.ok('GET', '/v1/slivers/a_one')).pid;
    readdress(ADDRESS, '198.51.100.77');
    await until(async () => /inet 198\.51\.100\.77\/32/.test(await addresses()), 'the new address');
    await until(async () => !(await addresses()).includes(ADDRESS), 'the old address to go');
    expect((await sh('a_one', `ping -c 1 -W 2 ${World.address}`)).exitCode).toBe(0);
    readdress('198.51.100.77', ADDRESS);
    await until(async () => (await addresses()).includes(ADDRESS), 'the first address again');
    expect((await node.ok('GET', '/v1/slivers/a_one')).pid).toBe(pid);
  });
});

describe('what somebody else takes away', () => {
  const reaches = async () => (await sh('a_one', `ping -c 1 -W 1 ${World.address}`)).exitCode === 0;
  const ruleset = () => lasting(node.inside('nft', '--stateless', 'list', 'ruleset'));

  it.each([
    ['the ruleset', 'nft flush ruleset'],
    ['a rule', 'nft flush chain inet sliverd source'],
    ['a set', 'nft flush set inet sliverd sources'],
    ['the routing rule', 'ip rule del priority 10'],
    ['the place of the local table', 'ip rule add priority 0 lookup local; ip rule del priority 1000'],
    ['the route', 'ip route flush table 100'],
    ['the carrier', 'ip link del slivers0'],
    ["a sliver's link", 'ip link del sv1'],
  ])('%s is back soon', async (_what, command) => {
    const [before, rules] = [ruleset(), node.inside('ip', 'rule')];
    node.inside('sh', '-c', command);
    await until(
      () =>
        ruleset() === before &&
        node.inside('ip', 'rule') === rules &&
        node.inside('ip', 'route', 'show', 'table', '100').startsWith('default dev slivers0'),
      'what was there before',
    );
    await until(reaches, 'the world to be reached');
  });

  it("leaves other people's tables alone", () => {
    node.inside('nft', 'add table inet other; add chain inet other mine; add rule inet other mine accept');
    node.inside('nft', 'flush', 'table', 'inet', 'sliverd');
    expect(node.inside('nft', 'list', 'table', 'inet', 'other')).toContain('accept');
    node.inside('nft', 'delete', 'table', 'inet', 'other');
  });
});

describe('the node', () => {
  it('keeps its own connections, beside those of its slivers', () => {
    expect(node.inside('busybox', 'ping', '-c', '1', '-W', '2', World.address)).toContain(
      '1 packets received',
    );
    expect(world.inside('world', 'busybox', 'ping', '-c', '1', '-W', '2', ADDRESS)).toContain(
      '1 packets received',
    );
  });

  it('connects a sliver again after a restart, and finds the links after a crash', async () => {
    // A link has a number of its own each time: those that are gone must not fill the programs' map one day.
    const known = () =>
      JSON.parse(node.inside('bpftool', '-j', 'map', 'dump', 'pinned', `${node.run}/bpf/maps/links`)).length;
    const before = known();
    await node.ok('POST', '/v1/slivers/a_two/restart');
    expect(known()).toBe(before);
    expect((await sh('a_two', `ping -c 1 -W 2 ${World.address}`)).exitCode).toBe(0);
    await node.kill();
    expect((await node.launch(), await sh('a_two', `ping -c 1 -W 2 ${World.address}`)).exitCode).toBe(0);
  });

  it('takes everything out of its network when it goes down, and comes back', async () => {
    await node.ok('POST', '/v1/node/down');
    await node.ended();
    expect(node.inside('nft', 'list', 'ruleset').trim()).toBe('');
    expect(node.inside('ip', 'rule')).not.toMatch(/fwmark|1000:/);
    expect(node.inside('ip', '-brief', 'link')).not.toMatch(/^(sv|slivers)/m);
    expect(node.inside('tc', 'qdisc', 'show', 'dev', 'eth0')).not.toMatch(/clsact/);
    expect(node.inside('cat', '/proc/sys/net/ipv4/conf/eth0/forwarding').trim()).toBe('0');
    await node.launch();
    await until(async () => (await node.ok('GET', '/v1/slivers/a_one')).state === 'running', 'a_one to run');
    expect((await sh('a_one', `ping -c 1 -W 2 ${World.address}`)).exitCode).toBe(0);
  });

  it('goes down without its uplink, which somebody unplugged', async () => {
    const other = await TestNode.start('', {}, (pid) => world.connect(pid, '198.51.100.11'));
    other.inside('ip', 'link', 'delete', 'eth0');
    await other.stop();
  });
});
