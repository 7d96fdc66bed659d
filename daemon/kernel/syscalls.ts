import { flushCompileCache } from 'node:module';
import koffi from 'koffi';
import { SliverdError } from '../errors.ts';

/**
 * The system calls that Node lacks, by glibc's wrappers (2.36 and later), on the calling thread: the slowest, mounting
 * a small ext4, takes 2 ms. Every failure is a `kernel` error that names the call, its subject and the errno.
 */
export const libc = koffi.load('libc.so.6');
const strerror = libc.func('const char *strerror(int n)');
type Foreign = ReturnType<typeof libc.func>;

/** errno names that callers decide on. */
export const Errno = { ENOENT: 2, EBUSY: 16, EINVAL: 22 } as const;

export function failed(call: string, subject: string, errno: number): SliverdError {
  return new SliverdError('kernel', `${call} ${subject}: ${strerror(errno)}`, { extra: { call, errno } });
}

/** Calls a function of libc that tells failure by -1 and errno. */
export function call(func: Foreign, name: string, subject: string, ...args: unknown[]): number {
  const result = func(...args) as number;
  if (result < 0) throw failed(name, subject, koffi.errno());
  return result;
}

const exitC = libc.func('void _exit(int status)');
/**
 * Ends the process now. Node's own exit waits for V8's threads, and one that compiles may be waiting for this thread to collect garbage
 * for it: neither ever ends. Who has more to write writes it before.
 */
export function exitNow(status: number): void {
  flushCompileCache(); // the next start reads it
  exitC(status);
}

const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;

const openTreeC = libc.func('int open_tree(int dirfd, const char *path, unsigned int flags)');
/** A detached copy of the mount at `path` (OPEN_TREE_CLONE): a file descriptor that the caller closes. */
export function cloneTree(path: string): number {
  const OPEN_TREE_CLONE_CLOEXEC = 0x80001;
  return call(openTreeC, 'open_tree', path, AT_FDCWD, path, OPEN_TREE_CLONE_CLOEXEC);
}

const mountSetattrC = libc.func(
  'int mount_setattr(int dirfd, const char *path, unsigned int flags, void *attr, size_t size)',
);
export const MountAttr = { RDONLY: 0x1, NOSUID: 0x2, NODEV: 0x4, NOEXEC: 0x8, IDMAP: 0x100000 } as const;
/** Sets attributes on a detached mount; with IDMAP, ids are mapped by the user namespace behind `userNamespace`. */
export function setMountAttributes(tree: number, set: number, userNamespace = 0): void {
  const attributes = new BigUint64Array([BigInt(set), 0n, 0n, BigInt(userNamespace)]);
  call(mountSetattrC, 'mount_setattr', 'idmap', tree, '', AT_EMPTY_PATH, attributes, attributes.byteLength);
}

const moveMountC = libc.func(
  'int move_mount(int fromDir, const char *from, int toDir, const char *to, unsigned int flags)',
);
/** Attaches a detached mount at `target`. */
export function attachMount(tree: number, target: string): void {
  const MOVE_MOUNT_F_EMPTY_PATH = 4;
  call(moveMountC, 'move_mount', target, tree, '', AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH);
}

const fsopenC = libc.func('int fsopen(const char *type, unsigned int flags)');
const fsconfigC = libc.func(
  'int fsconfig(int fd, unsigned int command, const char *key, const char *value, int aux)',
);
const fsmountC = libc.func('int fsmount(int fd, unsigned int flags, unsigned int attributes)');
const readC = libc.func('long read(int fd, _Out_ uint8_t *buffer, size_t size)');
const closeC = libc.func('int close(int fd)');
export function closeFd(fd: number): void {
  closeC(fd);
}

/**
 * A new file system, mounted nowhere yet: returns a mount descriptor for `attachMount`. A refusal carries the
 * kernel's own message (`overlay: …`), which mount(2) would have put into the kernel log only.
 */
export function newMount(type: string, options: Record<string, string | true>, attributes = 0): number {
  const [SET_FLAG, SET_STRING, CREATE] = [0, 1, 6];
  const fd = call(fsopenC, 'fsopen', type, type, 1);
  const subject = `${type} ${options.source ?? ''}`.trim();
  try {
    for (const [key, value] of Object.entries(options)) {
      if (value === true) call(fsconfigC, 'fsconfig', `${type} ${key}`, fd, SET_FLAG, key, null, 0);
      else call(fsconfigC, 'fsconfig', `${type} ${key}=${value}`, fd, SET_STRING, key, value, 0);
    }
    call(fsconfigC, 'mount', subject, fd, CREATE, null, null, 0);
    return call(fsmountC, 'fsmount', subject, fd, 1, attributes);
  } catch (cause) {
    const message = Buffer.alloc(512);
    const length = Number(readC(fd, message, message.length));
    if (length > 0)
      throw new SliverdError('kernel', message.toString('utf8', 2, length).trim(), {
        cause,
      });
    throw cause;
  } finally {
    closeFd(fd);
  }
}

const umount2C = libc.func('int umount2(const char *path, int flags)');
/** Takes a mount away at once, though it may be in use (MNT_DETACH); what isn't mounted is no error. */
export function detachMount(path: string): boolean {
  const MNT_DETACH_NOFOLLOW = 2 | 8;
  if ((umount2C(path, MNT_DETACH_NOFOLLOW) as number) === 0) return true;
  const errno = koffi.errno();
  if (errno === Errno.EINVAL || errno === Errno.ENOENT) return false;
  throw failed('umount', path, errno);
}

const ioctlC = libc.func('int ioctl(int fd, unsigned long request, void *argument)');
const ioctlNumberC = libc.func('ioctl', 'int', ['int', 'unsigned long', 'unsigned long']);
export function ioctl(fd: number, request: number, argument: Uint8Array, subject: string): number {
  return call(ioctlC, 'ioctl', subject, fd, request, argument);
}
export function ioctlNumber(fd: number, request: number, argument: number, subject: string): number {
  return call(ioctlNumberC, 'ioctl', subject, fd, request, argument);
}

const openat2C = libc.func('long syscall(long number, int dirfd, const char *path, void *how, size_t size)');
/** Opens `path` as if the directory behind `root` were the root, on its own mount; the caller closes the descriptor. */
export function openInRoot(root: number, path: string, flags: number): number {
  const [SYS_openat2, O_CLOEXEC] = [437, 0o2000000];
  const [NO_XDEV, NO_MAGICLINKS, IN_ROOT] = [0x1, 0x2, 0x10];
  const how = new BigUint64Array([BigInt(flags | O_CLOEXEC), 0n, BigInt(NO_XDEV | NO_MAGICLINKS | IN_ROOT)]);
  return call(openat2C, 'openat2', path, SYS_openat2, root, path, how, how.byteLength);
}

const quotactlC = libc.func('int quotactl(int command, const char *special, int id, void *address)');
/** `device` is the block device of the mounted file system; the shape of `block` belongs to `command`. */
export function quotactl(command: number, device: string, id: number, block: Uint8Array): void {
  call(quotactlC, 'quotactl', `${device} project ${id}`, command, device, id, block);
}

const setnsC = libc.func('int setns(int fd, int type)');
/** Moves this thread into another network namespace; callers go back before they return to the event loop. */
export function setNetworkNamespace(fd: number): void {
  const CLONE_NEWNET = 0x40000000;
  call(setnsC, 'setns', 'network namespace', fd, CLONE_NEWNET);
}

const pipe2 = libc.func('int pipe2(void *fds, int flags)');
const O_CLOEXEC = 0o2000000;
/** A pipe that nobody can write to: reading it ends at once. The caller closes it. */
export function emptyPipe(): number {
  const ends = new Int32Array(2);
  call(pipe2, 'pipe2', 'of nothing', ends, O_CLOEXEC);
  closeC(ends[1]);
  return ends[0] ?? -1;
}

const adjtimexC = libc.func('int adjtimex(_Inout_ uint8_t *timex)');
/** What the kernel knows of its clock, by what an NTP daemon tells it (adjtimex(2)); seconds, and parts of a million. */
export interface ClockState {
  readonly synchronised: boolean;
  readonly offset: number;
  readonly frequencyPpm: number;
  readonly maxError: number;
  readonly estimatedError: number;
}

export function clockState(): ClockState {
  const timex = Buffer.alloc(208); // struct timex, with `modes` 0: nothing is changed
  const [TIME_ERROR, STA_NANO] = [5, 0x2000];
  const state = call(adjtimexC, 'adjtimex', 'clock', timex);
  const long = (at: number) => Number(timex.readBigInt64LE(at));
  return {
    synchronised: state !== TIME_ERROR,
    offset: long(8) / (timex.readInt32LE(40) & STA_NANO ? 1e9 : 1e6),
    frequencyPpm: long(16) / 65_536,
    maxError: long(24) / 1e6,
    estimatedError: long(32) / 1e6,
  };
}

/** Whether the kernel takes the clock for synchronised, which every NTP daemon tells it. */
export const clockIsSynchronised = (): boolean => clockState().synchronised;

const pollfd = koffi.struct('pollfd', { fd: 'int', events: 'short', revents: 'short' });
const pollC = libc.func('poll', 'int', [koffi.inout(koffi.pointer(pollfd)), 'unsigned long', 'int']);
const POLLIN = 1;
/** Whether a read would give something at once. For a terminal this is what the other side has written as of now. */
export function isReadable(fd: number): boolean {
  const entry = { fd, events: POLLIN, revents: 0 };
  call(pollC, 'poll', `${fd}`, entry, 1, 0);
  return (entry.revents & POLLIN) !== 0;
}

const fallocateC = libc.func('int fallocate(int fd, int mode, int64_t offset, int64_t length)');
/** Gives a file room for its first bytes, which read as zeros, without writing any. */
export function allocate(fd: number, bytes: number, subject: string): void {
  call(fallocateC, 'fallocate', subject, fd, 0, 0, bytes);
}

const lseekC = libc.func('int64_t lseek(int fd, int64_t offset, int whence)');
const SEEK_DATA = 3;
const SEEK_HOLE = 4;

/** Where an open file of `size` bytes has data, in order; the rest is holes, which read as zeros. */
export function dataExtents(fd: number, size: number): { start: number; end: number }[] {
  const extents: { start: number; end: number }[] = [];
  for (let offset = 0; offset < size; ) {
    const start = Number(lseekC(fd, offset, SEEK_DATA));
    if (start < 0) break; // ENXIO: none any more
    const end = Number(lseekC(fd, start, SEEK_HOLE));
    extents.push({ start, end });
    offset = end;
  }
  return extents;
}
