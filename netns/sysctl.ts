import { readFileSync, writeFileSync } from 'node:fs';
import { SliverdError } from '../daemon/errors.ts';

/** Settings of the network namespace that this thread is in, by their names below /proc/sys/net. */
export function setSysctl(name: string, value: string): void {
  try {
    if (readFileSync(`/proc/sys/net/${name}`, 'utf8').trim() === value) return;
    writeFileSync(`/proc/sys/net/${name}`, value);
  } catch (cause) {
    throw new SliverdError('kernel', `setting net.${name.replaceAll('/', '.')} to ${value}`, { cause });
  }
}

export function readSysctl(name: string): string {
  return readFileSync(`/proc/sys/net/${name}`, 'utf8').trim();
}
