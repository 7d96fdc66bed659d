import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, describe, expect, it } from 'vitest';
import { credentialOf } from '../../daemon/access/sessions/credential.ts';

const folder = mkdtempSync(`${tmpdir()}/sliverd-credential-`);
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const keygen = (...words: string[]) =>
  execFileSync('ssh-keygen', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
const fingerprint = (file: string) => keygen('-lf', file).split(' ')[1];
const told = (file: string) => {
  const [type, blob] = readFileSync(file, 'utf8').split(' ');
  return `publickey ${type} ${blob}`;
};

describe.each(['ed25519', 'ecdsa', 'rsa'])('by a key of the type %s', (type) => {
  const [key, authority] = [`${folder}/${type}`, `${folder}/${type}-ca`];
  for (const file of [key, authority]) keygen('-q', '-t', type, '-N', '', '-f', file);
  const print = fingerprint(`${key}.pub`);

  it('somebody is known as by ssh-keygen', () => {
    expect(credentialOf(told(`${key}.pub`))).toMatchObject({ fingerprint: print, certificate: null });
  });

  it('in a certificate, by what that says', () => {
    const words = ['-O', 'force-command=true', '-O', 'source-address=192.0.2.0/24', '-V', '+1d'];
    keygen(
      '-q',
      '-s',
      authority,
      '-I',
      'é a"b',
      '-z',
      '18446744073709551615',
      '-n',
      'a,b',
      ...words,
      `${key}.pub`,
    );
    const said = credentialOf(told(`${key}-cert.pub`));
    const certificate = {
      keyId: 'é a"b',
      serial: '18446744073709551615',
      authority: fingerprint(`${authority}.pub`),
    };
    expect(said).toEqual({ type: credentialOf(told(`${key}.pub`))?.type, fingerprint: print, certificate });
    // Cut off, as of one that is too long to be recorded.
    const whole = told(`${key}-cert.pub`);
    const cut = credentialOf(whole.slice(0, whole.length - 800 * (type === 'rsa' ? 1 : 0) - 200));
    expect(cut?.certificate ?? { authority: null }).toMatchObject({ authority: null });
  });
});

it('a name without end is kept in part, and is no other name then', () => {
  const [key, authority] = [`${folder}/long`, `${folder}/long-ca`];
  for (const file of [key, authority]) keygen('-q', '-t', 'ed25519', '-N', '', '-f', file);
  keygen('-q', '-s', authority, '-I', 'x'.repeat(5000), '-n', 'a', `${key}.pub`);
  expect(credentialOf(told(`${key}-cert.pub`))?.certificate?.keyId).toBe(`${'x'.repeat(256)}…`);
});

it.each(['', 'password', 'publickey ssh-ed25519', 'publickey ssh-ed25519 AAAA', 'publickey x AAAAC3NzaC1l'])(
  "nothing is made of '%s'",
  (auth) => expect(credentialOf(auth)).toBeUndefined(),
);
