import type { KeyObject } from 'node:crypto';
import { CompactSign, compactVerify, importJWK } from 'jose';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { SliverdError } from '../../errors.ts';
import { type AmountKey, peak } from '../amounts.ts';
import { ALGORITHM, accountOf, type Claims, hashOf, type Link, parseTicket } from '../tickets/link.ts';
import type { NodeKey } from '../tickets/ticket.ts';
import type { Overpromise } from './accounts.ts';
import type { Lease } from './lease.ts';

const amount = Type.Number({ minimum: 0 });
const part = { link: Type.String(), amount, from: amount, until: amount };
/** What whoever came late can show to others: links that the same hand signed for more than it had. Times in seconds since 1970. */
export const Evidence = Type.Object({
  /** Whose promises they are: the x of a key, or the slice that issued tickets. */
  by: Type.String(),
  /** What it had to give on, as that was signed; null: a share of the node, which the node itself vouches for. */
  promise: Type.Union([Type.String(), Type.Null()]),
  key: Type.String(),
  promised: amount,
  wanted: Type.Object(part),
  /** Parts of it that have leases: each as it was signed, and what its lease has. */
  taken: Type.Array(
    Type.Object({
      ...part,
      /** The promise, where that was signed more than once. */
      promise: Type.Optional(Type.String()),
    }),
  ),
  /** How many more there are. */
  more: Type.Integer({ minimum: 0 }),
});
export type Evidence = Static<typeof Evidence>;
const Statement = Type.Object({ node: Type.String(), iat: Type.Integer(), ...Evidence.properties });
export type Statement = Static<typeof Statement>;

const TYPE = 'sliverd-evidence';
/** A refusal stays short enough to read, and to send. */
const SHOWN = 50;

export function evidenceOf(
  links: readonly Link[],
  { at, key, promised, wanted, leases }: Overpromise,
  { issuer, ...lease }: Pick<Lease, 'issuer' | 'from' | 'until'>,
): Evidence {
  const promise = links[at];
  const having = leases.filter(({ rspec }) => rspec[key] !== undefined);
  // Those that are shown alone: to read thousands of tickets takes seconds.
  const taken = having.slice(0, SHOWN).map(({ ticket, rspec, from, until }) => {
    const parts = parseTicket(ticket);
    const other = parts[at]?.jws;
    return {
      link: parts[at + 1]!.jws,
      ...(other !== undefined && other !== promise?.jws ? { promise: other } : {}),
      amount: rspec[key] ?? 0,
      ...seconds({ from, until }),
    };
  });
  return {
    by: promise?.claims.cnf?.jwk.x ?? issuer ?? '',
    promise: promise?.jws ?? null,
    ...{ key, promised },
    wanted: { link: links[at + 1]!.jws, amount: wanted, ...seconds(lease) },
    taken,
    more: having.length - taken.length,
  };
}

const seconds = ({ from, until }: { from: number; until: number }) => ({
  from: from / 1000,
  until: until / 1000,
});

/** The node's word for it: a JWS. @param now milliseconds since 1970 */
export function testify(
  node: { key: KeyObject; thumbprint: string },
  evidence: Evidence,
  now: number,
): Promise<string> {
  const statement: Statement = { node: node.thumbprint, iat: Math.floor(now / 1000), ...evidence };
  return new CompactSign(Buffer.from(JSON.stringify(statement)))
    .setProtectedHeader({ alg: ALGORITHM, typ: TYPE })
    .sign(node.key);
}

/**
 * What a node said of who promised too much. Verified offline: that the node said it, and that the hand which it names signed the
 * parts. Throws `bad-evidence`.
 */
export async function verifyEvidence(text: string, node: NodeKey): Promise<Statement> {
  const statement = await signedBy(text.trim(), node.public.x, TYPE);
  if (!Value.Check(Statement, statement)) throw bad('it is another kind of statement');
  const { by, promise, key, promised, wanted, taken, more } = statement;
  if (promise === null) return statement;
  const given = contentOf(promise);
  if (given.cnf?.jwk.x !== by || given.rspec?.[key] !== promised)
    throw bad('what was promised was another amount, or to another');
  const of = (jws: string) => accountOf({ jws });
  const parts = [{ ...wanted, promise }, ...taken];
  for (const { link, promise: other = promise } of parts) {
    const { prev } = (await signedBy(link, by, 'sliverd-ticket')) as { prev?: string };
    if (prev !== hashOf(other) || of(other) !== of(promise)) throw bad('a part of it is of another promise');
  }
  const most = (some: readonly Part[]) => atOnce(some, key as AmountKey, wanted);
  // A link is one promise, however many parts of it were had.
  for (const link of new Set(parts.map((one) => of(one.link)))) {
    const its = parts.filter((one) => of(one.link) === link);
    if (most(its) > (contentOf(its[0]!.link).rspec?.[key] ?? 0))
      throw bad('a part of it gives less than is said');
  }
  const sum = most(parts);
  if (sum <= promised && more === 0) throw bad(`its parts are ${sum} of ${promised}, which is not too much`);
  return statement;
}

type Part = Static<ReturnType<typeof Type.Object<typeof part>>>;

/** What parts come to at once, within a time. */
const atOnce = (parts: readonly Part[], key: AmountKey, { from, until }: Part) =>
  peak(
    parts.map((one) => ({ from: one.from, until: one.until, rspec: { [key]: one.amount } })),
    ...([key, from, until] as const),
  );

/** What a link says, whoever signed it. */
function contentOf(jws: string): Partial<Claims> & { rspec?: Record<string, number> } {
  try {
    return JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString('utf8')) ?? {};
  } catch (cause) {
    throw bad('it has what is no ticket', cause);
  }
}

async function signedBy(jws: string, x: string, typ: string): Promise<unknown> {
  try {
    const key = await importJWK({ kty: 'OKP', crv: 'Ed25519', x }, ALGORITHM);
    const { payload, protectedHeader } = await compactVerify(jws, key, { algorithms: [ALGORITHM] });
    if (protectedHeader.typ !== typ) throw new Error(`it is a ${String(protectedHeader.typ)}`);
    return JSON.parse(Buffer.from(payload).toString('utf8'));
  } catch (cause) {
    throw bad('it is not signed by whom it names', cause);
  }
}

const bad = (why: string, cause?: unknown) =>
  new SliverdError('bad-evidence', `this is no evidence: ${why}`, cause === undefined ? {} : { cause });
