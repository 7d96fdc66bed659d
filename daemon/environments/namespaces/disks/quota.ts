import { existsSync } from 'node:fs';
import { blockDevice } from '../../../kernel/block-device.ts';
import { run } from '../../../kernel/run.ts';
import { boundQuota, countTowards, quotaUsage } from '../../project-quota.ts';
import type { DiskKind } from './disks.ts';

/** A plain directory under a project quota of its own: nothing is mounted, nothing is copied. */
export const quotaDisk: DiskKind = {
  kind: 'quota',

  async make(folder, sliver) {
    countTowards(folder, sliver);
    boundQuota(folder, sliver);
  },
  async remove(folder) {
    // A guest's tree can be deep, wide and hostile: rm walks it by descriptors and stays on the file system.
    await run('rm', ['-rf', '--one-file-system', '--', folder], { timeout: 600_000 });
  },
  async open(folder) {
    return folder;
  },
  close() {},
  look(folder, work) {
    return existsSync(folder) ? work(folder) : undefined;
  },
  device(folder) {
    return existsSync(folder) ? blockDevice(folder) : undefined;
  },
  resize(folder, sliver) {
    boundQuota(folder, sliver);
  },
  usage(folder, sliver) {
    return existsSync(folder) ? quotaUsage(folder, sliver) : undefined;
  },
};
