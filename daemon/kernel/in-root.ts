import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { openInRoot } from './syscalls.ts';

/** More than a thousand users have; parsing it holds up nobody. */
const MOST = 256 * 1024;

/**
 * Files below a root that belongs to somebody who may wish us ill, such as /proc/PID/root of a sliver's init. The kernel
 * resolves every link and `..` within that root, and leaves neither its file system nor for a magic link of /proc; what
 * it finds is opened without waiting, is a plain file, and is read to a bound. All else is as if it weren't there.
 * @returns the text, or undefined.
 */
export function readInRoot(root: string, path: string): string | undefined {
  return within(root, path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY, (fd) => {
    const { size } = fstatSync(fd);
    if (!fstatSync(fd).isFile() || size > MOST) return undefined;
    const buffer = Buffer.alloc(size);
    return buffer.toString('utf8', 0, readSync(fd, buffer, 0, size, 0));
  });
}

/** Whether there is a directory, in the same way. */
export function isDirectoryInRoot(root: string, path: string): boolean {
  return within(root, path, O_PATH, (fd) => fstatSync(fd).isDirectory()) ?? false;
}

/**
 * A socket, in the same way, held by a descriptor: by /proc/self/fd/N it can be connected to, whatever has its name by then.
 * @returns a descriptor that the caller closes, or undefined
 */
export function holdSocketInRoot(root: string, path: string): number | undefined {
  return within(root, path, O_PATH, (fd) => {
    // Its own number for as long as the caller likes.
    return fstatSync(fd).isSocket() ? openSync(`/proc/self/fd/${fd}`, O_PATH) : undefined;
  });
}

const O_PATH = 0o10000000;

function within<T>(root: string, path: string, flags: number, look: (fd: number) => T): T | undefined {
  let top: number | undefined;
  let fd: number | undefined;
  try {
    top = openSync(root, O_PATH | constants.O_DIRECTORY);
    fd = openInRoot(top, path, flags);
    return look(fd);
  } catch {
    return undefined;
  } finally {
    for (const each of [fd, top]) if (each !== undefined) closeSync(each);
  }
}
