import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { SliverdError } from '../errors.ts';
import type { Amounts } from '../resources/amounts.ts';
import { type Claims, parseTicket } from '../resources/tickets/link.ts';
import {
  delegate,
  type Gift,
  type NodeKey,
  publicKeyOf,
  type Ticket,
  thumbprint,
  verify,
} from '../resources/tickets/ticket.ts';
import type { Context } from './context.ts';
import { CliError, EXIT, usage } from './exit.ts';
import { properties } from './output/table.ts';
import { readText } from './values/files.ts';
import { formatValue, readRSpec } from './values/rspec.ts';
import { formatTime, parseExpiry } from './values/time.ts';

interface Given {
  readonly to?: string;
  readonly from?: string;
  readonly until?: string;
  readonly slice?: string;
}
export type IssueOptions = Given;
export interface DelegateOptions extends Given {
  readonly key: string;
}

/** The actions of `ticket …`. */
export async function makeKey(file: string): Promise<void> {
  for (const path of [file, `${file}.pub`])
    if (existsSync(path))
      throw usage(`${path} is there already`, 'a key that is replaced is lost, with all it holds');
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' });
  writeFileSync(`${file}.pub`, publicKey.export({ type: 'spki', format: 'pem' }), { flag: 'wx' });
}

export async function issueTicket(
  context: Context,
  resources: string[],
  options: IssueOptions,
): Promise<void> {
  if (!options.to)
    throw usage('whom is it promised to?', "--to FILE, the holder's public key ('sliverctl ticket key')");
  if (!options.until) throw usage('until when?', 'as in --until 8w');
  const { slice, from } = options;
  const body = {
    to: publicKeyOf(await readKey(options.to, 'public')),
    rspec: await readRSpec(resources),
    ...(from ? { from: timeOf(from, '--from') } : {}),
    until: timeOf(options.until, '--until'),
    ...(slice ? { slice } : {}),
  };
  const answer = await context.client.request<{ ticket: string }>('POST', '/v1/tickets', { body });
  context.print(answer, ({ ticket }) => `${ticket}\n`);
}

export async function delegateTicket(
  file: string,
  resources: string[],
  options: DelegateOptions,
): Promise<void> {
  const text = await readText(file, 'the ticket');
  const key = await readKey(options.key, 'private');
  const made = await told(async () => {
    const has = parseTicket(text).at(-1)!.claims;
    const slice = options.slice ?? has.slice;
    const gift: Gift = {
      rspec: resources.length > 0 ? ((await readRSpec(resources)) as Amounts) : has.rspec,
      nbf: options.from ? secondsOf(timeOf(options.from, '--from')) : has.nbf,
      exp: options.until ? secondsOf(timeOf(options.until, '--until')) : has.exp,
      ...(slice ? { slice } : {}),
      ...(options.to ? { to: publicKeyOf(await readKey(options.to, 'public')) } : {}),
    };
    const ticket = await delegate(text, key, gift);
    parseTicket(ticket); // what nobody could redeem isn't handed out
    return ticket;
  });
  process.stdout.write(`${made}\n`);
}

export async function showTicket(context: Context, file: string): Promise<void> {
  const links = await told(async () => parseTicket(await readText(file, 'the ticket')));
  context.print(
    links.map(({ claims }) => claims),
    (all, colour) => all.map((claims, at) => linkText(claims, at, all.length, colour)).join('\n'),
  );
}

export async function verifyTicket(
  context: Context,
  file: string,
  options: { nodeKey?: string },
): Promise<void> {
  const text = await readText(file, 'the ticket');
  const node = await nodeKey(context, options.nodeKey);
  const { links: _links, ...ticket } = await told(() => verify(text, node, Date.now()));
  context.print(ticket, ticketText);
}

/** A node's key from a file, or as the node itself has it. */
export async function nodeKey(context: Context, file: string | undefined): Promise<NodeKey> {
  if (!file) return (await context.client.get<{ key: NodeKey }>('/v1/node')).key;
  const half = publicKeyOf(await readKey(file, 'public'));
  return { public: half, thumbprint: await thumbprint(half) };
}

function linkText(claims: Claims, at: number, count: number, colour: boolean): string {
  const { jti, nbf, exp, rspec, slice, cnf, node } = claims;
  return properties(
    [
      ['Link', `${at + 1} of ${count}, ${jti}`],
      ['Node', node],
      ['Given to', cnf ? cnf.jwk.x : 'a sliver'],
      ...gift(rspec, nbf * 1000, exp * 1000, slice),
    ],
    colour,
  );
}

function ticketText(
  { ids, holder, rspec, from, until, slice }: Omit<Ticket, 'links'>,
  colour: boolean,
): string {
  return properties(
    [
      ['Good', `ticket ${ids.at(-1)}`],
      ['Holder', holder?.x ?? 'a sliver'],
      ...gift(rspec, from, until, slice),
    ],
    colour,
  );
}

function gift(
  rspec: Amounts,
  from: number,
  until: number,
  slice: string | undefined,
): [string, string | string[] | undefined][] {
  const at = (milliseconds: number) => formatTime(new Date(milliseconds).toISOString());
  return [
    ['Resources', Object.entries(rspec).map(([key, value]) => `${key} = ${formatValue(key, value)}`)],
    ['From', at(from)],
    ['Until', at(until)],
    ['Slice', slice],
  ];
}

export function timeOf(when: string, what: string): string {
  const at = parseExpiry(when, Date.now(), what);
  if (at === null) throw usage(`${what}: a ticket has an end, and 'never' is none`);
  return at;
}
const secondsOf = (when: string) => Math.floor(Date.parse(when) / 1000);

export async function readKey(file: string, half: 'public' | 'private'): Promise<KeyObject> {
  const text = await readText(file, 'the key');
  if (half === 'public' && /PRIVATE KEY/.test(text))
    throw usage(`${file} is a private key: it stays with you`, `give its public half: ${file}.pub`);
  try {
    const key = half === 'private' ? createPrivateKey(text) : createPublicKey(text);
    publicKeyOf(key);
    return key;
  } catch {
    throw usage(
      `${file} is no ${half} key of Ed25519 in PEM`,
      "'sliverctl ticket key FILE' makes one, as does openssl genpkey -algorithm ed25519",
    );
  }
}

/** What the tickets' own code refuses, as the node would say it. */
export async function told<T>(work: () => Promise<T> | T): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof SliverdError)) throw error;
    throw new CliError(EXIT.failed, error.message, { problem: { code: error.code }, cause: error });
  }
}
