import type { Revocation, Revocations, SliceKey, SliceKeys } from '../manager/schemas.ts';
import { type Context, pathOf } from './context.ts';
import { CliError, usage } from './exit.ts';
import { table } from './output/table.ts';
import { type FileLine, readKeyLines } from './values/files.ts';

/** The actions of `key …`. */
export async function list(context: Context, sliver: string): Promise<void> {
  context.print(await context.client.get<SliceKeys>(pathOf('slivers', sliver, 'keys')), keyTable);
}

export async function give(
  context: Context,
  word: 'add' | 'set',
  sliver: string,
  files: string[],
): Promise<void> {
  const lines = await readKeyLines(files);
  const body = { keys: lines.map(({ text }) => text) };
  const method = word === 'add' ? 'POST' : 'PUT';
  const answer = await context.client
    .request<SliceKeys>(method, pathOf('slivers', sliver, 'keys'), { body })
    .catch((error) => {
      throw inFile(error, lines);
    });
  context.print(answer, keyTable);
}

export async function remove(context: Context, sliver: string, fingerprints: string[]): Promise<void> {
  let answer: SliceKeys | undefined;
  for (const fingerprint of fingerprints) {
    const path = pathOf('slivers', sliver, 'keys', encodeURIComponent(fingerprint));
    answer = await context.client.request<SliceKeys>('DELETE', path);
  }
  if (answer) context.print(answer, keyTable);
}

export interface RevokeOptions {
  readonly authority?: string;
  readonly instead?: boolean;
}

export async function revoke(
  context: Context,
  sliver: string,
  what: string[],
  { authority, instead = false }: RevokeOptions,
): Promise<void> {
  if (what.length === 0 && !instead)
    throw usage('nothing to revoke', `as in 'sliverctl key revoke ${sliver} serial=5 id=alice SHA256:…'`);
  const body = { items: what.map((word) => revocation(word, authority)) };
  const path = pathOf('slivers', sliver, 'revocations');
  const answer = await context.client.request<Revocations>(instead ? 'PUT' : 'POST', path, { body });
  context.print(answer, revokedTable);
}

export async function revoked(context: Context, sliver: string): Promise<void> {
  context.print(
    await context.client.get<Revocations>(pathOf('slivers', sliver, 'revocations')),
    revokedTable,
  );
}

function revocation(word: string, authority: string | undefined): Revocation {
  if (word.startsWith('SHA256:')) return { fingerprint: word };
  const [, kind, value = ''] = /^(serial|id)=(.*)$/s.exec(word) ?? [];
  if (kind === undefined) throw usage(`'${word}' is none of serial=NUMBER, id=TEXT and SHA256:…`);
  return {
    ...(authority === undefined ? {} : { authority }),
    ...(kind === 'serial' ? { serial: value } : { keyId: value }),
  };
}

function revokedTable({ items }: Revocations, colour: boolean): string {
  return table(
    ['REVOKED', 'AUTHORITY'],
    items.map((item) => [
      item.fingerprint ?? (item.serial === undefined ? `id=${item.keyId}` : `serial=${item.serial}`),
      item.authority ?? '',
    ]),
    { colour },
  );
}

/** The daemon counts the lines of all files together; a person looks for one in a file. */
function inFile(error: unknown, lines: readonly FileLine[]): unknown {
  if (!(error instanceof CliError)) return error;
  const at = lines[Number(error.problem.line) - 1];
  if (!at) return error;
  const message = error.message.replace(/^line \d+/, `${at.file}: line ${at.number}`);
  return new CliError(error.exit, message, { problem: error.problem, cause: error });
}

function keyTable({ items }: SliceKeys, colour: boolean): string {
  return table(
    ['FINGERPRINT', 'TYPE', 'BITS', 'COMMENT', 'OPTIONS'],
    items.map((key: SliceKey) => [
      key.fingerprint ?? 'unknown',
      key.type,
      String(key.bits),
      key.comment,
      key.options.join(','),
    ]),
    { colour, right: ['BITS'] },
  );
}
