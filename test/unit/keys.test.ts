import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, describe, expect, it } from 'vitest';
import { checkKeys } from '../../daemon/slivers/keys/check.ts';
import { parseKeyLine } from '../../daemon/slivers/keys/line.ts';
import { checkOptions } from '../../daemon/slivers/keys/options.ts';
import { changedKeys, laidOver, without } from '../../daemon/slivers/keys/set.ts';

const folder = mkdtempSync(`${tmpdir()}/sliverd-keys-`);
afterAll(() => rmSync(folder, { recursive: true }));
const keygen = (...words: string[]) => execFileSync('ssh-keygen', words, { cwd: folder, encoding: 'utf8' });
const make = (name: string, ...words: string[]) => {
  keygen('-q', '-N', '', '-C', `${name}@home`, '-f', name, ...words);
  return readFileSync(`${folder}/${name}.pub`, 'utf8').trim();
};
const ed25519 = make('ed', '-t', 'ed25519');
const other = make('other', '-t', 'ed25519');
const secret = readFileSync(`${folder}/ed`, 'utf8');
keygen('-q', '-s', 'other', '-I', 'me', '-n', 'a_b', 'ed.pub');
const certificate = readFileSync(`${folder}/ed-cert.pub`, 'utf8').trim();
const base64 = ed25519.split(' ')[1]!;
const string = (text: string | Buffer) => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, Buffer.from(text)]);
};
const security = (type: string, ...fields: (string | Buffer)[]) =>
  `${type} ${Buffer.concat([type, ...fields].map(string)).toString('base64')} me`;
const point = Buffer.from(make('p256', '-t', 'ecdsa', '-b', '256').split(' ')[1]!, 'base64').subarray(-65);

describe('a key', () => {
  it.each([
    ed25519,
    make('rsa', '-t', 'rsa', '-b', '2048'),
    make('p384', '-t', 'ecdsa', '-b', '384'),
    make('p521', '-t', 'ecdsa', '-b', '521'),
    security('sk-ssh-ed25519@openssh.com', Buffer.from(base64, 'base64').subarray(-32), 'ssh:'),
    security('sk-ecdsa-sha2-nistp256@openssh.com', 'nistp256', point, 'ssh:'),
  ])('is named and measured as ssh-keygen does it: %s', async (line) => {
    const [key] = await checkKeys([line]);
    const told = execFileSync('ssh-keygen', ['-l', '-f', '-'], { input: `${line}\n`, encoding: 'utf8' });
    expect(told).toMatch(new RegExp(`^${key?.bits} `));
    expect(told.split(' ')[1]).toBe(key?.fingerprint);
    expect(key?.line).toBe(line);
  });

  it('has options before it and a comment after it', async () => {
    const options = String.raw`from="10.0.0.0/8,!10.1.*",command="echo \"a ssh-rsa b\", c",no-pty,PermitOpen="[::1]:80"`;
    const [key] = await checkKeys([`${options} ${ed25519} of mine`]);
    expect(key?.options).toEqual([
      'from="10.0.0.0/8,!10.1.*"',
      String.raw`command="echo \"a ssh-rsa b\", c"`,
      'no-pty',
      'PermitOpen="[::1]:80"',
    ]);
    expect(key?.comment).toBe('ed@home of mine');
    expect((await checkKeys([`cert-authority,principals="a,b" ${ed25519}`]))[0]?.authority).toBe(true);
  });

  it('may come from Windows, among blank lines and comments', async () => {
    const keys = await checkKeys(['# mine', '', `${ed25519}\r\n`, '  ', other]);
    expect(keys.map(({ line }) => line)).toEqual([ed25519, other]);
  });

  it.each([
    ['hello', /no key type/],
    ['ssh-ed25519', /no key after the type/],
    ['ssh-ed25519 AAAA me', /damaged/],
    [ed25519.slice(0, 40), /no whole base64|damaged/],
    [ed25519.replace(base64, base64.slice(0, 40)), /damaged/],
    [ed25519.replace(base64, `${base64.slice(0, 30)}*${base64.slice(31)}`), /no whole base64/],
    [ed25519.replace(base64, base64.slice(0, -3)), /no whole base64/],
    [ed25519.replace('ssh-ed25519', 'ssh-rsa'), /of another type/],
    [security('ssh-ed25519', 'short'), /OpenSSH .* reads no key/],
    [security('ecdsa-sha2-nistp256', 'nistp256', Buffer.alloc(65, 4)), /OpenSSH .* reads no key/],
    [`${ed25519}\n${other}`, /more than one line/],
    [`${ed25519} ${other}`, /second key/],
    [`${ed25519}\0`, /control character/],
    [ed25519.replace(' ', '\0'), /control character|no key type/],
    [`command="a ${ed25519}`, /quote .* not closed/],
    [`command="a" , ${ed25519}`, /no key type/],
    [`nonsense ${ed25519}`, /knows no option 'nonsense'/],
    [make('weak', '-t', 'rsa', '-b', '1024'), /fewer than 2048 bits .*this has 1024/],
    [security('ssh-dss', 'a', 'b', 'c', 'd'), /DSA/],
    [certificate, /is a certificate/],
    [secret, /private key/],
    [secret.split('\n')[1]!, /private key/],
  ])('is none, and why is told by the number of the line: %j', async (line, why) => {
    const refused = await checkKeys([other, '# and', line]).catch((error) => error);
    expect(refused.message).toMatch(/^line 3 is no key: /);
    expect(refused.message).toMatch(why);
    expect(refused.extra).toEqual({ line: 3 });
  });

  it('that is private is told to nobody', async () => {
    for (const line of [secret, ...secret.split('\n').filter(Boolean)]) {
      const refused = await checkKeys([line]).catch((error) => error);
      expect(refused.message).toMatch(/^line 1 is no key/);
      for (const part of secret.split('\n').filter(Boolean).slice(1, -1))
        expect(refused.message).not.toContain(part.slice(0, 12));
    }
  });

  it('stands there once, and a thousand of them at most', async () => {
    await expect(checkKeys([ed25519, other, `restrict ${ed25519}`])).rejects.toThrow(
      /line 3 .* line 1 again/,
    );
    const many = (count: number) =>
      Array.from({ length: count }, (_, index) => {
        const key = Buffer.alloc(32);
        key.writeUInt32BE(index);
        return security('ssh-ed25519', key);
      });
    await expect(checkKeys(many(10_000))).rejects.toThrow(/at most 1000 keys, not 10000/);
    expect(await checkKeys(many(1000))).toHaveLength(1000);
  });
});

describe('options', () => {
  it.each([
    'restrict,pty,no-agent-forwarding',
    'expiry-time="20300101"',
    'expiry-time="203001012359Z"',
    'environment="A=b",environment="C="',
    'permitopen="host:*",permitopen="[::1]:22",permitlisten="8080",permitlisten="localhost:8080"',
    'tunnel="0"',
    'touch-required,verify-required,no-touch-required',
    'from="*.example.net,192.0.2.0/24,2001:db8::/32"',
  ])('%s', (text) => expect(checkOptions(text)).toHaveProperty('options'));

  it.each([
    ['restrict,', /end with a comma/],
    [',restrict', /no name/],
    ['command=ls', /needs a value in quotes/],
    ['command', /needs a value in quotes/],
    ['command=""', /no command/],
    ['command="a"b', /comma is missing/],
    ['command="a",command="b"', /twice/],
    ['restrict="x"', /takes no value/],
    ['no-restrict', /knows no option/],
    ['constructor', /knows no option/],
    ['expiry-time="20301301"', /not a time/],
    ['expiry-time="tomorrow"', /not a time/],
    ['environment="A B=c"', /NAME=value/],
    ['permitopen="host"', /HOST:PORT/],
    ['permitopen="::1:99999"', /HOST:PORT/],
    ['permitlisten="70000"', /PORT/],
    ['from="10.0.0.0/33"', /network that is none/],
    ['from="a,,b"', /empty pattern/],
    ['principals="me"', /cert-authority/],
  ])('%s is refused', (text, why) =>
    expect(checkOptions(text)).toMatchObject({ wrong: expect.stringMatching(why) }),
  );

  it("are refused without their values, which may be somebody's secret", () => {
    const refused = parseKeyLine(`environment="a-secret" ${ed25519}`);
    expect(refused).toHaveProperty('wrong');
    expect(JSON.stringify(refused)).not.toContain('secret');
  });
});

describe('a set of keys', () => {
  it('keeps places and lines that only an earlier version took', async () => {
    const had = ['ssh-dss AAAA old', ed25519];
    const set = laidOver(had, await checkKeys([other, `restrict ${ed25519}`]));
    expect(set).toEqual(['ssh-dss AAAA old', `restrict ${ed25519}`, other]);
    const { fingerprint } = (await checkKeys([other]))[0]!;
    expect(without('a_b', set, fingerprint)).toEqual(set.slice(0, 2));
    expect(() => without('a_b', had, fingerprint)).toThrow(/a_b has no key SHA256:/);
    expect(changedKeys(had, set)).toEqual({ added: [fingerprint], removed: [] });
    expect(changedKeys(set, had)).toEqual({ added: [], removed: [fingerprint] });
  });
});
