import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { SliverdError } from '../../errors.ts';
import { run } from '../../kernel/run.ts';
import { parseKeyLine } from './line.ts';

/** Certificates that let nobody in to a slice any more, by what its authority wrote into them; or a key by its fingerprint. */
export type Revocation =
  | { readonly authority: string; readonly serial: string }
  | { readonly authority: string; readonly keyId: string }
  | { readonly fingerprint: string };

/** What is revoked, and the list that ssh-keygen made of it (KRL, base64): each has its date, so it can't be made again alike. */
export interface Revoked {
  readonly items: readonly Revocation[];
  readonly list: string;
}
export const NOTHING_REVOKED: Revoked = { items: [], list: '' };

export interface AskedRevocation {
  readonly authority?: string;
  readonly serial?: string;
  readonly keyId?: string;
  readonly fingerprint?: string;
}

const MAX_SERIAL = 2n ** 64n - 1n;
const refuse = (why: string) => new SliverdError('bad-request', why);

/**
 * With authorities as `type base64`: what is revoked stays so when its authority is taken from the keys and comes back.
 * One that isn't named is the only one that the slice has.
 */
export function checkRevocation(asked: AskedRevocation, keys: readonly string[]): Revocation {
  const { serial, keyId, fingerprint } = asked;
  const given = [serial, keyId, fingerprint].filter((value) => value !== undefined);
  if (given.length !== 1) throw refuse('a revocation names one of serial, keyId and fingerprint');
  if (fingerprint !== undefined) {
    if (asked.authority !== undefined)
      throw refuse('a key is revoked by its fingerprint, without an authority');
    // The last of 43 characters has 4 bits that count.
    if (!/^SHA256:[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]$/.test(fingerprint))
      throw refuse(`'${fingerprint.slice(0, 60)}' is no fingerprint as ssh-keygen -l has it (SHA256:…)`);
    return { fingerprint };
  }
  const authority = authorityOf(asked.authority, keys);
  if (serial !== undefined) {
    if (!/^[0-9]{1,20}$/.test(serial) || BigInt(serial) === 0n || BigInt(serial) > MAX_SERIAL)
      throw refuse(
        `a serial is a number from 1 to ${MAX_SERIAL}; certificates without one are revoked by keyId`,
      );
    return { authority, serial: String(BigInt(serial)) };
  }
  const id = keyId ?? '';
  if (id === '' || id !== id.trim() || /[#\0-\x1f\x7f]/.test(id))
    throw refuse('a keyId that begins or ends with a blank or has a # can not be revoked: name its serial');
  return { authority, keyId: id };
}

function authorityOf(fingerprint: string | undefined, keys: readonly string[]): string {
  const authorities = keys
    .map(parseKeyLine)
    .flatMap((key) => ('wrong' in key || !key.authority ? [] : [key]));
  const named = authorities.filter((key) => fingerprint === undefined || key.fingerprint === fingerprint);
  const [one] = named;
  if (one && named.length === 1) return `${one.type} ${one.base64}`;
  if (authorities.length === 0)
    throw refuse('the sliver has no certificate authority (a key with the option cert-authority)');
  const known = authorities.map((key) => key.fingerprint).join(', ');
  throw refuse(`name the authority, by its fingerprint: the sliver has ${known}`);
}

/** One of each, the list made by ssh-keygen: one process for each authority. */
export async function revoke(items: readonly Revocation[]): Promise<Revoked> {
  const unique = [...new Map(items.map((item) => [JSON.stringify(item), item])).values()];
  if (unique.length === 0) return NOTHING_REVOKED;
  const folder = await mkdtemp(`${tmpdir()}/sliverd-revoked-`);
  try {
    const words = ['-q', '-k', '-f', `${folder}/list`];
    for (const [index, [authority, lines]] of [...byAuthority(unique)].entries()) {
      await writeFile(`${folder}/${index}.pub`, `${authority}\n`);
      await writeFile(`${folder}/${index}`, lines.map((line) => `${line}\n`).join(''));
      const signer = authority === '' ? [] : ['-s', `${folder}/${index}.pub`];
      await run('ssh-keygen', [...words, ...(index > 0 ? ['-u'] : []), ...signer, `${folder}/${index}`]);
    }
    return { items: unique, list: (await readFile(`${folder}/list`)).toString('base64') };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Lines for ssh-keygen(1), by whose certificates they are about; keys by fingerprint are nobody's. */
function byAuthority(items: readonly Revocation[]): Map<string, string[]> {
  const lines = new Map<string, string[]>();
  for (const item of items) {
    const authority = 'authority' in item ? item.authority : '';
    const line =
      'serial' in item
        ? `serial: ${item.serial}`
        : 'keyId' in item
          ? `id: ${item.keyId}`
          : `hash: ${item.fingerprint}`;
    lines.set(authority, [...(lines.get(authority) ?? []), line]);
  }
  return lines;
}
