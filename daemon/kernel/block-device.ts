import { existsSync, readFileSync, statSync } from 'node:fs';
import { deviceNumber } from './mounts.ts';

/**
 * `major:minor` of the whole disk below a path, as io.max names it, which takes no partitions; undefined where that is
 * no block device (tmpfs, btrfs, overlay).
 */
export function blockDevice(path: string): string | undefined {
  const { major, minor } = deviceNumber(statSync(path).dev);
  if (major === 0) return undefined;
  const known = `/sys/dev/block/${major}:${minor}`;
  if (!existsSync(`${known}/partition`)) return `${major}:${minor}`;
  return readFileSync(`${known}/../dev`, 'utf8').trim();
}
