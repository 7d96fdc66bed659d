import { createHash } from 'node:crypto';
import { decodeProtectedHeader } from 'jose';
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { SliverdError } from '../../errors.ts';
import { Amounts } from '../amounts.ts';
import { Target } from '../slices.ts';

const hash = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' });
/** Seconds since 1970 (NumericDate of RFC 7519). */
const time = Type.Integer({ minimum: 0, maximum: 253_402_300_799 });
/** The public half of an Ed25519 key (RFC 8037), and nothing beside. */
export const PublicKey = Type.Object(
  { kty: Type.Literal('OKP'), crv: Type.Literal('Ed25519'), x: hash },
  { additionalProperties: false },
);
export type PublicKey = Static<typeof PublicKey>;

const Claims = Type.Object(
  {
    jti: Type.String({ pattern: '^[A-Za-z0-9_-]{22}$', description: 'Of this link, never used twice.' }),
    /** From when and until when there is what it promises. */
    nbf: time,
    exp: time,
    rspec: Amounts,
    slice: Type.Optional(Target),
    /** Whom it is given to, who may give it on; none: it is for a sliver of `slice`, and ends the chain. */
    cnf: Type.Optional(Type.Object({ jwk: PublicKey }, { additionalProperties: false })),
    /** Of the first link: the thumbprint (RFC 7638) of the node's key. */
    node: Type.Optional(hash),
    /** Of all others: the SHA-256 of the link before. */
    prev: Type.Optional(hash),
  },
  { additionalProperties: false },
);
export type Claims = Static<typeof Claims>;
/** Compiled, for it would take most of the time of verifying a ticket. */
const checker = Compile(Claims);

/** One link of a chain: what was signed, as it was signed. */
export interface Link {
  /** A JWS in the compact form (RFC 7515). */
  readonly jws: string;
  readonly claims: Claims;
}

export const ALGORITHM = 'EdDSA';
export const TYPE = 'sliverd-ticket';
const SEPARATOR = '~';
/** Who splits for whom, again and again. */
export const MOST_LINKS = 16;
/** What all claims there are take, three times: spaces between them would be kept with each lease, and sent as evidence fifty times. */
const MOST_OF_A_LINK = 4096;
const MOST_CHARACTERS = MOST_LINKS * (MOST_OF_A_LINK + 1);

export const hashOf = (jws: string): string => createHash('sha256').update(jws).digest('base64url');
/** What a link's holder signed, by its hash: that of the whole would be another with each signature of the same. */
export const accountOf = ({ jws }: Pick<Link, 'jws'>): string => hashOf(jws.slice(0, jws.lastIndexOf('.')));
export const joined = (links: readonly Link[]): string => links.map(({ jws }) => jws).join(SEPARATOR);

/**
 * A ticket's text as links; nothing of it is believed yet. Throws `bad-ticket` when it is none, and `ticket-algorithm` for
 * one that wants to be verified by anything but Ed25519.
 */
export function parseTicket(text: string): Link[] {
  const trimmed = text.trim();
  if (trimmed.length > MOST_CHARACTERS) throw malformed(`it has more than ${MOST_CHARACTERS} characters`);
  const parts = trimmed.split(SEPARATOR);
  if (parts.length > MOST_LINKS) throw malformed(`it has more than ${MOST_LINKS} links`);
  return parts.map((jws, at) => ({ jws, claims: claimsOf(jws, at, parts.length) }));
}

function claimsOf(jws: string, at: number, count: number): Claims {
  const link = `link ${at + 1} of ${count}`;
  if (jws.length > MOST_OF_A_LINK) throw malformed(`${link} has more than ${MOST_OF_A_LINK} characters`);
  const pieces = jws.split('.');
  if (pieces.length !== 3 || !pieces.every((piece) => /^[A-Za-z0-9_-]*$/.test(piece)))
    throw malformed(`${link} is no JWS: was it cut off?`);
  let header: Record<string, unknown>;
  let claims: unknown;
  try {
    header = decodeProtectedHeader(jws);
    claims = JSON.parse(Buffer.from(pieces[1] ?? '', 'base64url').toString('utf8'));
  } catch (cause) {
    throw malformed(`${link} is not JSON`, cause);
  }
  const { alg, typ, ...more } = header;
  if (alg !== ALGORITHM)
    throw new SliverdError(
      'ticket-algorithm',
      `${link} is signed by '${String(alg).slice(0, 20)}': tickets are signed by Ed25519 (${ALGORITHM}) alone`,
    );
  if (typ !== TYPE || Object.keys(more).length > 0) throw malformed(`${link} is another kind of token`);
  if (!checker.Check(claims)) {
    const [first] = checker.Errors(claims);
    throw malformed(`${link}: ${first?.instancePath || 'it'} ${first?.message ?? 'is not as it should be'}`);
  }
  const isFirst = at === 0;
  if ((claims.node !== undefined) !== isFirst || (claims.prev === undefined) !== isFirst)
    throw malformed(`${link} ${isFirst ? 'is not the first of a chain' : 'is the first of another'}`);
  if (claims.cnf === undefined && at < count - 1)
    throw malformed(`${link} is given to nobody, and yet given on`);
  if (claims.cnf === undefined && (!claims.slice || claims.slice.endsWith('*')))
    throw malformed(`${link} is for a sliver, and doesn't say whose`);
  if (claims.nbf >= claims.exp) throw malformed(`${link} ends before it begins`);
  return claims;
}

export function malformed(why: string, cause?: unknown): SliverdError {
  return new SliverdError('bad-ticket', `this is no ticket: ${why}`, { cause });
}
