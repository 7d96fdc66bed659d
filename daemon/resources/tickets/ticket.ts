import { createHash, createPublicKey, type KeyObject, randomBytes } from 'node:crypto';
import { CompactSign, calculateJwkThumbprint, compactVerify, importJWK } from 'jose';
import { SliverdError } from '../../errors.ts';
import type { Amounts } from '../amounts.ts';
import { timeText } from '../time.ts';
import {
  ALGORITHM,
  type Claims,
  hashOf,
  joined,
  type Link,
  MOST_LINKS,
  malformed,
  type PublicKey,
  parseTicket,
  TYPE,
} from './link.ts';
import { narrowed } from './narrow.ts';

/** A ticket that was verified: what its last link gives. */
export interface Ticket {
  /** Of each link, the first ahead. */
  readonly ids: readonly string[];
  readonly links: readonly Link[];
  /** Who may give it on; none: it is for a sliver of `slice`. */
  readonly holder: PublicKey | undefined;
  readonly rspec: Amounts;
  /** Milliseconds since 1970. */
  readonly from: number;
  readonly until: number;
  readonly slice: string | undefined;
}

/** What is given, of all that there is. */
export interface Gift {
  readonly rspec: Amounts;
  /** Seconds since 1970. */
  readonly nbf: number;
  readonly exp: number;
  readonly slice?: string;
  /** None: it is for a sliver of `slice`. */
  readonly to?: PublicKey;
}

/** The public half of an Ed25519 key. Throws `bad-ticket` for any other. */
export function publicKeyOf(key: KeyObject): PublicKey {
  if (key.asymmetricKeyType !== 'ed25519')
    throw malformed(`it is signed by Ed25519 keys, and this is one of ${key.asymmetricKeyType ?? 'no kind'}`);
  const { x = '' } = (key.type === 'private' ? createPublicKey(key) : key).export({ format: 'jwk' });
  return { kty: 'OKP', crv: 'Ed25519', x };
}

/** A node as tickets know it, and as GET /v1/node tells it. */
export interface NodeKey {
  readonly public: PublicKey;
  readonly thumbprint: string;
}

/** By which a node is known in tickets (RFC 7638). */
export const thumbprint = (key: PublicKey): Promise<string> => calculateJwkThumbprint(key);

/** A node's promise. @param key the node's own, private */
export async function issue(key: KeyObject, gift: Gift): Promise<{ id: string; ticket: string }> {
  const node = await thumbprint(publicKeyOf(key));
  const link = await sign(key, { ...claimsOf(gift), node });
  return { id: link.claims.jti, ticket: joined([link]) };
}

/**
 * Gives on what a ticket has, or a part of it. Needs no node: whether the ticket itself is good is found by who verifies it.
 * Throws `ticket-widened` for what it doesn't have, and `bad-ticket` when the key isn't the holder's.
 * @param key the holder's own, private
 */
export async function delegate(text: string, key: KeyObject, gift: Gift): Promise<string> {
  const links = parseTicket(text);
  const last = links[links.length - 1]!;
  if (links.length === MOST_LINKS) throw malformed(`it has ${MOST_LINKS} links already, as many as it may`);
  if (last.claims.cnf?.jwk.x !== publicKeyOf(key).x)
    throw malformed(
      last.claims.cnf
        ? 'not for this key: it was given to another'
        : 'it is for a sliver, and given on no further',
    );
  const claims: Claims = { ...claimsOf(gift), prev: hashOf(last.jws) };
  narrowed(last.claims, claims, links.length + 1);
  return joined([...links, await sign(key, claims)]);
}

/** Signatures that were found good, by what they are of: links are shared by many tickets. */
const good = new Set<string>();
const REMEMBERED = 20_000;

/**
 * What a ticket promises. Throws `bad-ticket`, `ticket-algorithm`, `ticket-wrong-node`, `ticket-forged`, `ticket-widened`,
 * `ticket-expired` or `ticket-not-yet`. That it wasn't redeemed before is the node's to know.
 * @param node the key of the node that must have issued it
 * @param now milliseconds since 1970
 */
export async function verify(text: string, node: NodeKey, now: number): Promise<Ticket> {
  const links = parseTicket(text);
  const [first, last] = [links[0]!, links[links.length - 1]!];
  if (first.claims.node !== node.thumbprint)
    throw new SliverdError('ticket-wrong-node', "this ticket is another node's, and of use there alone");
  // The node's own first: the time that all the others take is for who was given something. Those at once, each by the key that the one before names.
  const isFirst = await isSigned(first.jws, node.public);
  const signed = await Promise.all(
    links.map(({ jws, claims }, at) => {
      const before = links[at - 1];
      if (!before || !isFirst) return isFirst;
      return claims.prev === hashOf(before.jws) && isSigned(jws, before.claims.cnf!.jwk);
    }),
  );
  const wrong = signed.indexOf(false);
  if (wrong >= 0)
    throw new SliverdError(
      'ticket-forged',
      `link ${wrong + 1} of ${links.length} is not signed by ${wrong > 0 ? 'who held the ticket until then' : 'this node'}`,
    );
  for (const [at, { claims }] of links.entries()) if (at > 0) narrowed(links[at - 1]!.claims, claims, at + 1);
  const { rspec, nbf, exp, slice, cnf } = last.claims;
  const [from, until] = [nbf * 1000, exp * 1000];
  if (now >= until) throw new SliverdError('ticket-expired', `this ticket was good until ${timeText(until)}`);
  if (now < from) throw new SliverdError('ticket-not-yet', `this ticket is good from ${timeText(from)} on`);
  return { ids: links.map(({ claims }) => claims.jti), links, holder: cnf?.jwk, rspec, from, until, slice };
}

/** Keys as they are verified by: to import one takes as long as to verify by it. */
const keys = new Map<string, Promise<Awaited<ReturnType<typeof importJWK>>>>();
function imported(key: PublicKey) {
  const known = keys.get(key.x);
  if (known) return known;
  if (keys.size >= REMEMBERED) keys.clear();
  const made = importJWK(key, ALGORITHM);
  keys.set(key.x, made);
  return made;
}

async function isSigned(jws: string, key: PublicKey): Promise<boolean> {
  const id = createHash('sha256').update(key.x).update(jws).digest('base64url');
  if (good.has(id)) return true;
  try {
    await compactVerify(jws, await imported(key), { algorithms: [ALGORITHM] });
  } catch {
    return false;
  }
  if (good.size >= REMEMBERED) good.clear();
  good.add(id);
  return true;
}

function claimsOf({ rspec, nbf, exp, slice, to }: Gift): Claims {
  return {
    jti: randomBytes(16).toString('base64url'),
    ...{ nbf, exp, rspec },
    ...(slice === undefined ? {} : { slice }),
    ...(to ? { cnf: { jwk: to } } : {}),
  };
}

async function sign(key: KeyObject, claims: Claims): Promise<Link> {
  const jws = await new CompactSign(Buffer.from(JSON.stringify(claims)))
    .setProtectedHeader({ alg: ALGORITHM, typ: TYPE })
    .sign(key);
  return { jws, claims };
}
