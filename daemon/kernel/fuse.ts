import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { SliverdError } from '../errors.ts';
import { closeFd, newMount } from './syscalls.ts';

/**
 * Ends all FUSE connections whose mount was made by one of these ids; what waits for an answer gets an error. A process
 * that waits for a server which shares its open files can be ended by no signal: the server died with it, and the
 * connection lives as long as those files. The kernel lists connections by owner in a file system of their own.
 */
export function abortFuse(firstId: number, count: number): void {
  let control: number;
  try {
    control = newMount('fusectl', {});
  } catch (error) {
    if (error instanceof SliverdError) return; // a kernel without FUSE
    throw error;
  }
  try {
    for (const name of readdirSync(`/proc/self/fd/${control}`)) {
      const connection = `/proc/self/fd/${control}/${name}`;
      const owner = statSync(connection, { throwIfNoEntry: false })?.uid ?? -1;
      if (owner < firstId || owner >= firstId + count) continue;
      try {
        writeFileSync(`${connection}/abort`, '1');
      } catch {
        // It has just ended.
      }
    }
  } finally {
    closeFd(control);
  }
}
