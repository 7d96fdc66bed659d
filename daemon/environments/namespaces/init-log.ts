import { closeSync, existsSync, fstatSync, openSync, readSync, statSync, truncateSync } from 'node:fs';
import { SliverdError } from '../../errors.ts';
import { kernelName, type SliverRecord } from '../../slivers/record.ts';
import type { Context } from './index.ts';

const KEPT = 64 * 1024;
const MOST = 1024 * 1024;

/**
 * What a sliver's init and initscript write. The file lies on the sliver's own disk, beside its layer and out of the
 * guest's sight, so the sliver's own quota bounds it even while no daemon runs; the daemon shortens it past 1 MiB.
 */
export function initLog(context: Context, sliver: SliverRecord) {
  const look = <T>(work: (file: string) => T) =>
    context.disks.look(sliver, (contents) => work(`${contents}/init.log`));
  return {
    /** Opens it for writers inside; each start begins a new one. */
    begin(): number {
      const fd = look((file) => {
        if (existsSync(file)) truncateSync(file, 0);
        return openSync(file, 'a', 0o600);
      });
      // Never something of the host's instead: crun gives what it is handed to root inside.
      if (fd === undefined) throw new SliverdError('internal', `the disk of ${sliver.name} is not open`);
      return fd;
    },
    /** The last 64 KiB, as text. Empty while no sliver has the disk in use. */
    read(): string {
      return look((file) => (existsSync(file) ? lastOf(file) : '')) ?? '';
    },
    /** Writers append, so cutting it to nothing under them is safe. */
    shorten(): void {
      const cut = look((file) => {
        if (!existsSync(file) || statSync(file).size <= MOST) return false;
        truncateSync(file, 0);
        return true;
      });
      if (cut)
        context.log.info(
          { sliver: sliver.name, container: kernelName(sliver.id) },
          'init log past 1 MiB: begun anew',
        );
    },
  };
}

function lastOf(file: string): string {
  const fd = openSync(file, 'r');
  try {
    const { size } = fstatSync(fd);
    const buffer = Buffer.alloc(Math.min(size, KEPT));
    const length = readSync(fd, buffer, 0, buffer.length, Math.max(0, size - KEPT));
    return buffer.toString('utf8', 0, length);
  } finally {
    closeSync(fd);
  }
}
