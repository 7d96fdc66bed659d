import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestNode, until } from '../harness.ts';
import { World } from '../world.ts';
import { importServicesImage, Service } from './house.ts';

// A DNS multiplexer in one sliver, servers of names in two others, and clients on the host outside.
const ADDRESS = '198.51.100.10';
const CLIENT = new URL('name-client.ts', import.meta.url).pathname;
const SERVFAIL = 2;
let world: World;
let node: TestNode;
let multiplexer: Service;
let p2ps: Service;
let x: Service;
const run = promisify(execFile);

interface Question {
  name: string;
  id?: number;
  tcp?: boolean;
  type?: number;
  raw?: string[];
  wait?: number;
  all?: boolean;
}
/** What came to a host outside for each question, all asked at once. */
async function askFrom(host: 'world' | 'r1', questions: Question[]) {
  const words = ['netns', 'exec', world.namespace(host), process.execPath, CLIENT, ADDRESS];
  const { stdout } = await run('ip', [...words, JSON.stringify(questions)], {
    maxBuffer: 1e8,
    timeout: 100_000,
  });
  return JSON.parse(stdout) as Record<string, unknown>[][];
}
const ask = (...questions: Question[]) => askFrom('world', questions);

beforeAll(async () => {
  world = new World();
  node = await TestNode.start('', {}, (pid) => world.connect(pid, ADDRESS));
  await importServicesImage(node);
  for (const name of ['cmu_dns', 'ucb_p2ps', 'mit_x'])
    await node.ok('POST', '/v1/slivers', { name, image: 'services' });
  multiplexer = new Service(
    node,
    'cmu_dns',
    '/scripts/services/dns-multiplexer.ts',
    '--names',
    '/etc/names.json',
  );
  p2ps = new Service(node, 'ucb_p2ps', '/test/node/services/name-server.ts', '5301', '192.0.2.1');
  x = new Service(node, 'mit_x', '/test/node/services/name-server.ts', '5302', '192.0.2.2');
  await Promise.all([p2ps.start(), x.start()]);
  const names = {
    'p2ps.example': `${ADDRESS}:5301`,
    'x.p2ps.example': `${ADDRESS}:5302`,
    'x.example': `${ADDRESS}:5302`,
  };
  await multiplexer.put('/etc/names.json', JSON.stringify(names));
  await multiplexer.start();
  await Promise.all([p2ps.says(/serves/), x.says(/serves/), multiplexer.says(/3 names on port 53/)]);
}, 180_000);
afterAll(async () => {
  await node?.stop().finally(() => world.stop());
});

describe('a DNS multiplexer', () => {
  it('holds port 53 by the socket, and the next who wants it learns whose it is', async () => {
    const { items } = await node.ok('GET', '/v1/ports?sliver=cmu_dns');
    expect(items).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ protocol: 'udp', port: 53, by: 'reservation' }),
        expect.objectContaining({ protocol: 'tcp', port: 53, by: 'reservation' }),
      ]),
    );
    const other = new Service(node, 'mit_x', '/scripts/services/dns-multiplexer.ts');
    const { stdout, exitCode } = await other.sh(
      'echo {} > /tmp/names; node /scripts/services/dns-multiplexer.ts --names /tmp/names',
    );
    expect({ stdout, exitCode }).toMatchObject({ stdout: expect.stringMatching(/cmu_dns/), exitCode: 1 });
  });

  it('passes queries by the longest suffix, whatever the case, and refuses names of nobody', async () => {
    const [one, two, deeper, upper, none, beside] = await ask(
      ...[{ name: 'www.p2ps.example' }, { name: 'x.example' }, { name: 'a.b.x.p2ps.example' }],
      ...[{ name: 'WwW.P2PS.example' }, { name: 'example' }, { name: 'notp2ps.example' }],
    );
    expect(one).toMatchObject([{ rcode: 0, address: '192.0.2.1', name: 'www.p2ps.example' }]);
    expect(two).toMatchObject([{ rcode: 0, address: '192.0.2.2' }]);
    expect(deeper).toMatchObject([{ rcode: 0, address: '192.0.2.2' }]);
    expect(upper).toMatchObject([{ rcode: 0, address: '192.0.2.1', name: 'WwW.P2PS.example' }]);
    expect([none, beside]).toMatchObject([[{ rcode: 5 }], [{ rcode: 5 }]]);
  });

  it('by TCP too, for what is too long, and no zone to anybody', async () => {
    const big = { name: 'big.p2ps.example' };
    const [cut, whole, zone] = await ask(big, { ...big, tcp: true }, { ...big, tcp: true, type: 252 });
    expect(cut).toMatchObject([{ rcode: 0, isCut: true, address: null }]);
    expect(whole).toMatchObject([{ rcode: 0, address: '192.0.2.1' }]);
    expect(zone).toMatchObject([{ rcode: 4 }]);
  });

  it('gives everybody the answer to its own question, though all have the same id', async () => {
    const names = [...Array(60).keys()].map((n) => `n${n}.${n % 2 ? 'x' : 'p2ps'}.example`);
    const answers = await ask(...names.map((name) => ({ name, id: 4711 })));
    expect(answers).toEqual(
      names.map((name, n) => [{ id: 4711, rcode: 0, name, address: n % 2 ? '192.0.2.2' : '192.0.2.1' }]),
    );
  });

  it('takes no answer of another id or name from a server', async () => {
    const [datagram, stream] = await ask({ name: 'liar.x.example' }, { name: 'liar.x.example', tcp: true });
    expect(datagram).toEqual([{ id: 1, rcode: 0, name: 'liar.x.example', address: '192.0.2.2' }]);
    // Its first message is none.
    expect(stream).toMatchObject([{ rcode: SERVFAIL }]);
  });

  it('keeps no more than 64 queries of one client waiting', async () => {
    const name = Buffer.from('\x06silent\x01x\x07example\0', 'latin1').toString('hex');
    const raw = Array(199).fill(`000101000001000000000000${name}00010001`);
    const [answers = []] = await ask({ name: 'silent.x.example', raw, all: true, wait: 8000 });
    expect(answers.map(({ rcode }) => rcode)).toEqual(Array(64).fill(SERVFAIL));
  });

  it('drops what is no query', async () => {
    const question = '0161076578616d706c6500';
    const raw = [
      ...['', '00', '000101000001000000000000', `00018100000100000000000001610765786d`],
      ...[`000101000000000000000000${question}00010001`, `000101000002000000000000${question}00010001`],
      ...[`000181000001000000000000${question}00010001`, `000101000001000000000000${question}0001`],
      ...['000101000001000000000000c00c00010001', `000101000001000000000000${'3f'.repeat(300)}`],
      'ff'.repeat(1400),
    ];
    expect(await ask({ name: 'a.x.example', raw })).toEqual([
      [{ id: 1, rcode: 0, name: 'a.x.example', address: '192.0.2.2' }],
    ]);
    expect(await ask({ name: 'b.x.example', tcp: true })).toMatchObject([[{ address: '192.0.2.2' }]]);
  });
});

describe('a server that is', () => {
  const mine = { name: 'a.p2ps.example' };
  const others = { name: 'a.x.example' };
  const good = { rcode: 0, address: '192.0.2.2' };

  it('killed fails its own names alone, until it is back', async () => {
    await p2ps.end('KILL');
    for (const tcp of [false, true])
      expect(await ask({ ...mine, tcp }, { ...others, tcp })).toMatchObject([[{ rcode: SERVFAIL }], [good]]);
    await p2ps.start();
    await p2ps.says(/serves[\s\S]*serves/);
    expect(await ask(mine, { ...mine, tcp: true })).toMatchObject([
      [{ address: '192.0.2.1' }],
      [{ address: '192.0.2.1' }],
    ]);
  });

  it('stopped with its sliver does too', async () => {
    await node.ok('POST', '/v1/slivers/ucb_p2ps/stop');
    expect(await ask(mine, others)).toMatchObject([[{ rcode: SERVFAIL }], [good]]);
    await node.ok('POST', '/v1/slivers/ucb_p2ps/start');
    await p2ps.start();
    await p2ps.says(/serves[\s\S]*serves[\s\S]*serves/);
    // What was asked before leads to a sliver that is gone.
    await until(async () => (await ask(mine))[0]?.[0]?.rcode === 0, 'it to be asked anew');
  });

  it('frozen holds up nobody but itself, however much it is asked', async () => {
    await node.ok('POST', '/v1/slivers/ucb_p2ps/freeze');
    const flood = askFrom('r1', Array(500).fill({ ...mine, wait: 8000 }));
    for (let n = 0; n < 5; n++)
      expect(await ask(others, { ...others, tcp: true })).toMatchObject([[good], [good]]);
    const answers = await flood;
    expect(answers.some(([answer]) => answer?.rcode === SERVFAIL)).toBe(true);
    expect(answers.filter(([answer]) => answer?.rcode === 0)).toEqual([]);
    await node.ok('POST', '/v1/slivers/ucb_p2ps/thaw');
    await until(async () => (await ask(mine))[0]?.[0]?.rcode === 0, 'it to answer again');
  });
});

it('names are read anew on SIGHUP, and a file that is none changes nothing', async () => {
  await multiplexer.put('/etc/names.json', '{"x.example": "somewhere"}');
  await multiplexer.signal('HUP');
  await multiplexer.says(/names.json is not gone by: 'somewhere' is no address/);
  expect(await ask({ name: 'x.example' })).toMatchObject([[{ address: '192.0.2.2' }]]);
  await multiplexer.put('/etc/names.json', `{"x.example": "${ADDRESS}:5301", "": "${ADDRESS}:5302"}`);
  await multiplexer.signal('HUP');
  await multiplexer.says(/2 names\n/);
  expect(await ask({ name: 'x.example' }, { name: 'org' })).toMatchObject([
    [{ address: '192.0.2.1' }],
    [{ address: '192.0.2.2' }],
  ]);
});

it('it needs no daemon while it runs, and holds its port when it starts again', async () => {
  await node.kill();
  expect(await ask({ name: 'org' })).toMatchObject([[{ address: '192.0.2.2' }]]);
  await node.launch();
  await multiplexer.end('TERM');
  await multiplexer.start();
  await multiplexer.says(/2 names[\s\S]*2 names on port 53/);
  expect(await ask({ name: 'org' })).toMatchObject([[{ address: '192.0.2.2' }]]);
});

it('it is back by itself, as the initscript of its sliver', async () => {
  await multiplexer.end('TERM');
  const command = 'node /scripts/services/dns-multiplexer.ts --names /etc/names.json';
  const initscript = `#!/bin/sh\nwhile :; do ${command}; sleep 1; done\n`;
  await node.ok('PATCH', '/v1/slivers/cmu_dns', { initscript });
  await node.ok('POST', '/v1/slivers/cmu_dns/restart');
  await until(async () => /2 names/.test(await node.ok('GET', '/v1/slivers/cmu_dns/log')), 'it to start');
  expect(await ask({ name: 'org' })).toMatchObject([[{ address: '192.0.2.2' }]]);
  await multiplexer.sh('killall -9 node');
  await until(
    async () => /2 names[\s\S]*2 names/.test(await node.ok('GET', '/v1/slivers/cmu_dns/log')),
    'it again',
  );
  expect(await ask({ name: 'org' })).toMatchObject([[{ address: '192.0.2.2' }]]);
});
