import { createPublicKey, generateKeyPairSync, type KeyObject, verify as verifySignature } from 'node:crypto';
import {
  delegate,
  issue,
  publicKeyOf,
  thumbprint,
  verify,
} from '../../../daemon/resources/tickets/ticket.ts';
import { type Summary, summarise } from '../statistics.ts';

export interface TicketsReport {
  /** Tickets a second, of five links each. */
  readonly unknown: Summary;
  /** The same, where all have their first four links in common. */
  readonly related: Summary;
  /** Five signatures each, and nothing else. */
  readonly floor: Summary;
}

const COUNT = 200;
const until = Math.floor(Date.now() / 1000) + 86_400;
const gift = (to: KeyObject) => ({
  rspec: { 'cpu.max': 1, 'memory.max': 2 ** 30 },
  nbf: until - 2 * 86_400,
  exp: until,
  to: publicKeyOf(to),
});

/** How fast tickets are verified, on one processor. */
export async function ticketsBench(rounds: number): Promise<TicketsReport> {
  const keys = Array.from({ length: 6 }, () => generateKeyPairSync('ed25519').privateKey);
  const half = publicKeyOf(keys[0]!);
  const node = { public: half, thumbprint: await thumbprint(half) };
  const start = async () => (await issue(keys[0]!, gift(keys[1]!))).ticket;
  const further = async (ticket: string, from: number, to: number) => {
    let last = ticket;
    for (let at = from; at < to; at++) last = await delegate(last, keys[at]!, gift(keys[at + 1]!));
    return last;
  };
  const found = { unknown: [] as number[], related: [] as number[], floor: [] as number[] };
  for (let round = 0; round <= rounds; round++) {
    const unknown = await each(async () => further(await start(), 1, 5));
    const four = await further(await start(), 1, 4);
    const related = await each(() => further(four, 4, 5));
    const signatures = unknown.map((ticket) => ticket.split('~').map(partsOf));
    const publicKeys = keys.map((key) => createPublicKey(key));
    const rates = {
      unknown: await rate(unknown, (ticket) => verify(ticket, node, Date.now())),
      related: await rate(related, (ticket) => verify(ticket, node, Date.now())),
      floor: await rate(signatures, async (links) => {
        for (const [at, { signed, signature }] of links.entries())
          if (!verifySignature(null, signed, publicKeys[at]!, signature))
            throw new Error('a signature is wrong');
      }),
    };
    if (round === 0) continue;
    for (const name of ['unknown', 'related', 'floor'] as const) found[name].push(rates[name]);
  }
  return {
    unknown: summarise(found.unknown),
    related: summarise(found.related),
    floor: summarise(found.floor),
  };
}

async function each<T>(make: () => Promise<T>): Promise<T[]> {
  const all: T[] = [];
  for (let i = 0; i < COUNT; i++) all.push(await make());
  return all;
}

async function rate<T>(all: readonly T[], work: (one: T) => Promise<unknown>): Promise<number> {
  const began = performance.now();
  for (const one of all) await work(one);
  return (all.length * 1000) / (performance.now() - began);
}

function partsOf(jws: string): { signed: Buffer; signature: Buffer } {
  const at = jws.lastIndexOf('.');
  return { signed: Buffer.from(jws.slice(0, at)), signature: Buffer.from(jws.slice(at + 1), 'base64url') };
}
