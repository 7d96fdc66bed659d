import type { Usage } from '../environments/environment.ts';
import type { ChangeSliver, CreateSliver, Sliver } from '../manager/schemas.ts';
import { type Client, listAll } from './connection/client.ts';
import { type Context, pathOf } from './context.ts';
import { usage as wrong } from './exit.ts';
import { whileWaiting } from './output/progress.ts';
import { sliverTable, sliverText, usageText } from './output/sliver.ts';
import { readKeys, readText } from './values/files.ts';
import { parseRole } from './values/role.ts';
import { isAssignment, readRSpec } from './values/rspec.ts';
import { parseExpiry } from './values/time.ts';

/** The actions of `sliver …`, apart from exec. */
export interface CreateOptions {
  readonly image?: string;
  readonly environment?: string;
  readonly profile?: string;
  readonly rspec?: string[];
  readonly key?: string[];
  readonly initscript?: string;
  readonly expires?: string;
  readonly role?: string[];
  readonly stopped?: boolean;
  readonly wait: boolean;
}

export interface SetOptions {
  readonly profile?: string;
  readonly rspec?: string[];
  readonly key?: string[] | boolean;
  readonly initscript?: string | false;
  readonly expires?: string;
  readonly role?: string[] | false;
}

/** The name and the KEY=VALUEs among words in any order: `create --rspec a=1 b=2 NAME` means what it seems to. */
export function splitWords(words: readonly string[]): { name: string; values: string[] } {
  const names = words.filter((word) => !isAssignment(word) && !word.startsWith('@'));
  const values = words.filter((word) => isAssignment(word) || word.startsWith('@'));
  if (names.length === 1) return { name: names[0]!, values };
  throw names.length === 0
    ? wrong('the name of the sliver is missing')
    : wrong(`'${names[1]}' is neither KEY=VALUE nor @FILE`, 'resources are given as in memory.max=512M');
}

export async function create(context: Context, words: string[], options: CreateOptions): Promise<void> {
  const { name, values } = splitWords(words);
  const body: CreateSliver = { name };
  if (options.image !== undefined) body.image = options.image;
  if (options.environment !== undefined) body.environment = options.environment;
  if (options.profile !== undefined) body.profile = options.profile;
  const given = [...(options.rspec ?? []), ...values];
  if (given.length > 0) body.rspec = await readRSpec(given);
  if (options.key) body.keys = await readKeys(options.key);
  if (options.initscript !== undefined)
    body.initscript = await readText(options.initscript, 'the initscript');
  if (options.expires !== undefined) body.expiresAt = parseExpiry(options.expires);
  if (options.role) body.roles = options.role.map(parseRole);
  if (options.stopped) body.desired = 'stopped';
  const answer = await waited(context.client, name, options.wait, 'POST', '/v1/slivers', body);
  context.print(answer, (sliver) => line(sliver));
}

export async function change(context: Context, words: string[], options: SetOptions): Promise<void> {
  const { name, values } = splitWords(words);
  const body: ChangeSliver = {};
  const given = [...(options.rspec ?? []), ...values];
  if (given.length > 0) body.rspec = await readRSpec(given);
  if (options.profile !== undefined) body.profile = options.profile;
  if (options.key === false) body.keys = [];
  else if (Array.isArray(options.key)) body.keys = await readKeys(options.key);
  if (options.initscript === false) body.initscript = null;
  else if (options.initscript !== undefined)
    body.initscript = await readText(options.initscript, 'the initscript');
  if (options.expires !== undefined) body.expiresAt = parseExpiry(options.expires);
  if (options.role === false) body.roles = [];
  else if (Array.isArray(options.role)) body.roles = options.role.map(parseRole);
  if (Object.keys(body).length === 0)
    throw wrong('nothing to change', `as in 'sliverctl sliver set ${name} memory.max=1G'`);
  const answer = await waited(context.client, name, true, 'PATCH', pathOf('slivers', name), body);
  context.print(answer, (sliver) => line(sliver));
}

/** One operation on several slivers, one after another; the first failure ends it, what is done is told. */
export async function operate(
  context: Context,
  operation: string,
  names: string[],
  wait: boolean,
): Promise<void> {
  for (const name of names) {
    const path = pathOf('slivers', name, operation);
    const answer = await waited(context.client, name, wait, 'POST', path);
    context.print(answer, (sliver) => line(sliver));
  }
}

export async function remove(context: Context, names: string[], wait: boolean): Promise<void> {
  for (const name of names) {
    await waited(context.client, name, wait, 'DELETE', pathOf('slivers', name));
    if (!context.json) process.stdout.write(`${name}: ${wait ? 'deleted' : 'being deleted'}\n`);
  }
}

export async function list(context: Context): Promise<void> {
  const items = await listAll<Sliver>(context.client, '/v1/slivers');
  context.print({ items, next: null }, (answer, colour) => sliverTable(answer.items, colour));
}

export async function show(context: Context, name: string): Promise<void> {
  context.print(await context.client.get<Sliver>(pathOf('slivers', name)), sliverText);
}

export async function usage(context: Context, name: string): Promise<void> {
  context.print(await context.client.get<Usage>(pathOf('slivers', name, 'usage')), usageText);
}

/** The log as it is, for pipes; control characters pass, as with `cat`. */
export async function log(context: Context, name: string): Promise<void> {
  const text =
    (await context.client.request<string | undefined>('GET', pathOf('slivers', name, 'log'), {
      headers: { accept: 'text/plain' },
    })) ?? '';
  context.print({ log: text }, () => (text === '' || text.endsWith('\n') ? text : `${text}\n`));
}

function waited(client: Client, name: string, wait: boolean, method: string, path: string, body?: unknown) {
  const ask = () => client.request<Sliver>(method, path, { body, noWait: !wait });
  return wait ? whileWaiting(client, name, ask) : ask();
}

function line(sliver: Sliver): string {
  return `${sliver.name}: ${sliver.state}${sliver.doing ? ` (${sliver.doing})` : ''}\n`;
}
