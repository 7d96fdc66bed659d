import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { during, SliverdError } from '../errors.ts';
import { HOST_ENV } from './run.ts';

/**
 * A user namespace that maps ids 0 and up to `base` and up, as an open descriptor: what an idmapped mount wants.
 * The kernel gives one only to a process that lives in it, so a child lives for the two milliseconds this takes;
 * it waits on a pipe, so it is gone whatever happens to the daemon.
 */
export async function idMapping(base: number, count: number): Promise<{ fd: number; close(): void }> {
  const child = spawn('unshare', ['--user', 'sh', '-c', 'echo && read _'], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: HOST_ENV,
  });
  let complaint = '';
  child.stderr.on('data', (data) => {
    complaint += data;
  });
  child.stdin.on('error', () => {});
  try {
    return await during(`mapping ids from ${base}`, async () => {
      await Promise.race([
        once(child.stdout, 'data'),
        once(child, 'close').then(() => {
          throw new SliverdError('host-tool', `unshare --user: ${complaint.trim() || 'ended early'}`);
        }),
      ]);
      for (const map of ['uid_map', 'gid_map'])
        writeFileSync(`/proc/${child.pid}/${map}`, `0 ${base} ${count}\n`);
      const fd = openSync(`/proc/${child.pid}/ns/user`, 'r');
      return { fd, close: () => closeSync(fd) };
    });
  } finally {
    child.stdin.end();
    child.kill('SIGKILL');
  }
}
