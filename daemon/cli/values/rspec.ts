import type { PartialRSpec } from '../../resources/rspec.ts';
import { usage } from '../exit.ts';
import { readText } from './files.ts';
import { formatRate, formatSize, parseRate, parseSize } from './size.ts';

/**
 * The types of the RSpec's keys, as far as typing a value needs them. The schema itself (resources/rspec.ts) takes
 * 0.4 s to load, which a command line can't afford; the daemon validates, and a unit test holds these lists to it.
 */
export const BYTE_KEYS: ReadonlySet<string> = new Set([
  'memory.high',
  'memory.max',
  'memory.swap.max',
  'io.rbps',
  'io.wbps',
  'disk.bytes',
  'net.up.day.bytes',
  'net.up.day.threshold',
  'net.down.day.bytes',
  'net.down.day.threshold',
]);
export const RATE_KEYS: ReadonlySet<string> = new Set([
  'net.up.min',
  'net.up.max',
  'net.down.min',
  'net.down.max',
  'net.exempt.up.max',
  'net.exempt.down.max',
]);
export const TEXT_KEYS: ReadonlySet<string> = new Set(['cpuset.cpus']);

export function isAssignment(text: string): boolean {
  return /^[a-z][a-z0-9.]*=/i.test(text);
}

/** `memory.max=512M` as a key and a value of the type that the key has. */
export function parseAssignment(text: string): [string, string | number] {
  const at = text.indexOf('=');
  const key = text.slice(0, at).trim();
  const value = text.slice(at + 1).trim();
  return [key, parseValue(key, value)];
}

function parseValue(key: string, value: string): string | number {
  if (TEXT_KEYS.has(key)) return value;
  if (value === 'max') return value;
  if (value === '') throw usage(`${key}: a value is missing, as in ${key}=100 or ${key}=max`);
  if (BYTE_KEYS.has(key)) return parseSize(value, key);
  if (RATE_KEYS.has(key)) return parseRate(value, key);
  const number = Number(value);
  if (/^[0-9.]+$/.test(value) && Number.isFinite(number)) return number;
  throw usage(
    `${key}: '${value}' is not a number${/^[0-9.]+[KMGT]/i.test(value) ? '; K, M, G and T are for bytes and rates only' : ''}`,
  );
}

/**
 * RSpec arguments laid over each other in their order: `KEY=VALUE`, or a file (`FILE` or `@FILE`, `-` is standard
 * input) of JSON or YAML. Values in files may have suffixes too, as text.
 */
export async function readRSpec(given: readonly string[]): Promise<PartialRSpec> {
  const rspec: Record<string, unknown> = {};
  for (const argument of given) {
    if (isAssignment(argument)) {
      const [key, value] = parseAssignment(argument);
      rspec[key] = value;
      continue;
    }
    const file = argument.startsWith('@') ? argument.slice(1) : argument;
    Object.assign(rspec, await parseDocument(await readText(file, 'the RSpec'), file));
  }
  return rspec as PartialRSpec;
}

async function parseDocument(text: string, file: string): Promise<Record<string, unknown>> {
  let document: unknown;
  try {
    document = text.trimStart().startsWith('{') ? JSON.parse(text) : (await import('yaml')).parse(text);
  } catch (cause) {
    throw usage(`the RSpec in ${file} is neither JSON nor YAML: ${(cause as Error).message.split('\n')[0]}`);
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    throw usage(`the RSpec in ${file} is not an object of keys and values, as in "memory.max: 512M"`);
  return Object.fromEntries(
    Object.entries(document).map(([key, value]) => [
      key,
      typeof value === 'string' ? parseValue(key, value) : value,
    ]),
  );
}

/** One value for people. */
export function formatValue(key: string, value: unknown): string {
  if (typeof value === 'number' && BYTE_KEYS.has(key)) return formatSize(value);
  if (typeof value === 'number' && RATE_KEYS.has(key)) return formatRate(value);
  return value === '' ? 'all' : String(value);
}
