import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { delegate, publicKeyOf } from '../../daemon/resources/tickets/ticket.ts';
import { type Answer, request, TestNode, until } from './harness.ts';
import { importSmallImage } from './image.ts';
import { Meter } from './rates/meter.ts';
import { World } from './world.ts';

/** Sensors of a node: their columns beside what the kernel says, and who reads them. */
const ADDRESS = '198.51.100.10';
let world: World;
let node: TestNode;
let meter: Meter;
const ids = new Map<string, number>();

beforeAll(async () => {
  world = new World();
  node = await TestNode.start('', {}, (pid) => world.connect(pid, ADDRESS));
  meter = await Meter.start(world.namespace('world'));
  await importSmallImage(node);
  for (const name of ['sen_a', 'sen_b']) {
    const { id } = await node.ok('POST', '/v1/slivers', { name, image: 'small', profile: 'measurement' });
    ids.set(name, id);
  }
});
afterAll(async () => {
  meter?.stop();
  await node?.stop().finally(() => world.stop());
});

const as = (caller: string, method: string, path: string, body?: unknown): Promise<Answer> =>
  request(`${node.run}/slivers/${ids.get(caller)}/inside/manager.sock`, method, path, body);
const sh = (name: string, script: string) => node.exec(name, 'sh', '-c', script);
/** So many bytes to the outside host. */
const send = (name: string, bytes: number) =>
  sh(name, `head -c ${bytes} /dev/zero | nc -w 2 ${World.address} 7001`);
type Tuple = Record<string, string | number | boolean | null>;
const tuples = async (path: string): Promise<Tuple[]> =>
  (await node.ok('GET', `/v1/sensors/${path}${path.includes('?') ? '&' : '?'}format=json`)).items;
const tuple = async (slice: string): Promise<Tuple> => (await tuples(`slivers?slice=${slice}`))[0] ?? {};
const cgroupFile = (name: string, file: string) => {
  const path = `/sys/fs/cgroup${node.cgroup}/s${ids.get(name)}/${file}`;
  const { status, stdout } = node.attempt('', 'cat', path);
  return status === 0 ? stdout.trim() : undefined;
};
const counterOf = (name: string, file: string, key: string) =>
  Number(new RegExp(`^${key} ([0-9]+)`, 'm').exec(cgroupFile(name, file) ?? '')?.[1]);
/** Another reading than those before: made after this was called. */
const fresh = async (slice: string): Promise<Tuple> => {
  const now = Date.now();
  let found: Tuple = {};
  await until(async () => {
    const answer = await node.ok('GET', `/v1/sensors/slivers?format=json&slice=${slice}`);
    found = answer.items[0];
    return Date.parse(answer.readAt) >= now;
  }, 'a new reading');
  return found;
};

describe('the list', () => {
  it('tells each with its columns, which are those of its CSV', async () => {
    const { items } = await node.ok('GET', '/v1/sensors');
    const names = items.map(({ name }: { name: string }) => name);
    expect(names).toEqual(['node', 'slivers', 'leases', 'ports', 'images', 'clock']);
    for (const { name, columns, author, maxAge } of items) {
      const { body, headers } = await node.request('GET', `/v1/sensors/${name}`);
      const [header] = String(body).split('\r\n');
      expect(header?.split(',')).toEqual(columns.map((column: { name: string }) => column.name));
      expect(author).toBeNull();
      expect(headers).toMatchObject({
        'content-type': 'text/csv; charset=utf-8; header=present',
        'cache-control': `max-age=${maxAge}`,
        'x-sensor-author': 'node',
      });
      expect(Number(headers.age)).toBeLessThanOrEqual(maxAge);
    }
  });
});

describe('a question', () => {
  it('is answered in JSON or CSV, as it says', async () => {
    const type = async (query: string, accept?: string) =>
      (await node.request('GET', `/v1/sensors/node${query}`, undefined, accept ? { accept } : {})).headers[
        'content-type'
      ];
    expect(await type('')).toMatch(/^text\/csv/);
    expect(await type('', '*/*')).toMatch(/^text\/csv/);
    expect(await type('', 'application/json')).toMatch(/^application\/json/);
    expect(await type('', 'text/csv, application/json')).toMatch(/^text\/csv/);
    expect(await type('?format=json', 'text/csv')).toMatch(/^application\/json/);
    expect(await type('?format=csv', 'application/json')).toMatch(/^text\/csv/);
    expect((await node.request('GET', '/v1/sensors/node?format=xml')).status).toBe(400);
  });

  it('picks rows by columns, and is told those when it names another', async () => {
    expect((await tuples('slivers?slice=sen_a')).map(({ slice }) => slice)).toEqual(['sen_a']);
    expect(await tuples('slivers?slice=sen_a&slice=sen_b&state=running')).toHaveLength(2);
    expect(await tuples('slivers?slice=sen_a&state=stopped')).toEqual([]);
    const { status, body } = await node.request('GET', '/v1/sensors/slivers?sliver=sen_a');
    expect([status, body.code]).toEqual([400, 'bad-request']);
    expect(body.detail).toMatch(/no column 'sliver' \(columns: slice, id, state/);
    expect((await node.request('GET', '/v1/sensors/sliver')).status).toBe(404);
  });

  it('that many ask at once is one reading', async () => {
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => node.ok('GET', '/v1/sensors/slivers?format=json')),
    );
    expect(new Set(answers.map(({ readAt }) => readAt)).size).toBe(1);
  });
});

describe('the sensor', () => {
  it('node is as the kernel says', async () => {
    const [found] = await tuples('node');
    expect(found).toMatchObject({ name: 'test', kernel: release(), version: expect.stringMatching(/^\d/) });
    expect(String(found?.addresses).split(' ')).toContain(ADDRESS);
    const total = Number(/MemTotal: +(\d+)/.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]) * 1024;
    expect(found?.memory_bytes).toBe(total);
    expect(found?.memory_available_bytes).toBeLessThan(total);
    expect(found?.uptime_seconds).toBeLessThanOrEqual(
      Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]),
    );
    for (const one of ['load_1m', 'cpu_some_percent', 'io_full_percent'])
      expect(found?.[one]).toBeTypeOf('number');
  });

  it('slivers has processor time, processes and memory as their cgroups have', async () => {
    await sh(
      'sen_a',
      'for i in $(seq 30000); do :; done; sleep 1000 > /dev/null 2>&1 & sleep 1000 > /dev/null 2>&1 &',
    );
    const before = counterOf('sen_a', 'cpu.stat', 'usage_usec') / 1e6;
    const found = await fresh('sen_a');
    const after = counterOf('sen_a', 'cpu.stat', 'usage_usec') / 1e6;
    expect(found).toMatchObject({ slice: 'sen_a', id: ids.get('sen_a'), state: 'running' });
    expect(found.cpu_seconds).toBeGreaterThanOrEqual(before);
    expect(found.cpu_seconds).toBeLessThanOrEqual(after);
    // Where another hierarchy has a controller, nobody knows, and nothing is made up.
    const processes = cgroupFile('sen_a', 'pids.current');
    expect(found.processes).toBe(processes === undefined ? null : Number(processes));
    const pressure = /^some avg10=([0-9.]+)/.exec(cgroupFile('sen_a', 'memory.pressure') ?? '')?.[1];
    expect(found.memory_some_percent).toBe(pressure === undefined ? null : Number(pressure));
    const memory = cgroupFile('sen_a', 'memory.current');
    if (memory === undefined) expect([found.memory_bytes, found.resident_bytes]).toEqual([null, null]);
    else {
      expect(Number(found.memory_bytes) / Number(memory)).toBeCloseTo(1, 0);
      expect(found.resident_bytes).toBeLessThanOrEqual(Number(found.memory_bytes));
    }
  });

  it('slivers has what they sent and got, at which rates, and what was refused', async () => {
    await send('sen_a', 2_000_000);
    await sh('sen_a', `nc -w 1 ${World.address} 25 < /dev/null`);
    let found: Tuple = {};
    await until(async () => {
      found = await fresh('sen_a');
      return Number(found.refused_owner) > 0 && Number(found.up_bps_1m) > 0;
    }, 'what was counted');
    const { network } = await node.ok('GET', '/v1/slivers/sen_a/usage');
    expect(found.up_bytes).toBe(network.bytes.up);
    expect(found.down_bytes).toBe(network.bytes.down);
    expect(found.up_bytes).toBeGreaterThan(2_000_000);
    expect(found.refused_owner).toBe(network.refused.owner);
    // All within the last minute, which is all that is known: the windows agree.
    expect(Number(found.up_bps_15m)).toBeGreaterThan((2_000_000 * 8) / 1000);
    expect(found.up_bps_15m).toBe(found.up_bps_5m);
    const other = await tuple('sen_b');
    expect([other.up_bytes, other.refused_owner]).toEqual([0, 0]);
  });

  it('slivers has what a day slows one to, and ports whose they are', async () => {
    await node.ok('PATCH', '/v1/slivers/sen_b', {
      rspec: { 'net.up.day.bytes': 2 ** 20, 'net.up.max': 10_000_000 },
    });
    await node.ok('POST', '/v1/ports', { sliver: 'sen_b', protocol: 'udp', port: 5353 });
    // What is slowed amid it takes minutes for the rest.
    await sh('sen_b', `nc ${World.address} 7001 < /dev/zero > /dev/null 2>&1 &`);
    let found: Tuple = {};
    await until(async () => {
      found = await fresh('sen_b');
      return found.up_slowed_bps !== null;
    }, 'its rate to fall');
    const { network } = await node.ok('GET', '/v1/slivers/sen_b/usage');
    expect(Math.abs(Number(found.up_slowed_bps) / network.day.up.slowedTo - 1)).toBeLessThan(0.1);
    expect(found).toMatchObject({ ports: 1, down_slowed_bps: null });
    expect(await tuples('ports?slice=sen_b')).toEqual([
      expect.objectContaining({ protocol: 'udp', port: 5353, by: 'reservation', sockets: 0 }),
    ]);
  });

  it('slivers has one that is stopped, with nothing that it would have if it ran', async () => {
    const { id } = await node.ok('POST', '/v1/slivers', {
      name: 'sen_still',
      image: 'small',
      desired: 'stopped',
    });
    const found = await fresh('sen_still');
    expect(found).toMatchObject({ id, state: 'stopped', cpu_seconds: null, processes: null, up_bytes: null });
    await node.ok('DELETE', '/v1/slivers/sen_still');
  });

  it('leases has what slivers have beyond their own, until when, and not by which ticket', async () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const end = new Date(Date.now() + 3_600_000).toISOString();
    const rspec = { 'pids.max': 7 };
    const { ticket } = await node.ok('POST', '/v1/tickets', {
      to: publicKeyOf(privateKey),
      rspec,
      until: end,
    });
    const { nbf, exp } = JSON.parse(Buffer.from(ticket.split('.')[1], 'base64url').toString());
    const its = await delegate(ticket, privateKey, { rspec, nbf, exp, slice: 'sen_a' });
    const lease = await node.ok('POST', '/v1/leases', { sliver: 'sen_a', ticket: its });
    let found: Tuple[] = [];
    await until(async () => {
      found = await tuples('leases');
      return found.length > 0;
    }, 'it');
    expect(found).toEqual([
      expect.objectContaining({
        slice: 'sen_a',
        state: 'active',
        'pids.max': 7,
        'cpu.max': null,
        until: lease.until,
      }),
    ]);
    expect(JSON.stringify(found)).not.toContain(lease.id);
  });

  it('images has what slivers can be made from, and not where it came from', async () => {
    const [image] = await tuples('images');
    const [{ digest, bytes }] = (await node.ok('GET', '/v1/images')).items;
    expect(image).toMatchObject({ name: 'small', digest, size_bytes: bytes, slivers: 2 });
    expect(image).not.toHaveProperty('source');
  });

  it('clock is as the kernel says', async () => {
    const said = node.inside(
      'python3',
      '-c',
      `import ctypes
b = ctypes.create_string_buffer(208)
print(ctypes.CDLL(None).adjtimex(b), int.from_bytes(b.raw[16:24], 'little', signed=True))`,
    );
    const [state, frequency] = said.trim().split(' ').map(Number);
    const [found] = await tuples('clock');
    expect(found).toMatchObject({ synchronised: state !== 5, steps: 0, last_step: null });
    expect(found?.frequency_ppm).toBeCloseTo((frequency ?? 0) / 65_536, 1);
    expect(found?.max_error_seconds).toBeGreaterThan(0);
  });
});

describe('a slice', () => {
  it('reads all, of others too, but no pid, path or key of anybody', async () => {
    for (const name of ['node', 'slivers', 'leases', 'ports', 'images', 'clock']) {
      const { status, body } = await as('sen_a', 'GET', `/v1/sensors/${name}`);
      expect(status).toBe(200);
      expect(body).not.toMatch(new RegExp(`${node.folder}|${node.cgroup}|${node.daemon?.pid}|ssh-`));
    }
    expect((await as('sen_a', 'GET', '/v1/sensors/slivers')).body).toMatch(/^sen_b,/m);
    expect((await as('sen_a', 'GET', '/metrics')).status).toBe(403);
  });

  it('reads what the owner lets it, and is told why not', async () => {
    node.daemon?.kill('SIGTERM');
    await node.ended();
    node.configure('sensors: { slivers: [sen_b], ports: [], clock: [sen_*] }\n');
    await node.launch();
    await until(
      async () => (await as('sen_a', 'GET', '/v1/self').catch(() => ({ status: 0 }))).status === 200,
      'it',
    );
    const { status, body } = await as('sen_a', 'GET', '/v1/sensors/slivers');
    expect([status, body.code, body.rule]).toEqual([403, 'denied', 'GET /v1/sensors/:sensor slivers']);
    expect(body.detail).toMatch(/owner.*sen_a.*sensors\.slivers of node\.yaml/);
    const names = async (slice: string) =>
      (await as(slice, 'GET', '/v1/sensors')).body.items.map(({ name }: { name: string }) => name);
    expect(await names('sen_a')).toEqual(['node', 'leases', 'images', 'clock']);
    expect(await names('sen_b')).toEqual(['node', 'slivers', 'leases', 'images', 'clock']);
    expect((await as('sen_b', 'GET', '/v1/sensors/slivers')).status).toBe(200);
    expect((await as('sen_b', 'GET', '/v1/sensors/ports')).status).toBe(403);
    expect((await node.request('GET', '/v1/sensors/ports')).status).toBe(200);
    const { items } = await node.ok('GET', '/v1/events?subject=sen_a&limit=9999');
    expect(items.at(-1)).toMatchObject({ type: 'manager.denied', data: { rule: body.rule } });
  });
});

describe('sliverctl', () => {
  const CTL = new URL('../../daemon/cli/main.ts', import.meta.url).pathname;
  const ctl = (...words: string[]) =>
    node.attempt('', process.execPath, CTL, '--socket', `${node.run}/admin.sock`, ...words);

  it('lists sensors, and shows them as a table, CSV and JSON', () => {
    expect(ctl('sensor', 'list').stdout).toMatch(/^slivers +the node +5 s /m);
    expect(ctl('sensor', 'show', 'slivers', '-c', 'id,slice').stdout).toMatch(
      /^id +slice\n +1 +sen_a\n +2 +sen_b\n$/,
    );
    expect(ctl('sensor', 'show', 'ports', 'slice=sen_b').stdout).toMatch(/^protocol +udp\nport +5353\n/);
    const csv = ctl('sensor', 'show', 'ports', 'slice=sen_b', '--csv').stdout;
    expect(csv).toMatch(/^protocol,port,slice,by,since,sockets\r\nudp,5353,sen_b,reservation,[^,]+,0\r\n$/);
    const json = JSON.parse(ctl('--json', 'sensor', 'show', 'images').stdout);
    expect(json).toMatchObject({ name: 'images', items: [{ name: 'small' }] });
  });

  it('says what is wrong', () => {
    expect(ctl('sensor', 'show', 'slivers', 'sliver=x')).toMatchObject({
      status: 2,
      stderr: /no column 'sliver'/,
    });
    expect(ctl('sensor', 'show', 'nothing')).toMatchObject({ status: 3, stderr: /no sensor 'nothing'/ });
    expect(ctl('sensor', 'show', 'slivers', 'slice')).toMatchObject({ status: 2, stderr: /COLUMN=VALUE/ });
  });
});

it('metrics are of the same readings, with a series for each sliver', async () => {
  const { body, headers } = await node.request('GET', '/metrics');
  expect(headers['content-type']).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
  expect(body).toMatch(/# EOF\n$/);
  const cpu = /^sliverd_sliver_cpu_seconds_total\{slice="sen_a"\} ([0-9.]+)$/m.exec(body)?.[1];
  expect(Number(cpu)).toBeCloseTo(Number((await tuple('sen_a')).cpu_seconds), 0);
  const slices = new Set([...String(body).matchAll(/slice="([^"]*)"/g)].map(([, slice]) => slice));
  expect([...slices].toSorted()).toEqual(['sen_a', 'sen_b']);
});
