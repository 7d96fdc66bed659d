import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signed } from '../../../scripts/services/shared/jws.ts';
import { scratch, TestNode, until } from '../harness.ts';
import { World } from '../world.ts';
import { importServicesImage, Service } from './house.ts';

// A slice authority in a sliver, by its role alone: the node is as its owner's list says.
const HOUR = 3_600_000;
const LIST = '/var/list.jws';
const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFmfHl8QbiBGRaBZmTgs2g1hvTeKSm1kJ6wzNpPYWAHs who@ucb';
const owner = generateKeyPairSync('ed25519');
const home = scratch('authority');
let world: World;
let node: TestNode;
let authority: Service;

const soon = (hours: number) => new Date(Date.now() + hours * HOUR).toISOString();
const listOf = (serial: number, slices: object[], more: object = {}, key = owner.privateKey) =>
  signed({ serial, validUntil: soon(24), slices, ...more }, 'sliverd-slices', key);
const publish = (text: string) => authority.put(LIST, text);
/** Publishes a list, and what the authority says then has that in it. */
async function published(text: string, says: RegExp): Promise<void> {
  const { length } = await authority.said();
  await publish(text);
  await authority.says(says, length);
}
const names = async () =>
  (await node.ok('GET', '/v1/slivers')).items.map(({ name }: { name: string }) => name).sort();
const sliver = (name: string) => node.ok('GET', `/v1/slivers/${name}`);
const running = (name: string) =>
  until(async () => {
    const { items } = await node.ok('GET', '/v1/slivers');
    return items.find((one: { name: string }) => one.name === name)?.state === 'running';
  }, `${name} to run`);
const one = { name: 'ucb_one', image: 'services', rspec: { 'memory.max': 2 ** 28 }, keys: [KEY, '# nobody'] };
const two = { name: 'ucb_two', image: 'services', initscript: '#!/bin/sh\necho two\n' };
/** What stands at all times beside the authority's own. */
const OTHERS = ['cmu_plc', 'mit_x', 'ucb_foreign'];

beforeAll(async () => {
  world = new World();
  node = await TestNode.start('expiry: { days: 10 }\n', {}, (pid) => world.connect(pid, '198.51.100.10'));
  await importServicesImage(node);
  const roles = [{ role: 'authority', slices: ['ucb_*'], share: { slivers: 3 } }];
  await node.ok('POST', '/v1/slivers', { name: 'cmu_plc', image: 'services', roles });
  for (const name of ['mit_x', 'ucb_foreign'])
    await node.ok('POST', '/v1/slivers', { name, image: 'services', desired: 'stopped' });
  const words = ['--key', '/etc/owner.pem', '--every', '0.2', '--state', '/var/authority'];
  authority = new Service(node, 'cmu_plc', '/scripts/services/authority.ts', ...words);
  await authority.put('/etc/owner.pem', owner.publicKey.export({ type: 'spki', format: 'pem' }) as string);
}, 180_000);
afterAll(async () => {
  await node?.stop().finally(() => world.stop());
  rmSync(home, { recursive: true });
});

describe('a slice authority', () => {
  it('has the slices of its list on the node, and one that cannot be had keeps no other waiting', async () => {
    const bad = [
      { name: 'ucb_bad', image: 'services', rspec: { 'memory.max': 'lots' } },
      { name: 'ucb_none', image: 'no-such' },
      { name: 'ucb_time', image: 'services', expiresAt: 'tomorrow' },
      { name: 'ucb_over', image: 'services', expiresAt: soon(-1) },
      ...[{ name: 'mit_x' }, { name: 'ucb_foreign' }, { name: '../node/down' }],
    ];
    await publish(listOf(1, [...bad, one, two]));
    await authority.start('--list', LIST);
    await running('ucb_two');
    await running('ucb_one');
    expect(await names()).toEqual([...OTHERS, 'ucb_one', 'ucb_two'].sort());
    expect(await sliver('ucb_one')).toMatchObject({ authority: 'cmu_plc', keys: [KEY], state: 'running' });
    expect((await sliver('ucb_one')).rspec['memory.max']).toBe(2 ** 28);
    for (const said of [
      /ucb_bad: .*memory.max/,
      /ucb_none: .*no-such/,
      /ucb_time: .*tomorrow/,
      /mit_x: .*403/,
    ])
      await authority.says(said);
    await authority.says(/ucb_foreign: /);
    expect((await sliver('ucb_foreign')).authority).toBe(null);
  });

  it('changes what is changed, keeps what is the same as it is, and deletes what the list drops', async () => {
    const { pid, id } = await sliver('ucb_one');
    const changed = { ...one, rspec: { 'memory.max': 2 ** 29 }, keys: [] };
    await published(listOf(2, [changed]), /ucb_one: changed: keys, rspec/);
    await until(async () => !(await names()).includes('ucb_two'), 'the other to go');
    expect(await sliver('ucb_one')).toMatchObject({ pid, id, keys: [] });
    expect((await sliver('ucb_one')).rspec['memory.max']).toBe(2 ** 29);
    expect(await names()).toEqual([...OTHERS, 'ucb_one'].sort());
    // As it is, it stays: nothing more is told of it, look after look.
    const { length } = await authority.said();
    await published('none', /not gone by[\s\S]*not gone by/);
    expect((await authority.said()).slice(length)).not.toMatch(/ucb_one/);
  });

  it('renews their ends in time, up to where the list says', async () => {
    const end = async (name: string) => Date.parse((await sliver(name)).expiresAt);
    expect(await end('ucb_one')).toBeGreaterThan(Date.now() + 9 * 24 * HOUR);
    await node.ok('PATCH', '/v1/slivers/ucb_one', { expiresAt: soon(1) });
    await until(async () => (await end('ucb_one')) > Date.now() + 9 * 24 * HOUR, 'it to be renewed');
    const last = soon(48);
    await published(listOf(3, [{ ...one, expiresAt: last }]), /ucb_one: changed: expiresAt/);
    expect(await end('ucb_one')).toBe(Date.parse(last));
  });

  it('makes no more than its share, and says which', async () => {
    const many = [1, 2, 3, 4].map((n) => ({ name: `ucb_m${n}`, image: 'services' }));
    await published(listOf(4, [one, ...many]), /ucb_m[34]: .*slivers/);
    expect((await names()).filter((name: string) => name.startsWith('ucb_m'))).toEqual(['ucb_m1', 'ucb_m2']);
    await publish(listOf(5, [one]));
    await until(async () => (await names()).length === OTHERS.length + 1, 'them to go');
  });

  const stranger = generateKeyPairSync('ed25519').privateKey;
  it.each([
    ['an older list', () => listOf(4, []), /serial 4 is older than 5/],
    ['another list of the same serial', () => listOf(5, []), /serial 5 was another list/],
    ['one that is signed by another', () => listOf(9, [], {}, stranger), /signature is not by the key/],
    ['one that is over', () => listOf(9, [], { validUntil: soon(-1) }), /it was valid until/],
    ['one without an end', () => listOf(9, [], { validUntil: undefined }), /a list has a serial, validUntil/],
    ['one with a name twice', () => listOf(9, [one, one]), /none twice/],
    [
      'what was signed for something else',
      () => signed({ serial: 9 }, 'sliverd-ask', owner.privateKey),
      /typ/,
    ],
    ['half a list', () => listOf(9, []).slice(0, 50), /is no JWS/],
    ['nothing', () => '', /is no JWS/],
  ])('goes by the last good one, and not by %s', async (_what, text, says) => {
    await published(text(), says);
    // A whole look later.
    const { length } = await authority.said();
    await authority.says(says, length);
    expect(await names()).toEqual([...OTHERS, 'ucb_one'].sort());
  });

  it('reads no more of a list than one may have', async () => {
    const { length } = await authority.said();
    await authority.sh(`yes | head -c 5000000 > ${LIST}`);
    await authority.says(/it has more than 4194304 bytes/, length);
    expect(await names()).toEqual([...OTHERS, 'ucb_one'].sort());
  });

  it('goes on without a list, killed or not, with what it has on its disk', async () => {
    await authority.sh(`rm ${LIST}`);
    await authority.end('KILL');
    await node.ok('DELETE', '/v1/slivers/ucb_one');
    await authority.start('--list', LIST);
    await until(async () => (await names()).includes('ucb_one'), 'it to be made again');
    expect(await names()).toEqual([...OTHERS, 'ucb_one'].sort());
  });

  it('has one back that expired while it was away', async () => {
    await running('ucb_one');
    await authority.end('TERM');
    const { id } = await sliver('ucb_one');
    await node.ok('PATCH', '/v1/slivers/ucb_one', { expiresAt: new Date(Date.now() + 1000).toISOString() });
    await until(async () => (await sliver('ucb_one')).state === 'expired', 'it to expire');
    await authority.start('--list', LIST);
    await running('ucb_one');
    expect((await sliver('ucb_one')).id).toBe(id);
  });

  it('does nothing at all once its last list is over', async () => {
    const validUntil = new Date(Date.now() + 8000).toISOString();
    await published(listOf(6, [one], { validUntil }), /list 6, with 1 slices/);
    await authority.says(/nor is the last one: everything stays as it is: it was valid until/);
    await node.ok('DELETE', '/v1/slivers/ucb_one');
    const { length } = await authority.said();
    await authority.says(/everything stays as it is[\s\S]*everything stays as it is/, length);
    expect(await names()).toEqual(OTHERS);
    await publish(listOf(7, [one]));
    await running('ucb_one');
  });

  it('ends when it is told to, and starts no more', async () => {
    await authority.end('TERM');
    await node.ok('DELETE', '/v1/slivers/ucb_one');
    expect(await names()).toEqual(OTHERS);
  });
});

describe('its list by the web', () => {
  const openssl = (...words: string[]) => execFileSync('openssl', words, { cwd: home, stdio: 'ignore' });

  beforeAll(async () => {
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    openssl('req', '-x509', ...curve, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=a test');
    const name = ['-subj', `/CN=${World.address}`, '-addext', `subjectAltName=IP:${World.address}`];
    openssl(
      'req',
      '-x509',
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      ...curve,
      ...['-keyout', 'key', '-out', 'pem'],
      ...name,
    );
    writeFileSync(`${home}/list`, listOf(20, [two]));
  });

  it('is had by https alone, from whom an authority vouches for', async () => {
    const web = new URL('web-server.ts', import.meta.url).pathname;
    const server = world.spawn(process.execPath, web, home);
    try {
      await new Promise((resolve) => server.stdout!.once('data', resolve));
      const url = `https://${World.address}/list`;
      await authority.start('--list', url);
      await authority.says(/not gone by: fetch failed: .*certificate/);
      await authority.end('TERM');
      await authority.put('/etc/ca.pem', readFileSync(`${home}/ca.pem`, 'utf8'));
      for (const [from, says] of [
        [`http://${World.address}/list`, /name a file or an https/],
        [`https://${World.address}/elsewhere`, /fetch failed: .*redirect/],
        [`https://${World.address}/none`, /none answers 404/],
        [`https://${World.address}/endless`, /it has more than 4194304 bytes/],
      ] as const) {
        const { length } = await authority.said();
        await authority.start('--list', from);
        await authority.says(says, length);
        await authority.end('TERM');
      }
      expect(await names()).toEqual(expect.not.arrayContaining(['ucb_two']));
      await authority.start('--list', url);
      await until(async () => (await names()).includes('ucb_two'), 'the list to be had');
      await authority.says(/list 20, with 1 slices/);
    } finally {
      server.kill('SIGKILL');
    }
    const { length } = await authority.said();
    await authority.says(/not gone by: fetch failed/, length);
    expect(await names()).toEqual([...OTHERS, 'ucb_two']);
  });
});
