import {
  closeSync,
  constants,
  existsSync,
  fchownSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  statSync,
} from 'node:fs';
import { SliverdError } from '../../errors.ts';
import { kernelName, type SliverRecord, uidBase } from '../../slivers/record.ts';
import type { Context } from './index.ts';

const KEPT = 64 * 1024;
const MOST = 1024 * 1024;
const { O_RDONLY, O_WRONLY, O_CREAT, O_TRUNC, O_APPEND, O_NONBLOCK } = constants;

/**
 * What a sliver's init and initscript write. The file lies on the sliver's own disk, beside its layer and out of the
 * guest's sight, so the sliver's own quota bounds it even while no daemon runs; the daemon shortens it past 1 MiB.
 *
 * Root inside owns the file and reaches it by the init's descriptors. It may hold a lease on it (fcntl(2)), for which an
 * ordinary open would wait 45 s, and the whole daemon with it: so every open here is one that doesn't wait.
 */
export function initLog(context: Context, sliver: SliverRecord) {
  const look = <T>(work: (file: string) => T) =>
    context.disks.look(sliver, (contents) => work(logIn(contents)));
  return {
    /** Opens it for writers inside; each start begins a new one. */
    begin(): number {
      const fd = look((file) => openSync(file, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NONBLOCK, 0o600));
      // Never something of the host's instead: crun gives what it is handed to root inside.
      if (fd === undefined) throw new SliverdError('internal', `the disk of ${sliver.name} is not open`);
      fchownSync(fd, uidBase(sliver.id), uidBase(sliver.id)); // so that /dev/stdout and /dev/stderr can be opened inside
      return fd;
    },
    /** The last 64 KiB, as text. Empty while no sliver has the disk in use. */
    read(): string {
      const text = look((file) => {
        if (!existsSync(file)) return '';
        const fd = unheld(file, O_RDONLY);
        if (fd === undefined)
          throw new SliverdError('busy', `a program in ${sliver.name} holds its log (a lease): try again`);
        return lastOf(fd);
      });
      return text ?? '';
    },
    /**
     * Writers append, so cutting it to nothing under them is safe.
     * @param contents of the sliver's disk
     * @returns whether it is short now
     */
    shorten(contents: string): boolean {
      const file = logIn(contents);
      if (!existsSync(file) || statSync(file).size <= MOST) return true;
      const fd = unheld(file, O_WRONLY);
      if (fd === undefined) return false; // the kernel has told the holder to let go: next time, then
      ftruncateSync(fd, 0);
      closeSync(fd);
      context.log.info(
        { sliver: sliver.name, container: kernelName(sliver.id) },
        'init log past 1 MiB: begun anew',
      );
      return true;
    },
  };
}

const logIn = (contents: string) => `${contents}/init.log`;

/** @param fd is closed */
function lastOf(fd: number): string {
  try {
    const { size } = fstatSync(fd);
    const buffer = Buffer.alloc(Math.min(size, KEPT));
    const length = readSync(fd, buffer, 0, buffer.length, Math.max(0, size - KEPT));
    return buffer.toString('utf8', 0, length);
  } finally {
    closeSync(fd);
  }
}

/** Opens a file that nobody holds a lease on; undefined while somebody does. */
function unheld(file: string, flags: number): number | undefined {
  try {
    return openSync(file, flags | O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined;
    throw error;
  }
}
