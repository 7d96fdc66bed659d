import { readFileSync, writeFileSync } from 'node:fs';
import { SliverdError } from '../errors.ts';

/** A cgroup's file as text, or undefined where this kernel or this controller has none. */
export function readCgroup(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** Writes one value; the kernel's refusal names file, value and errno. */
export function writeCgroup(path: string, value: string): void {
  try {
    writeFileSync(path, value);
  } catch (cause) {
    throw new SliverdError('kernel', `writing ${JSON.stringify(value)} to ${path}`, { cause });
  }
}

/** "key value" lines, as in memory.events. */
export function readCounters(path: string): Record<string, number> {
  const counters: Record<string, number> = {};
  for (const line of (readCgroup(path) ?? '').split('\n')) {
    const [key, value] = line.split(' ');
    if (key && value !== undefined) counters[key] = Number(value);
  }
  return counters;
}
