import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestNode, until } from './harness.ts';
import { importSmallImage } from './image.ts';
import { World } from './world.ts';

// A node whose kernel refuses bpf(2): a seccomp filter sees to it. Ports are had by reservation only.
const ADDRESS = '198.51.100.10';
let world: World;
let node: TestNode;

beforeAll(async () => {
  world = new World();
  const through = ['python3', `${import.meta.dirname}/ports/without-bpf.py`];
  node = await TestNode.start('', {}, (pid) => world.connect(pid, ADDRESS), through);
  await importSmallImage(node);
  for (const name of ['a_one', 'a_two'])
    await node.ok('POST', '/v1/slivers', { name, image: 'small', profile: 'routing' });
});

afterAll(async () => {
  await node?.stop().finally(() => world.stop());
});

/** Tells who connects from where. */
const PEER = `import socket
server = socket.create_server(('', 7000))
print('ready', flush=True)
client, (host, port) = server.accept()
client.sendall(f'{host} {port}'.encode())`;

const sh = (name: string, script: string) => node.exec(name, 'sh', '-c', script);
const serve = (name: string, port: number) =>
  sh(name, `nc -ll -p ${port} -e echo 'from ${name}' > /dev/null 2>&1 &`);
/** What the world is answered at a port; empty when nobody does. */
const asked = (port: number) =>
  world.inside('world', 'sh', '-c', `busybox nc -w 2 ${ADDRESS} ${port} 2> /dev/null || true`);
const reserve = (sliver: string, port: number, protocol = 'tcp') =>
  node.request('POST', '/v1/ports', { sliver, protocol, port });

describe('it is said', () => {
  it('in the status, with the reason and the cost', async () => {
    const { degraded } = await node.ok('GET', '/v1/node');
    expect(degraded).toContainEqual(
      expect.objectContaining({
        what: 'ports of the shared address',
        why: expect.stringMatching(/not permitted/),
        cost: expect.stringMatching(/by reservation only/),
      }),
    );
  });

  it('with the list of ports, by an event, and by the doctor', async () => {
    expect((await node.ok('GET', '/v1/ports')).had).toBe('reservation');
    const { items } = await node.ok('GET', '/v1/events?limit=1000');
    expect(items).toContainEqual(
      expect.objectContaining({
        type: 'node.ports',
        data: { had: 'reservation', why: expect.stringMatching(/not permitted/) },
      }),
    );
    const { findings } = await node.ok('GET', '/v1/node/doctor');
    expect(findings).toContainEqual(expect.objectContaining({ id: 'port-arbitration', ok: false }));
  });
});

describe('a port', () => {
  it('is reached once it is reserved, by its owner alone', async () => {
    await serve('a_one', 8080);
    await serve('a_two', 8080);
    await until(
      async () => /:1F90/.test((await sh('a_one', 'cat /proc/net/tcp /proc/net/tcp6')).stdout),
      'a server',
    );
    expect(asked(8080)).toBe('');
    expect((await reserve('a_one', 8080)).status).toBe(201);
    expect(asked(8080)).toBe('from a_one\n');
    expect((await reserve('a_two', 8080)).body.usedBy).toEqual(['a_one']);
    expect((await node.ok('GET', '/v1/ports')).items).toMatchObject([
      { protocol: 'tcp', port: 8080, sliver: 'a_one', by: 'reservation' },
    ]);
  });

  it('is its owner’s after a restart of the daemon, and after somebody flushed the rules', async () => {
    await node.kill();
    await node.launch();
    expect(asked(8080)).toBe('from a_one\n');
    node.inside('nft', 'flush', 'ruleset');
    await until(() => asked(8080) === 'from a_one\n', 'it to be reached again');
  });

  it('is not sent from by another', async () => {
    const line = `import socket
s = socket.create_connection(('${World.address}', 7000), source_address=('', 8080))
print(s.recv(100).decode())`;
    const server = world.spawn('python3', '-c', PEER);
    await once(server.stdout!, 'data');
    await sh('a_two', 'killall nc');
    const { pid } = await node.ok('GET', '/v1/slivers/a_two');
    const seen = execFileSync('nsenter', [`--net=/proc/${pid}/ns/net`, 'python3', '-c', line], {
      encoding: 'utf8',
    });
    server.kill('SIGKILL');
    const [address, port] = seen.trim().split(' ');
    expect(address).toBe(ADDRESS);
    expect(Number(port)).toBeGreaterThanOrEqual(64512);
  });

  it('is anybody’s once it is released, or its owner deleted', async () => {
    await node.ok('DELETE', '/v1/ports/tcp/8080');
    expect(asked(8080)).toBe('');
    expect((await reserve('a_two', 8080)).status).toBe(201);
    await node.ok('POST', '/v1/ports/tcp/8080/revoke');
    await node.ok('POST', '/v1/slivers', { name: 'a_three', image: 'small' });
    await reserve('a_three', 9000);
    await node.ok('DELETE', '/v1/slivers/a_three');
    expect((await node.ok('GET', '/v1/ports')).items).toEqual([]);
  });

  it('of an IP protocol, which has none, is held alike', async () => {
    expect((await reserve('a_one', 0, '253')).status).toBe(201);
    const { pid } = await node.ok('GET', '/v1/slivers/a_one');
    const program = `import socket
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 253)
print('ready', flush=True)
print(s.recv(100)[20:].decode(), flush=True)`;
    const receiver = spawn('nsenter', [`--net=/proc/${pid}/ns/net`, 'python3', '-c', program]);
    const lines = createInterface({ input: receiver.stdout })[Symbol.asyncIterator]();
    try {
      expect((await lines.next()).value).toBe('ready');
      const send = `import socket
socket.socket(socket.AF_INET, socket.SOCK_RAW, 253).sendto(b'from outside', ('${ADDRESS}', 0))`;
      world.inside('world', 'python3', '-c', send);
      expect((await lines.next()).value).toBe('from outside');
    } finally {
      receiver.kill('SIGKILL');
    }
    await node.ok('DELETE', '/v1/ports/253/0');
  });

  it('that the node sits on is nobody else’s', async () => {
    const server = node.spawn('busybox', 'nc', '-ll', '-p', '2222', '-e', 'echo', 'the node');
    try {
      await until(() => asked(2222) === 'the node\n', 'the server');
      expect((await reserve('a_one', 2222)).body.usedBy).toEqual(['the node']);
      expect((await node.ok('GET', '/v1/ports')).items).toMatchObject([
        { protocol: 'tcp', port: 2222, sliver: null, by: 'node' },
      ]);
    } finally {
      server.kill('SIGKILL');
    }
  });
});

it('slivers reach the world, and send nothing from an address that is not theirs', async () => {
  expect((await sh('a_one', `ping -c 1 -W 2 ${World.address}`)).exitCode).toBe(0);
  const spoofed = async () => (await node.ok('GET', '/v1/slivers/a_one/usage')).network.refused.spoofed;
  const before = await spoofed();
  await sh('a_one', `ip addr add 198.51.100.99/32 dev lo; ping -c 2 -W 1 -I 198.51.100.99 ${World.address}`);
  expect(await spoofed()).toBe(before + 2);
});

it('a sliver has its own address of IPv6 all the same, and sends from no other', async () => {
  const { stdout } = await sh('a_one', 'ip -6 address show dev eth0');
  const own = /inet6 (2\S+)\/128/.exec(stdout)?.[1] ?? '';
  expect(world.inside('world', 'busybox', 'ping', '-6', '-c', '1', '-W', '2', own)).toContain(
    '1 packets received',
  );
  const from = (address: string) => sh('a_one', `ping -6 -c 1 -W 1 -I ${address} ${World.address6}`);
  expect((await from(own)).exitCode).toBe(0);
  await sh('a_one', 'ip -6 address add 2001:db8::99/128 dev lo');
  expect((await from('2001:db8::99')).exitCode).not.toBe(0);
  expect((await node.ok('GET', '/v1/slivers/a_one/usage')).network.refused.spoofed).toBeGreaterThan(0);
});
