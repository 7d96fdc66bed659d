import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { argv, stdin } from 'node:process';
import { textOf } from './manager.ts';

/**
 * Signed JSON: JWS in the compact form (RFC 7515), by Ed25519 (RFC 8037) alone. Each kind of thing has its `typ`, so that what was
 * signed for one is never taken for another. By itself it signs what it is given:
 *   openssl genpkey -algorithm ed25519 -out key.pem
 *   node jws.ts key.pem sliverd-slices < list.json > list.jws
 */
export interface PublicKey {
  readonly kty: 'OKP';
  readonly crv: 'Ed25519';
  readonly x: string;
}

export function signed(payload: unknown, typ: string, key: KeyObject): string {
  const text = [{ alg: 'EdDSA', typ }, payload]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${text}.${sign(null, Buffer.from(text), key).toString('base64url')}`;
}

/** What it says, believed by nobody yet. Throws when it isn't one of that kind. */
export function claimed(jws: string, typ: string): unknown {
  const pieces = jws.split('.');
  if (pieces.length !== 3 || !pieces.every((piece) => /^[A-Za-z0-9_-]+$/.test(piece)))
    throw new Error('it is no JWS: was it cut off?');
  const [header, payload] = pieces.slice(0, 2).map((piece) => {
    try {
      return JSON.parse(Buffer.from(piece, 'base64url').toString('utf8'));
    } catch {
      throw new Error('it is no JWS of JSON');
    }
  });
  // No other member: a key, or the address of one, would be the signer's own word for itself.
  if (header?.alg !== 'EdDSA' || header.typ !== typ || Object.keys(header).length !== 2)
    throw new Error(`its header is not {"alg": "EdDSA", "typ": "${typ}"}`);
  return payload;
}

/** The same, signed by that key. Throws when it isn't. */
export function opened(jws: string, typ: string, key: KeyObject): unknown {
  const payload = claimed(jws, typ);
  const dot = jws.lastIndexOf('.');
  if (key.asymmetricKeyType !== 'ed25519') throw new Error('the key to verify it by is not of Ed25519');
  if (!verify(null, Buffer.from(jws.slice(0, dot)), key, Buffer.from(jws.slice(dot + 1), 'base64url')))
    throw new Error('its signature is not by the key that it should be by');
  return payload;
}

export function publicKeyOf(key: KeyObject): PublicKey {
  const { x = '' } = (key.type === 'private' ? createPublicKey(key) : key).export({ format: 'jwk' });
  return { kty: 'OKP', crv: 'Ed25519', x };
}

/** Throws for what is no public key of Ed25519. */
export function keyOf(jwk: unknown): KeyObject {
  const { kty, crv, x } = (jwk ?? {}) as PublicKey;
  if (kty !== 'OKP' || crv !== 'Ed25519' || typeof x !== 'string' || !/^[A-Za-z0-9_-]{43}$/.test(x))
    throw new Error('a key is {"kty": "OKP", "crv": "Ed25519", "x": …}');
  return createPublicKey({ key: { kty, crv, x }, format: 'jwk' });
}

/** By which a node is known in its tickets (RFC 7638). */
export const thumbprint = ({ crv, kty, x }: PublicKey): string => hashOf(JSON.stringify({ crv, kty, x }));
export const hashOf = (text: string): string => createHash('sha256').update(text).digest('base64url');

if (import.meta.main) {
  const [file = '', typ = ''] = argv.slice(2);
  console.log(signed(JSON.parse(await textOf(stdin)), typ, createPrivateKey(readFileSync(file))));
}
