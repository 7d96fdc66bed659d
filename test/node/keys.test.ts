import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestNode } from './harness.ts';
import { smallImageDirectory } from './image.ts';

const image = smallImageDirectory();
let node: TestNode;
let mine = '';
let yours = '';

beforeAll(async () => {
  node = await TestNode.start();
  await node.ok('POST', '/v1/images', { name: 'small', source: { path: image } });
  const make = (name: string) => {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', `${node.folder}/${name}`]);
    return readFileSync(`${node.folder}/${name}.pub`, 'utf8').trim();
  };
  mine = make('mine');
  yours = make('yours');
  for (const name of ['a_b', 'c_d'])
    await node.ok('POST', '/v1/slivers', { name, image: 'small', keys: [mine], desired: 'stopped' });
});
afterAll(async () => {
  await node?.stop();
  rmSync(image, { recursive: true, force: true });
});
beforeEach(() => node.ok('PUT', '/v1/slivers/a_b/keys', { keys: [mine] }));

const folder = () => `${node.state}/access/keys`;
const file = (name = 'a_b') => `${folder()}/${name}`;
const held = (name = 'a_b') =>
  readFileSync(file(name), 'utf8')
    .split('\n')
    .filter((line) => line && !line.startsWith('#'));
const recorded = async () =>
  (await node.ok('GET', '/v1/slivers/a_b/keys')).items.map(({ line }: { line: string }) => line);
const fingerprint = (key: string) =>
  execFileSync('ssh-keygen', ['-l', '-f', '-'], { input: key, encoding: 'utf8' }).split(' ')[1]!;

describe("a slice's keys", () => {
  it('are where sshd reads them by the time of the answer', async () => {
    expect(held('c_d')).toEqual([mine]);
    expect(lstatSync(file('c_d'))).toMatchObject({ uid: 0, gid: 0, mode: 0o100644, nlink: 1 });
    await node.ok('POST', '/v1/slivers/a_b/keys', { keys: [`restrict ${yours}`] });
    expect(held()).toEqual([mine, `restrict ${yours}`]);
    const path = `/v1/slivers/a_b/keys/${encodeURIComponent(fingerprint(mine))}`;
    const left = await node.ok('DELETE', path);
    expect(left.items).toEqual([
      {
        fingerprint: fingerprint(yours),
        type: 'ssh-ed25519',
        bits: 256,
        options: ['restrict'],
        comment: 'yours',
        authority: false,
        line: `restrict ${yours}`,
      },
    ]);
    expect(held()).toEqual([`restrict ${yours}`]);
    expect((await node.request('DELETE', path)).status).toBe(404);
    await node.ok('PATCH', '/v1/slivers/a_b', { keys: [] });
    expect(held()).toEqual([]);
    expect(held('c_d')).toEqual([mine]);
    const events = (await node.ok('GET', '/v1/events?subject=a_b')).items;
    expect(events.filter(({ type }: { type: string }) => type === 'sliver.keys').at(-1)?.data).toEqual({
      added: [],
      removed: [fingerprint(yours)],
    });
  });

  it('stay as they were when one of those to come is none', async () => {
    for (const method of ['PUT', 'POST']) {
      const answer = await node.request(method, '/v1/slivers/a_b/keys', {
        keys: [yours, '', 'ssh-rsa AAAA'],
      });
      expect(answer).toMatchObject({ status: 400, body: { code: 'bad-request', line: 3 } });
      expect(answer.body.detail).toMatch(/^line 3 is no key: /);
    }
    const secret = readFileSync(`${node.folder}/mine`, 'utf8');
    for (const line of [secret, ...secret.split('\n').filter(Boolean)])
      expect((await node.request('PUT', '/v1/slivers/a_b/keys', { keys: [line] })).status).toBe(400);
    expect(node.log).not.toContain(secret.split('\n')[2]!.slice(0, 20));
    expect(await recorded()).toEqual([mine]);
    expect(held()).toEqual([mine]);
  });

  it('stay as they were when the disk is full', async () => {
    node.inside('mount', '-t', 'tmpfs', '-o', 'size=8k', 'tmpfs', `${node.state}/access`);
    try {
      const keys = [`environment="A=${'x'.repeat(15_000)}" ${yours}`, mine];
      const answer = await node.request('PUT', '/v1/slivers/a_b/keys', { keys });
      expect(answer).toMatchObject({ status: 507, body: { code: 'no-capacity' } });
      expect(node.inside('find', folder(), '-type', 'f')).toBe('');
    } finally {
      node.inside('umount', `${node.state}/access`);
    }
    expect(await recorded()).toEqual([mine]);
    expect(held()).toEqual([mine]);
  });

  it('are nowhere once the sliver is deleted', async () => {
    await node.ok('POST', '/v1/slivers', { name: 'e_f', image: 'small', keys: [mine], desired: 'stopped' });
    expect(held('e_f')).toEqual([mine]);
    await node.ok('DELETE', '/v1/slivers/e_f');
    expect(existsSync(file('e_f'))).toBe(false);
  });

  it.each<[string, () => void]>([
    ['what a crash between record and file leaves', () => writeFileSync(file(), `${yours}\n`)],
    ['half a file beside it', () => writeFileSync(`${folder()}/.a_b.new`, yours.slice(0, 20))],
    ['a file that is gone', () => rmSync(file())],
    ['a folder that is gone', () => rmSync(`${node.state}/access`, { recursive: true })],
    ['a file that others may write', () => chmodSync(file(), 0o666)],
    [
      "a link to another slice's",
      () => {
        rmSync(file());
        symlinkSync('c_d', file());
      },
    ],
    ['a file with a second name', () => linkSync(file(), `${node.folder}/second-${Date.now()}`)],
    [
      'a directory in its place',
      () => {
        rmSync(file());
        mkdirSync(`${file()}/x`, { recursive: true });
      },
    ],
    ['a file of no sliver', () => writeFileSync(file('root'), `${yours}\n`)],
  ])('are put right at the start: %s', async (_what, harm) => {
    await node.kill();
    harm();
    await node.launch();
    expect(readdirSync(folder()).sort()).toEqual(['a_b', 'c_d']);
    expect(held()).toEqual([mine]);
    expect(held('c_d')).toEqual([mine]);
    expect(lstatSync(file())).toMatchObject({ uid: 0, mode: 0o100644, nlink: 1 });
  });

  it("replace a link to another slice's file and leave that one alone", async () => {
    rmSync(file());
    symlinkSync('c_d', file());
    await node.ok('PUT', '/v1/slivers/a_b/keys', { keys: [yours] });
    expect(lstatSync(file()).isFile()).toBe(true);
    expect(held()).toEqual([yours]);
    expect(held('c_d')).toEqual([mine]);
  });

  it('of changes at once are the last that was acknowledged, as the record has it', async () => {
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        node.ok('PUT', '/v1/slivers/a_b/keys', { keys: [index % 2 ? mine : yours] }),
      ),
    );
    expect(held()).toEqual(await recorded());
  });
});

describe('what is revoked', () => {
  const list = (name = 'a_b') => `${node.state}/access/revoked/${name}`;
  const path = '/v1/slivers/a_b/revocations';
  /** Whether ssh-keygen finds a key or certificate in a slice's list, as sshd would. */
  const refuses = (file: string, name = 'a_b') => {
    const { status, stdout } = spawnSync('ssh-keygen', ['-Q', '-f', list(name), `${node.folder}/${file}`], {
      encoding: 'utf8',
    });
    expect(stdout).toMatch(status === 0 ? /: ok$/m : /: REVOKED$/m);
    return status !== 0;
  };
  const authorities: string[] = [];

  beforeAll(async () => {
    for (const name of ['ca', 'ca2']) {
      const file = `${node.folder}/${name}`;
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
      authorities.push(`cert-authority ${readFileSync(`${file}.pub`, 'utf8').trim()}`);
    }
    for (const [name, ca, serial] of [
      ['one', 'ca', '1'],
      ['two', 'ca', '2'],
      ['other', 'ca2', '1'],
    ] as const) {
      const file = `${node.folder}/${name}`;
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
      const signed = [
        '-s',
        `${node.folder}/${ca}`,
        '-I',
        `of ${name}`,
        '-n',
        'a_b',
        '-z',
        serial,
        `${file}.pub`,
      ];
      execFileSync('ssh-keygen', ['-q', ...signed]);
    }
    await node.ok('PUT', '/v1/slivers/c_d/keys', { keys: [authorities[0]] });
  });
  beforeEach(async () => {
    await node.ok('PUT', path, { items: [] });
    await node.ok('PUT', '/v1/slivers/a_b/keys', { keys: authorities });
  });

  it('is by serial, key id and fingerprint, of one authority and for one slice', async () => {
    const [ca, ca2] = authorities.map((line) => fingerprint(line.replace('cert-authority ', '')));
    expect(readFileSync(list()).length).toBe(0);
    const { items } = await node.ok('POST', path, { items: [{ authority: ca, serial: '001' }] });
    expect(items).toEqual([{ authority: ca, serial: '1' }]);
    expect(['one', 'two', 'other'].map((name) => refuses(`${name}-cert.pub`))).toEqual([true, false, false]);
    expect(readFileSync(list('c_d')).length).toBe(0);
    await node.ok('POST', path, { items: [{ authority: ca2, keyId: 'of other' }] });
    expect(['one', 'two', 'other'].map((name) => refuses(`${name}-cert.pub`))).toEqual([true, false, true]);
    const key = fingerprint(readFileSync(`${node.folder}/two.pub`, 'utf8'));
    await node.ok('PUT', path, { items: [{ fingerprint: key }] });
    expect(['one', 'two', 'other'].map((name) => refuses(`${name}-cert.pub`))).toEqual([false, true, false]);
    expect(refuses('two.pub')).toBe(true);
    expect((await node.ok('GET', path)).items).toEqual([{ fingerprint: key }]);
  });

  it.each([
    [{ serial: '1' }, /name the authority, by its fingerprint: the sliver has SHA256:\S+, SHA256:/],
    [{ authority: 'SHA256:none', serial: '1' }, /name the authority/],
    [{ serial: '1', keyId: 'a' }, /one of serial/],
    [{}, /one of serial/],
    [{ fingerprint: 'SHA256:short' }, /is no fingerprint/],
    [{ fingerprint: 'SHA256:x\nserial: 1' }, /is no fingerprint/],
  ])('%j is refused and changes nothing', async (item, why) => {
    const answer = await node.request('PUT', path, { items: [item] });
    expect(answer.status).toBe(400);
    expect(answer.body.detail).toMatch(why);
    expect((await node.ok('GET', path)).items).toEqual([]);
  });

  it.each([
    [{ serial: '0' }, /from 1 to 18446744073709551615/],
    [{ serial: '18446744073709551616' }, /from 1 to/],
    [{ keyId: 'a\nserial: 2' }, /can not be revoked/],
    [{ keyId: 'a # b' }, /can not be revoked/],
  ])('%j is refused of the only authority', async (item, why) => {
    await node.ok('PUT', '/v1/slivers/a_b/keys', { keys: authorities.slice(0, 1) });
    const answer = await node.request('POST', path, { items: [item] });
    expect(answer.status).toBe(400);
    expect(answer.body.detail).toMatch(why);
  });

  it('outlives a crash, a lost file, and its authority', async () => {
    await node.ok('PUT', '/v1/slivers/a_b/keys', { keys: authorities.slice(0, 1) });
    await node.ok('POST', path, { items: [{ serial: '1' }] });
    await node.kill();
    writeFileSync(list(), '');
    rmSync(list('c_d'));
    rmSync(`${node.state}/access/revoked.conf`);
    await node.launch();
    expect(refuses('one-cert.pub')).toBe(true);
    expect(readFileSync(list('c_d')).length).toBe(0);
    expect(readFileSync(`${node.state}/access/revoked.conf`, 'utf8')).toBe(
      `Match User a_b\n  RevokedKeys "${list('a_b')}"\n`,
    );
    await node.ok('PUT', '/v1/slivers/a_b/keys', { keys: [mine] });
    await node.ok('POST', path, { items: [{ fingerprint: fingerprint(yours) }] });
    expect(refuses('one-cert.pub')).toBe(true);
  });

  it('of requests at once is all that was acknowledged', async () => {
    await node.ok('PUT', '/v1/slivers/a_b/keys', { keys: authorities.slice(0, 1) });
    const serials = ['1', '2', '3', '4', '5'];
    await Promise.all(serials.map((serial) => node.ok('POST', path, { items: [{ serial }] })));
    const { items } = await node.ok('GET', path);
    expect(items.map(({ serial }: { serial: string }) => serial).sort()).toEqual(serials);
    expect(refuses('two-cert.pub')).toBe(true);
  });
});
