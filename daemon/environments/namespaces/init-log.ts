import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  statSync,
  truncateSync,
} from 'node:fs';
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
  const path = () => {
    const disk = context.disks.opened(sliver);
    return disk ? `${disk}/init.log` : undefined;
  };
  return {
    /** Opens it for writers inside; each start begins a new one. */
    begin(): number {
      const file = path();
      // Never something of the host's instead: crun gives what it is handed to root inside.
      if (!file) throw new SliverdError('internal', `the disk of ${sliver.name} is not open`);
      if (existsSync(file)) truncateSync(file, 0);
      return openSync(file, 'a', 0o600);
    },
    /** The last 64 KiB, as text. Empty while the disk is closed. */
    read(): string {
      const file = path();
      if (!file || !existsSync(file)) return '';
      const fd = openSync(file, 'r');
      try {
        const { size } = fstatSync(fd);
        const buffer = Buffer.alloc(Math.min(size, KEPT));
        const length = readSync(fd, buffer, 0, buffer.length, Math.max(0, size - KEPT));
        return buffer.toString('utf8', 0, length);
      } finally {
        closeSync(fd);
      }
    },
    /** Writers append, so cutting it to nothing under them is safe. */
    shorten(): void {
      const file = path();
      if (!file || !existsSync(file) || statSync(file).size <= MOST) return;
      const fd = openSync(file, 'r+');
      try {
        ftruncateSync(fd, 0);
        context.log.info(
          { sliver: sliver.name, container: kernelName(sliver.id) },
          'init log past 1 MiB: begun anew',
        );
      } finally {
        closeSync(fd);
      }
    },
  };
}
