import { readFileSync } from 'node:fs';

/** Files that this process may have open at once: its hard limit, which node takes at its start. */
export function openFilesMax(): number {
  return Number(/^Max open files +\d+ +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? 4096);
}
