import { createPublicKey, type KeyObject, randomInt } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { checked, fetched, type List, TYPE, type Wanted } from './authority/lists.ts';
import { opened } from './shared/jws.ts';
import { keep } from './shared/kept.ts';
import { all, ask } from './shared/manager.ts';

/**
 * A slice authority: has the node keep the slices of a list that its owner signs, made anew whenever it pleases him, and fetched from a
 * web server or a file. Its own slice needs the role
 *   {"role": "authority", "slices": ["ucb_*"], "share": {"slivers": 10, "memory.max": 4294967296}}
 * and this runs in it (README.md shows it as a whole):
 *   node authority.ts --list https://ucb.example/slices.jws --key owner.pub.pem
 *
 * The last good list is kept on its disk, and is gone by while there is no newer one to be had. Once it is no longer valid nothing is
 * done at all: what runs then runs to its own end. A slice is deleted because a valid list doesn't have it, and for no other
 * reason; and none that this slice didn't make is touched. Killed anywhere, it goes on at its next start.
 */
const { values: options } = parseArgs({
  options: {
    list: { type: 'string', default: '' },
    key: { type: 'string', default: '' },
    state: { type: 'string', default: '/var/lib/slice-authority' },
    /** Seconds between two looks; up to half as many more, so that not all nodes come at once. */
    every: { type: 'string', default: '600' },
    /** Days from now that slivers end, renewed when one of them has passed; less where the node's owner lets it go no further. */
    days: { type: 'string', default: '28' },
  },
});
const DAY = 86_400_000;
const KEPT = `${options.state}/list.jws`;

interface Sliver extends Omit<Required<Wanted>, 'image' | 'expiresAt'> {
  readonly image: { readonly name: string };
  readonly authority: string | null;
  readonly desired: string;
  readonly expiresAt: string | null;
  readonly cause: { readonly step: string; readonly reason: string } | null;
}

/** Why, outermost first: fetch() says what went wrong in its cause alone. */
const why = (error: unknown): string =>
  error instanceof Error
    ? [error.message, ...(error.cause ? [why(error.cause)] : [])].join(': ')
    : `${error}`;
const tell = (text: string, error?: unknown) =>
  console.log(error === undefined ? text : `${text}: ${why(error)}`);

/** What is to be gone by: what was fetched, else what is kept, if it is valid still. */
async function current(key: KeyObject, stopped: AbortSignal): Promise<List | undefined> {
  const kept = keptList(key);
  try {
    const text = (await fetched(options.list, stopped)).trim();
    const list = checked(text, key, kept);
    if (text !== kept?.text) {
      keep(KEPT, text);
      tell(`list ${list.serial}, with ${list.slices.length} slices, is valid until ${list.validUntil}`);
    }
    return list;
  } catch (error) {
    if (stopped.aborted) return undefined;
    tell(`the list from ${options.list} is not gone by`, error);
  }
  try {
    return kept && checked(kept.text, key);
  } catch (error) {
    tell('nor is the last one: everything stays as it is', error);
    return undefined;
  }
}

function keptList(key: KeyObject): { text: string; serial: number } | undefined {
  try {
    const text = readFileSync(KEPT, 'utf8');
    return { text, serial: (opened(text, TYPE, key) as List).serial };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') tell(`${KEPT} can't be read`, error);
    return undefined;
  }
}

/** Has the node as the list says. One slice that can't be had keeps no other waiting. */
async function apply({ slices }: List, stopped: AbortSignal): Promise<void> {
  const { name: self } = await ask<{ name: string }>('GET', '/v1/self');
  const seen = new Map((await all<Sliver>('/v1/slivers')).map((sliver) => [sliver.name, sliver]));
  const node = await ask<{ expiry?: { days: number | 'max' } }>('GET', '/v1/node');
  const days = Math.min(
    Number(options.days),
    ...[node.expiry?.days].filter((most) => typeof most === 'number'),
  );
  const work = slices.map(
    (wanted) => [wanted.name, () => settle(wanted, seen.get(wanted.name), self, days)] as const,
  );
  const listed = new Set(slices.map(({ name }) => name));
  for (const { name, authority, desired } of seen.values())
    if (authority === self && desired !== 'deleted' && !listed.has(name))
      work.unshift([name, () => ask('DELETE', path(name), undefined, true)]); // first: others may want the room
  for (const [name, settled] of work) {
    if (stopped.aborted) return;
    try {
      const done = await settled();
      if (done) tell(`${name}: ${done}`);
    } catch (error) {
      tell(name, error);
    }
  }
}

const path = (name: string) => `/v1/slivers/${encodeURIComponent(name)}`;

/** Makes, changes or renews one. @returns what there is to tell */
async function settle(
  wanted: Wanted,
  sliver: Sliver | undefined,
  self: string,
  days: number,
): Promise<string | undefined> {
  const { name, image, rspec = {}, keys = [], initscript = null } = wanted;
  const last = wanted.expiresAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(wanted.expiresAt);
  if (Number.isNaN(last)) throw new Error(`expiresAt: '${wanted.expiresAt}' is not a time`);
  const now = Date.now();
  const expiresAt = new Date(Math.min(last, now + days * DAY)).toISOString();
  if (!sliver) {
    if (last <= now) return undefined;
    const body = { name, rspec, keys, initscript, expiresAt, ...(image === undefined ? {} : { image }) };
    await ask('POST', '/v1/slivers', body, true);
    return 'made';
  }
  if (sliver.authority !== self) throw new Error('it is here, and was made by another');
  if (sliver.desired === 'deleted') return undefined; // it was dropped, and is wanted again: in the next look
  const end = sliver.expiresAt === null ? Number.POSITIVE_INFINITY : Date.parse(sliver.expiresAt);
  // Each renewal is written: not with every look, but once a tenth of the time is over.
  const isEndOff = last > now && (end > last || end < Math.min(last, now + days * 0.9 * DAY));
  const isOther = (one: unknown, other: unknown) => JSON.stringify(one) !== JSON.stringify(other);
  const lines = keys.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
  // A key of the RSpec that the list doesn't have stays as it is.
  const amounts = Object.entries(rspec).filter(([key, amount]) => isOther(amount, sliver.rspec[key]));
  const changes = {
    ...(isEndOff ? { expiresAt } : {}),
    ...(isOther(lines, sliver.keys) ? { keys } : {}),
    ...(isOther(initscript, sliver.initscript) ? { initscript } : {}),
    ...(amounts.length > 0 ? { rspec: Object.fromEntries(amounts) } : {}),
  };
  if (Object.keys(changes).length > 0) await ask('PATCH', path(name), changes, true);
  if (image !== undefined && image !== sliver.image.name)
    throw new Error(
      `it is made of ${sliver.image.name}, and its files would be lost with it: drop it, then list it with ${image}`,
    );
  if (sliver.cause) throw new Error(`${sliver.cause.step}: ${sliver.cause.reason}`);
  return Object.keys(changes).length > 0 ? `changed: ${Object.keys(changes).join(', ')}` : undefined;
}

const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
const key = createPublicKey(readFileSync(options.key));
const every = Number(options.every) * 1000;
mkdirSync(options.state, { recursive: true, mode: 0o700 });
while (!stop.signal.aborted) {
  try {
    const list = await current(key, stop.signal);
    if (list) await apply(list, stop.signal);
  } catch (error) {
    tell('the node was not looked at, and is in a while', error);
  }
  await sleep(every + randomInt(Math.ceil(every / 2)), undefined, { signal: stop.signal }).catch(() => {});
}
