import type { KeyObject } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { opened } from '../shared/jws.ts';
import { textOf } from '../shared/manager.ts';

/** A slice as its authority wants it on this node: what POST /v1/slivers takes of it (docs/api.md). */
export interface Wanted {
  readonly name: string;
  readonly image?: string;
  readonly rspec?: Readonly<Record<string, unknown>>;
  readonly keys?: readonly string[];
  readonly initscript?: string | null;
  /** RFC 3339: it isn't renewed past that. */
  readonly expiresAt?: string;
}

/** What the authority's owner signs, as a JWS of the type `sliverd-slices`. */
export interface List {
  /** Of two lists the greater is the later. */
  readonly serial: number;
  /** RFC 3339. */
  readonly validUntil: string;
  readonly slices: readonly Wanted[];
}

export const TYPE = 'sliverd-slices';
const MOST_BYTES = 4 * 2 ** 20;
const MOST_SLICES = 1000;
const MOST_MS = 60_000;

/** A list's text from a file, or by https: nobody between may even hold it back unseen for longer than it is valid. */
export async function fetched(from: string, stopped: AbortSignal): Promise<string> {
  if (!/^[a-z]+:\/\//i.test(from)) return textOf(createReadStream(from), MOST_BYTES);
  if (!from.startsWith('https://')) throw new Error(`${from}: name a file or an https:// address`);
  const signal = AbortSignal.any([stopped, AbortSignal.timeout(MOST_MS)]);
  const answer = await fetch(from, { redirect: 'error', signal });
  if (!answer.ok || !answer.body) throw new Error(`${from} answers ${answer.status}`);
  return textOf(answer.body, MOST_BYTES);
}

/** A list that may be gone by now. Throws when it is signed by another, older than one that was had, over, or none. */
export function checked(text: string, key: KeyObject, kept?: { text: string; serial: number }): List {
  const list = opened(text.trim(), TYPE, key) as List;
  const { serial, validUntil, slices } = list ?? {};
  if (!Number.isSafeInteger(serial) || typeof validUntil !== 'string' || !Array.isArray(slices))
    throw new Error('a list has a serial, validUntil and slices');
  if (kept && serial < kept.serial)
    throw new Error(`serial ${serial} is older than ${kept.serial}, which was had`);
  if (kept && serial === kept.serial && text.trim() !== kept.text)
    throw new Error(`serial ${serial} was another list: a new one needs a greater serial`);
  if (!(Date.parse(validUntil) > Date.now())) throw new Error(`it was valid until ${validUntil}`);
  if (slices.length > MOST_SLICES)
    throw new Error(`it has ${slices.length} slices, of at most ${MOST_SLICES}`);
  const names = slices.map((one) => one?.name);
  if (!names.every((name) => typeof name === 'string') || new Set(names).size < names.length)
    throw new Error('each of its slices has a name, and none twice');
  return list;
}
