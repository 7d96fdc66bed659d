import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { request, TestNode, until } from './harness.ts';
import { importSmallImage } from './image.ts';
import { World } from './world.ts';

// Which slice's a flow was: asked by what somebody outside saw of it.
const CTL = new URL('../../daemon/cli/main.ts', import.meta.url).pathname;
const ADDRESS = '198.51.100.10';
let world: World;
let node: TestNode;

beforeAll(async () => {
  world = new World();
  node = await TestNode.start('', {}, (pid) => world.connect(pid, ADDRESS));
  await importSmallImage(node);
  for (const name of ['a_one', 'a_two'])
    await node.ok('POST', '/v1/slivers', { name, image: 'small', profile: 'measurement' });
});

afterAll(async () => {
  await node?.stop().finally(() => world.stop());
});

const sh = (name: string, script: string) => node.exec(name, 'sh', '-c', script);
const flows = (query: Record<string, string | number>) =>
  node.ok(
    'GET',
    `/v1/flows?${Object.entries(query)
      .map(([key, value]) => `${key}=${value}`)
      .join('&')}`,
  );
/** A sliver knocks at a port of the outside host's. */
const knock = (name: string, port: number) => sh(name, `nc -w 2 ${World.address} ${port} < /dev/null`);
/** The kernel forgets all connections now, as it does when nothing comes for a while. */
const forget = () => node.inside('conntrack', '-F');
const recorder = () => Number(node.inside('cat', `/sys/fs/cgroup${node.cgroup}/flows/cgroup.procs`));

describe('a flow', () => {
  it('is found while it goes on, and when it has ended, by what was seen of it outside', async () => {
    const server = world.spawn('busybox', 'nc', '-l', '-p', '9001');
    const asked = { destination: World.address, destinationPort: 9001, protocol: 'tcp' };
    await sh('a_one', `(sleep 1000 | nc -w 5 ${World.address} 9001) < /dev/null > /dev/null 2>&1 &`);
    await until(async () => (await flows(asked)).items.length > 0, 'the flow');
    const [open] = (await flows(asked)).items;
    expect(open).toMatchObject({
      slice: 'a_one',
      source: { address: ADDRESS },
      destination: { address: World.address, port: 9001 },
      inbound: false,
      end: null,
    });
    expect(open.sent.packets).toBeGreaterThan(0);
    expect(Math.abs(Date.parse(open.start) - Date.now())).toBeLessThan(60_000);
    // However the kernel is asked: by either address, by whose it is, by both.
    for (const also of [
      { source: ADDRESS, destinationPort: 9001 },
      { sliver: 'a_one', destinationPort: 9001 },
      { ...asked, sliver: 'a_one' },
    ])
      expect((await flows(also)).items).toMatchObject([{ slice: 'a_one', start: open.start, end: null }]);
    for (const other of [{ source: World.address }, { ...asked, sliver: 'a_two' }])
      expect((await flows({ destinationPort: 9001, ...other })).items).toEqual([]);
    await sh('a_one', 'killall nc sleep');
    server.kill('SIGKILL');
    forget();
    await until(async () => (await flows(asked)).items[0]?.end, 'its end');
    const [ended, ...more] = (await flows(asked)).items;
    expect(more).toEqual([]);
    expect(ended).toMatchObject({ slice: 'a_one', start: open.start });
    expect(ended.sent.packets).toBeGreaterThanOrEqual(open.sent.packets);
  });

  it('that comes in is of the sliver that it came to', async () => {
    await sh('a_two', 'echo served | nc -l -p 8080 > /dev/null 2>&1 &');
    await until(() => {
      try {
        return world
          .inside('world', 'sh', '-c', `busybox nc -w 2 ${ADDRESS} 8080 < /dev/null`)
          .includes('served');
      } catch {
        return false;
      }
    }, 'the service');
    const asked = { source: World.address, destination: ADDRESS, destinationPort: 8080 };
    for (const also of [asked, { source: World.address }, { destination: ADDRESS }, { sliver: 'a_two' }])
      expect((await flows(also)).items).toMatchObject([{ slice: 'a_two', inbound: true, end: null }]);
    forget();
    await until(
      async () => (await flows(asked)).items.some(({ end }: { end: string | null }) => end),
      'the flow',
    );
    expect((await flows(asked)).items[0]).toMatchObject({ slice: 'a_two', protocol: 'tcp', inbound: true });
  });

  it.each([
    ['icmp', '1', 'inet ', '100\\.64\\.[0-9.]*'],
    ['ipv6-icmp', '58', 'inet6 ', '2001:[0-9a-f:]*'],
  ])('to another sliver is told of both, by %s', async (protocol, number, family, form) => {
    const { stdout } = await sh(
      'a_two',
      `ip addr show eth0 | grep '${family}' | grep -o '${form}' | head -n 1`,
    );
    const ping = await sh('a_one', `ping -c 1 -W 2 ${stdout.trim()}`);
    expect(ping).toMatchObject({ exitCode: 0 });
    const asked = { sliver: 'a_two', protocol };
    const [open] = (await flows(asked)).items;
    expect(open).toMatchObject({ slice: 'a_one', peer: 'a_two', protocol: number, protocolName: protocol });
    expect((await flows({ sliver: 'a_two', protocol: number })).items).toMatchObject([open]);
    // Of ICMP type * 256 + code is the port.
    const echo = protocol === 'icmp' ? 8 : 128;
    expect((await flows({ destinationPort: echo * 256 })).items).toMatchObject([open]);
    expect((await flows({ destinationPort: echo * 256 + 1 })).items).toEqual([]);
    expect(open.end).toBe(null);
    forget();
    await until(async () => (await flows(asked)).items[0]?.end, 'the flow');
    const [found] = (await flows(asked)).items;
    expect(found).toMatchObject({
      slice: 'a_one',
      peer: 'a_two',
      sent: { packets: 1 },
      received: { packets: 1 },
    });
  });

  it('is told to the slices whose it was, the other end by its address alone, and to others never', async () => {
    const ids = { a_one: 1, a_two: 2 };
    const as = (name: keyof typeof ids, query: string) =>
      request(`${node.run}/slivers/${ids[name]}/inside/manager.sock`, 'GET', `/v1/flows?${query}`);
    const { stdout } = await sh(
      'a_two',
      "ip addr show eth0 | grep 'inet ' | grep -o '100\\.64\\.[0-9.]*' | head -n 1",
    );
    await sh('a_one', `ping -c 1 -W 2 ${stdout.trim()}`);
    const [whole] = (await flows({ sliver: 'a_two', protocol: 'icmp' })).items;
    expect(whole).toMatchObject({ slice: 'a_one', peer: 'a_two' });
    const found = async (name: keyof typeof ids) => (await as(name, 'protocol=icmp')).body.items[0];
    expect(await found('a_one')).toMatchObject({ slice: 'a_one', peer: null, source: whole.source });
    expect(await found('a_two')).toMatchObject({
      slice: null,
      peer: 'a_two',
      inside: null,
      source: whole.source,
    });
    const asked = `destination=${World.address}&destinationPort=9001`;
    expect((await as('a_one', asked)).body.items).toHaveLength(1);
    expect((await as('a_two', asked)).body.items).toEqual([]);
    expect((await as('a_one', 'sliver=a_two')).status).toBe(404);
    await node.ok('PATCH', '/v1/slivers/a_two', { roles: [{ role: 'flows' }] });
    expect((await as('a_two', asked)).body.items).toMatchObject([{ slice: 'a_one' }]);
    expect(await found('a_two')).toMatchObject({ slice: 'a_one', peer: 'a_two' });
    await node.ok('PATCH', '/v1/slivers/a_two', { roles: [] });
  });

  it('is still told when its slice is gone, and another does the same', async () => {
    await node.ok('POST', '/v1/slivers', { name: 'b_gone', image: 'small' });
    await knock('b_gone', 9002);
    await node.ok('DELETE', '/v1/slivers/b_gone');
    await node.ok('POST', '/v1/slivers', { name: 'b_next', image: 'small' });
    await knock('b_next', 9002);
    forget();
    const asked = { destination: World.address, destinationPort: 9002 };
    const names = async () => (await flows(asked)).items.map(({ slice }: { slice: string }) => slice).sort();
    await until(async () => (await names()).length === 2, 'both flows');
    expect(await names()).toEqual(['b_gone', 'b_next']);
    await node.ok('DELETE', '/v1/slivers/b_next');
    const at = ['--at', new Date().toISOString(), '--slack', '2m'];
    const words = ['flow', 'find', '--dst', World.address, '--dport', '9002', ...at];
    const told = execFileSync(process.execPath, [CTL, ...words], {
      encoding: 'utf8',
      env: { ...process.env, SLIVERD_SOCKET: `${node.run}/admin.sock`, NO_COLOR: '1' },
    });
    const lines = told.trim().split('\n').slice(1);
    expect(lines.map((line) => line.split(/ +/)[0]).sort()).toEqual(['b_gone', 'b_next']);
    expect((await flows({ ...asked, sliver: 'b_gone' })).items).toHaveLength(1);
    expect((await flows({ ...asked, sliver: 'b_next' })).items).toHaveLength(1);
  });

  it('is found by its address in any form', async () => {
    const asked = { destination: `::ffff:${World.address}`, destinationPort: 9001 };
    expect((await flows(asked)).items).toHaveLength(1);
  });

  it('is found by its time, and not by another', async () => {
    const at = (offset: number) => new Date(Date.now() + offset).toISOString();
    const asked = { destination: World.address, destinationPort: 9001 };
    expect((await flows({ ...asked, from: at(-3_600_000), to: at(0) })).items).toHaveLength(1);
    expect((await flows({ ...asked, to: at(-3_600_000) })).items).toHaveLength(0);
    expect((await flows({ ...asked, from: at(3_600_000) })).items).toHaveLength(0);
  });
});

describe('the recorder', () => {
  it('goes on while the daemon is replaced', async () => {
    const pid = recorder();
    await node.kill();
    await knockMeanwhile();
    await node.launch();
    expect(recorder()).toBe(pid);
    await until(
      async () => (await flows({ destination: World.address, destinationPort: 9003 })).items.length > 0,
      'the flow',
    );
    expect((await flows({ destinationPort: 9003 })).gaps).toEqual([]);
  });

  it('is begun again when it was killed, and tells when nobody recorded', async () => {
    const pid = recorder();
    process.kill(pid, 'SIGKILL');
    await until(() => {
      try {
        return recorder() > 0 && recorder() !== pid;
      } catch {
        return false;
      }
    }, 'another recorder');
    await until(async () => (await flows({})).gaps.length > 0, 'the gap');
    const [gap] = (await flows({})).gaps;
    expect(gap).toMatchObject({ reason: 'stopped', lost: 0 });
    await knock('a_one', 9004);
    forget();
    await until(async () => (await flows({ destinationPort: 9004 })).items[0]?.end, 'a flow of later');
  });
});

describe('questions', () => {
  it('hold nothing else up, however many there are', async () => {
    const order: string[] = [];
    const ask = async (name: string, answer: Promise<unknown>) => {
      await answer;
      order.push(name);
    };
    const many = Array.from({ length: 100 }, () => ask('flows', flows({ destination: World.address })));
    await Promise.all([...many, ask('slivers', node.ok('GET', '/v1/slivers'))]);
    expect(order).toHaveLength(101);
    expect(order.at(-1)).toBe('flows');
    expect(order.indexOf('slivers')).toBeLessThan(50);
  });

  it('fail with what is wrong with the records, and are answered when that is mended', async () => {
    const broken = `${node.state}/flows/00000000.db`;
    writeFileSync(broken, 'no database at all, which is more than a header is long');
    const asked = '/v1/flows?destination=192.0.2.99';
    const { status, body } = await node.request('GET', asked);
    expect(status).toBe(500);
    expect(JSON.stringify(body)).toMatch(/looking for flows.*not a database/);
    rmSync(broken);
    expect((await node.request('GET', asked)).status).toBe(200);
  });
});

/** What a sliver does is not the daemon's business: its init is asked by itself. */
async function knockMeanwhile(): Promise<void> {
  const init = node.inside('sh', '-c', `cat /sys/fs/cgroup${node.cgroup}/s1/cgroup.procs`).split('\n')[0];
  const script = `busybox nc -w 2 ${World.address} 9003 < /dev/null || true`;
  node.inside('nsenter', `--net=/proc/${init}/ns/net`, '--', 'sh', '-c', script);
  forget();
}

describe('bad questions', () => {
  it.each([
    ['destination=nowhere', /'nowhere' is not an IPv4 or IPv6 address/],
    ['sliver=z_never', /no sliver 'z_never'/],
    ['from=yesterday', /from/],
    ['destinationPort=70000', /destinationPort/],
    ['limit=0', /limit/],
    ['colour=red', /colour/],
  ])('are refused: %s', async (query, why) => {
    const { status, body } = await node.request('GET', `/v1/flows?${query}`);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(JSON.stringify(body)).toMatch(why);
  });
});
