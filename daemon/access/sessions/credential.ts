import { createHash } from 'node:crypto';

/** By what somebody came in: a key, by itself or in a certificate. */
export interface Credential {
  readonly type: string;
  /** Of the key, as ssh shows it. */
  readonly fingerprint: string;
  readonly certificate: Certificate | null;
}
export interface Certificate {
  readonly keyId: string;
  readonly serial: string;
  /** Fingerprint of who signed it; null where the certificate is longer than what is recorded. */
  readonly authority: string | null;
}

const CERTIFICATE = /^(sk-)?(.+)-cert-v01@openssh\.com$/;
/** Whoever signs names certificates as they like, and each login is kept; longer ones can't be revoked by name (manager/schemas.ts). */
const LONGEST = 256;
/** Strings that make up the key in a certificate, by the type of the key (PROTOCOL.certkeys). */
const PARTS: Record<string, number> = { 'ssh-rsa': 2, 'ssh-ed25519': 1, 'ssh-dss': 4 };

/** Of what sshd tells PAM, as in `publickey ssh-ed25519 AAAA…`; undefined when it is none. */
export function credentialOf(auth: string): Credential | undefined {
  const [, base64] = /^publickey \S+ ([A-Za-z0-9+/]+)/.exec(auth) ?? [];
  if (base64 === undefined) return undefined;
  const blob = Buffer.from(base64, 'base64');
  const from = new Reader(blob);
  try {
    const type = from.string().toString('latin1');
    const [whole, hardware, plain = ''] = CERTIFICATE.exec(type) ?? [];
    if (whole === undefined) return { type, fingerprint: fingerprintOf(blob), certificate: null };
    from.string(); // nonce
    const begin = from.at;
    const parts = PARTS[plain] ?? 2;
    for (let part = 0; part < parts + (hardware ? 1 : 0); part++) from.string();
    const key = hardware ? `sk-${plain}@openssh.com` : plain;
    const name = Buffer.alloc(4 + key.length);
    name.writeUInt32BE(key.length);
    name.write(key, 4, 'latin1');
    const fingerprint = fingerprintOf(Buffer.concat([name, blob.subarray(begin, from.at)]));
    const serial = String(from.number());
    from.skip(4); // of a user
    const named = from.string().toString('utf8');
    const keyId = named.length > LONGEST ? `${named.slice(0, LONGEST)}…` : named;
    return { type: key, fingerprint, certificate: { keyId, serial, authority: authorityOf(from) } };
  } catch {
    return undefined;
  }
}

function authorityOf(from: Reader): string | null {
  try {
    from.string(); // principals
    from.skip(16); // valid from and to
    for (let part = 0; part < 3; part++) from.string(); // critical options, extensions, reserved
    return fingerprintOf(from.string());
  } catch {
    return null;
  }
}

function fingerprintOf(blob: Buffer): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

/** Strings and numbers as ssh packs them (RFC 4251); throws where there are none. */
class Reader {
  at = 0;
  readonly #blob: Buffer;

  constructor(blob: Buffer) {
    this.#blob = blob;
  }

  string(): Buffer {
    const begin = this.at + 4;
    const end = begin + this.#blob.readUInt32BE(this.at);
    if (end > this.#blob.length) throw new RangeError('a string is cut');
    this.at = end;
    return this.#blob.subarray(begin, end);
  }

  number(): bigint {
    this.at += 8;
    return this.#blob.readBigUInt64BE(this.at - 8);
  }

  skip(bytes: number): void {
    this.at += bytes;
  }
}
