import type { NftCommand } from '../nftables.ts';

/** Typed pieces of libnftables-json(5): what a rule is made of. */
export type Expression = Readonly<Record<string, unknown>>;

export const TABLE = 'sliverd';
export const table = { family: 'inet', table: TABLE } as const;

export const meta = (key: string) => ({ meta: { key } });
export const ct = (key: string) => ({ ct: { key } });
export const field = (protocol: string, name: string) => ({ payload: { protocol, field: name } });
export const concat = (...parts: unknown[]) => ({ concat: parts });
export const network = (addr: string, len: number) => ({ prefix: { addr, len } });
export const lookup = (key: unknown, map: string) => ({ map: { key, data: `@${map}` } });

export const match = (left: unknown, right: unknown, op = '=='): Expression => ({
  match: { op, left, right },
});
/** It is in the set; what the element has of its own, a counter or a limit, is applied. */
export const lookedUp = (key: unknown, name: string) => match(key, `@${name}`);
/** All of these bits are set. */
export const has = (key: unknown, bits: number) => match({ '&': [key, bits] }, bits);
/** None of these bits is set. */
export const lacks = (key: unknown, bits: number) => match({ '&': [key, bits] }, 0);
export const set = (key: unknown, value: unknown): Expression => ({ mangle: { key, value } });
export const counted = (name: string): Expression => ({ counter: name });
export const go = (target: string, how: 'jump' | 'goto' = 'goto'): Expression => ({ [how]: { target } });
export const drop: Expression = { drop: null };
export const accept: Expression = { accept: null };

/** @param prio as of nft(8): -300 raw, -150 mangle, 0 filter, 100 srcnat */
export function chain(name: string, type: string, hook: string, prio: number): NftCommand {
  return { add: { chain: { ...table, name, type, hook, prio, policy: 'accept' } } };
}

/** A chain that others lead to. */
export const plain = (name: string): NftCommand => ({ add: { chain: { ...table, name } } });

export const rule = (name: string, ...expr: Expression[]): NftCommand => ({
  add: { rule: { ...table, chain: name, expr } },
});

export type Verb = 'add' | 'delete';
/** An element of a set or, with a value, of a map. */
export const element = (verb: Verb, of: object, name: string, key: unknown, value?: unknown): NftCommand => ({
  [verb]: { element: { ...of, name, elem: [value !== undefined && verb === 'add' ? [key, value] : key] } },
});
