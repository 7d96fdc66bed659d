import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

export interface Mount {
  readonly target: string;
  readonly type: string;
  readonly source: string;
  /** `major:minor` of the mounted file system. */
  readonly device: string;
}

/** The mounts of this mount namespace, in the order they were made (proc_pid_mountinfo(5)). */
export function mounts(): Mount[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const [left = '', right = ''] = line.split(' - ');
      const fields = left.split(' ');
      const [type = '', source = ''] = right.split(' ');
      return { target: unescaped(fields[4] ?? ''), type, source: unescaped(source), device: fields[2] ?? '' };
    });
}

function unescaped(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** The parts of a `dev` or `rdev` of stat(2), as the kernel packs its 12 and 20 bits into 32. */
export function deviceNumber(dev: number): { major: number; minor: number } {
  return { major: (dev >> 8) & 0xfff, minor: (dev & 0xff) | ((dev >> 12) & 0xfff00) };
}

/** `major:minor`, as the kernel writes it. */
export function deviceName(dev: number): string {
  const { major, minor } = deviceNumber(dev);
  return `${major}:${minor}`;
}

/** Whether a file system is mounted at `path`; cheap, for a path whose parent is on another one. */
export function isMountPoint(path: string): boolean {
  try {
    return statSync(path).dev !== statSync(dirname(path)).dev;
  } catch {
    return false;
  }
}

/** The mount that `path` is on. */
export function mountOf(path: string): Mount {
  const device = deviceName(statSync(path).dev);
  const all = mounts().filter((mount) => mount.device === device);
  const inside = all.filter(
    (mount) => mount.target === '/' || path === mount.target || path.startsWith(`${mount.target}/`),
  );
  return inside.at(-1) ?? all.at(-1) ?? { target: '/', type: '', source: '', device };
}
