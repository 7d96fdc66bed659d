import { type KeyObject, randomBytes } from 'node:crypto';
import {
  claimed,
  hashOf,
  keyOf,
  opened,
  type PublicKey,
  publicKeyOf,
  signed,
  thumbprint,
} from '../shared/jws.ts';

/** What one link of a ticket gives (docs/decisions/0031-tickets.md). */
export interface Claims {
  readonly jti: string;
  /** Seconds since 1970. */
  readonly nbf: number;
  readonly exp: number;
  readonly rspec: Readonly<Record<string, number>>;
  readonly slice?: string;
  readonly cnf?: { readonly jwk: PublicKey };
  readonly node?: string;
  readonly prev?: string;
}

export interface Ticket {
  readonly text: string;
  /** What its last link gives. */
  readonly claims: Claims;
}

export type Gift = Pick<Claims, 'nbf' | 'exp' | 'rspec' | 'slice'>;

const TYPE = 'sliverd-ticket';
const MOST_LINKS = 16;

/** Throws unless a node with that key issued it, and each link is by the holder of the one before and gives no more than that. */
export function verified(text: string, node: PublicKey): Ticket {
  const links = text.trim().split('~', MOST_LINKS + 1);
  if (links.length > MOST_LINKS) throw new Error(`it has more than ${MOST_LINKS} links`);
  let last: Claims | undefined;
  for (const [at, jws] of links.entries()) {
    const holder: unknown = last ? last.cnf?.jwk : node;
    const claims = opened(jws, TYPE, keyOf(holder)) as Claims;
    const isNext = last ? claims.prev === hashOf(links[at - 1]!) : claims.node === thumbprint(node);
    if (!isNext) throw new Error(`link ${at + 1} is of another ticket, or another node's`);
    if (last && !isWithin(claims, last)) throw new Error(`link ${at + 1} gives more than it was given`);
    last = claims;
  }
  return { text: text.trim(), claims: last! };
}

/** The node that it says it is of, as the node's key is known in tickets. */
export const nodeOf = (text: string): string | undefined =>
  (claimed(text.trim().split('~', 1)[0]!, TYPE) as Claims).node;

export function isWithin(gift: Gift, { rspec, nbf, exp, slice }: Gift): boolean {
  const isSlice = slice === undefined || (gift.slice !== undefined && isOf(slice, gift.slice));
  const isRSpec = Object.entries(gift.rspec).every(([key, amount]) => amount <= (rspec[key] ?? 0));
  return isSlice && isRSpec && gift.nbf >= nbf && gift.exp <= exp;
}

/** A part of it, for whoever has that key: one link more, by the key that it was given to. */
export function delegated({ text }: Ticket, key: KeyObject, gift: Gift, to: PublicKey): string {
  const links = text.split('~');
  if (links.length === MOST_LINKS) throw new Error(`it has ${MOST_LINKS} links already`);
  const claims: Claims = {
    jti: randomBytes(16).toString('base64url'),
    ...gift,
    cnf: { jwk: to },
    prev: hashOf(links[links.length - 1]!),
  };
  return [...links, signed(claims, TYPE, key)].join('~');
}

export const isFor = ({ claims }: Ticket, key: KeyObject): boolean =>
  claims.cnf?.jwk.x === publicKeyOf(key).x;

/** Whether `outer`, a slice or all of a site's (ucb_*), has all that `inner` names. */
const isOf = (outer: string, inner: string) =>
  outer === inner || (outer.endsWith('*') && inner.startsWith(outer.slice(0, -1)));
