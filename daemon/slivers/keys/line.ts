import { createHash } from 'node:crypto';
import { checkOptions, endOfOptions } from './options.ts';

/** A line of authorized_keys (sshd(8)), taken apart. */
export interface KeyLine {
  readonly line: string;
  readonly type: string;
  readonly base64: string;
  readonly bits: number;
  /** As ssh-keygen -l has it: `SHA256:…`, which is also how a key is named. */
  readonly fingerprint: string;
  readonly options: readonly string[];
  readonly comment: string;
  /** Whether it vouches for others' keys by certificates, and is none that logs in itself. */
  readonly authority: boolean;
}

/** Bits of each type of key; of RSA it is the key itself that says. */
const TYPES: Record<string, number> = {
  'ssh-ed25519': 256,
  'ssh-rsa': 0,
  'ecdsa-sha2-nistp256': 256,
  'ecdsa-sha2-nistp384': 384,
  'ecdsa-sha2-nistp521': 521,
  'sk-ssh-ed25519@openssh.com': 256,
  'sk-ecdsa-sha2-nistp256@openssh.com': 256,
};
const RSA_BITS = 2048;
const CERTIFICATE = /^[a-z0-9-]+-cert-v0[01]@openssh\.com$/;
/** What only the owner of a key should have, also in part: its first line, or the first bytes of its base64. */
export const PRIVATE =
  /-----(BEGIN|END) [A-Z0-9 ]*PRIVATE KEY|PuTTY-User-Key-File|Private-Lines:|^\s*b3BlbnNzaC1rZXktdjE/m;
const isType = (word: string) => word === 'ssh-dss' || Object.hasOwn(TYPES, word) || CERTIFICATE.test(word);

/**
 * What a line says, or why it is none that could let anybody in. Reasons name no part of the line but words that sshd
 * knows: what was pasted by mistake gets into no log and no answer.
 */
export function parseKeyLine(given: string): KeyLine | { readonly wrong: string } {
  if (PRIVATE.test(given))
    return { wrong: 'it is part of a private key, which stays with its owner: give the .pub file beside it' };
  const line = given.replace(/\r?\n?$/, '').trim();
  if (/[\r\n]/.test(line)) return { wrong: 'it has more than one line' };
  if (/[\0-\x08\x0a-\x1f\x7f]/.test(line)) return { wrong: 'it has a control character in it' };
  let rest = line;
  let options: string[] = [];
  if (!isType(/^[^ \t]*/.exec(rest)?.[0] ?? '')) {
    const end = endOfOptions(rest);
    if (end === undefined) return { wrong: 'a quote in its options is not closed' };
    const next = /^[^ \t]*/.exec(rest.slice(end).trim())?.[0] ?? '';
    if (!isType(next)) return { wrong: 'no key type that OpenSSH knows stands where one should' };
    const checked = checkOptions(rest.slice(0, end));
    if ('wrong' in checked) return checked;
    options = checked.options;
    rest = rest.slice(end).trim();
  }
  const [, type = '', base64 = '', comment = ''] = /^([^ \t]+)[ \t]*([^ \t]*)[ \t]*(.*)$/.exec(rest) ?? [];
  if (type === 'ssh-dss')
    return { wrong: 'DSA keys (ssh-dss) are too weak and OpenSSH takes them no more: make an ed25519 key' };
  if (CERTIFICATE.test(type))
    return { wrong: 'it is a certificate: give the key of who signed it, with the option cert-authority' };
  const bits = bitsOf(type, base64);
  if (typeof bits === 'string') return { wrong: bits };
  if (comment.split(/[ \t]+/).some((word, at, words) => isType(word) && /^AAAA/.test(words[at + 1] ?? '')))
    return { wrong: 'a second key stands on it: each has a line of its own' };
  const fingerprint = `SHA256:${createHash('sha256').update(Buffer.from(base64, 'base64')).digest('base64').replace(/=+$/, '')}`;
  const authority = options.some((option) => option.toLowerCase() === 'cert-authority');
  return { line, type, base64, bits, fingerprint, options, comment, authority };
}

/** The length of a key, or what is wrong with its base64. */
function bitsOf(type: string, base64: string): number | string {
  if (base64 === '') return 'there is no key after the type';
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64) || base64.length % 4 !== 0)
    return 'the key is no whole base64: it was cut or changed on its way';
  const fields = fieldsOf(Buffer.from(base64, 'base64'));
  if (fields === undefined || fields.length < 2)
    return 'the key is damaged: it was cut or changed on its way';
  if (fields[0]?.toString('latin1') !== type) return 'the key after the type is of another type';
  if (type !== 'ssh-rsa') return TYPES[type] ?? 0;
  const modulus = BigInt(`0x0${fields[2]?.toString('hex') ?? ''}`);
  const bits = modulus === 0n ? 0 : modulus.toString(2).length;
  return bits >= RSA_BITS
    ? bits
    : `RSA keys of fewer than ${RSA_BITS} bits are too weak (this has ${bits}): make an ed25519 key`;
}

/** The strings that a key is made of (RFC 4251); undefined when they don't fill it exactly. */
function fieldsOf(blob: Buffer): Buffer[] | undefined {
  const fields: Buffer[] = [];
  for (let at = 0; at < blob.length; ) {
    if (blob.length - at < 4) return undefined;
    const end = at + 4 + blob.readUInt32BE(at);
    if (end > blob.length) return undefined;
    fields.push(blob.subarray(at + 4, end));
    at = end;
  }
  return fields;
}
