import { SliverdError } from '../../errors.ts';
import { type KeyLine, parseKeyLine } from './line.ts';

/** A line of a record; those of earlier versions were checked less, and may have no fingerprint. */
export function fingerprintOf(line: string): string | undefined {
  const key = parseKeyLine(line);
  return 'wrong' in key ? undefined : key.fingerprint;
}

/** New keys over those that are there, which keep their places. */
export function laidOver(had: readonly string[], keys: readonly KeyLine[]): string[] {
  const fresh = new Map(keys.map(({ fingerprint, line }) => [fingerprint, line]));
  const replaced = had.map((line) => {
    const fingerprint = fingerprintOf(line) ?? '';
    const instead = fresh.get(fingerprint);
    fresh.delete(fingerprint);
    return instead ?? line;
  });
  return [...replaced, ...fresh.values()];
}

export function without(name: string, had: readonly string[], fingerprint: string): string[] {
  const left = had.filter((line) => fingerprintOf(line) !== fingerprint);
  if (left.length < had.length) return left;
  throw new SliverdError(
    'not-found',
    `${name} has no key ${fingerprint.slice(0, 60)} ('sliverctl key list ${name}' shows those that it has)`,
  );
}

/** Fingerprints that came and went. */
export function changedKeys(
  before: readonly string[],
  after: readonly string[],
): { added: string[]; removed: string[] } {
  const missing = (from: readonly string[], lines: readonly string[]) => {
    const there = new Set(lines.map((line) => fingerprintOf(line)));
    return from.map((line) => fingerprintOf(line)).filter((key) => key !== undefined && !there.has(key));
  };
  return { added: missing(after, before) as string[], removed: missing(before, after) as string[] };
}
