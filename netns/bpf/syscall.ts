import { Buffer } from 'node:buffer';
import { arch } from 'node:process';
import koffi from 'koffi';
import { call, libc } from '../../daemon/kernel/syscalls.ts';

/**
 * bpf(2), as far as the ledger uses it. Loading is bpftool's work. Every failure is a `kernel` error that names the
 * command, its subject and the errno.
 */
const NUMBER = arch === 'arm64' ? 280 : 321;
const syscallC = libc.func('long syscall(long number, int command, void *attributes, unsigned int size)');
const Command = {
  lookup: 1,
  update: 2,
  delete: 3,
  nextKey: 4,
  pin: 6,
  pinnedObject: 7,
  attach: 8,
  detach: 9,
  run: 10,
  programById: 13,
  mapById: 14,
  info: 15,
  query: 16,
  linkCreate: 28,
  iterCreate: 33,
} as const;

/** Where programs are attached in a cgroup (enum bpf_attach_type). Names stay: an upgrade detaches older versions by them. */
export const AttachType = {
  sock_create: 2,
  bind4: 8,
  bind6: 9,
  connect4: 10,
  connect6: 11,
  post_bind4: 12,
  post_bind6: 13,
  sendmsg4: 14,
  recvmsg4: 19,
  recvmsg6: 20,
  getpeername4: 29,
  getpeername6: 30,
  release: 34,
} as const;
const TRACE_ITER = 28;

/** union bpf_attr: little-endian numbers and pointers at their offsets. The buffers pointed to stay alive in `keep`. */
class Attributes {
  readonly bytes = Buffer.alloc(128);
  readonly keep: unknown[] = [];

  u32(offset: number, value: number): this {
    this.bytes.writeUInt32LE(value, offset);
    return this;
  }
  u64(offset: number, value: bigint): this {
    this.bytes.writeBigUInt64LE(value, offset);
    return this;
  }
  pointer(offset: number, to: Uint8Array): this {
    this.keep.push(to);
    return this.u64(offset, koffi.address(to));
  }
  call(command: keyof typeof Command, subject: string): number {
    return call(
      syscallC,
      `bpf ${command}`,
      subject,
      NUMBER,
      Command[command],
      this.bytes,
      this.bytes.byteLength,
    );
  }
}

function element(map: number, key: Uint8Array, value?: Uint8Array, flags = 0n): Attributes {
  const attributes = new Attributes().u32(0, map).pointer(8, key).u64(24, flags);
  return value ? attributes.pointer(16, value) : attributes;
}

/** Whether `error` is of this errno. */
export function isErrno(error: unknown, errno: number): boolean {
  return (error as { extra?: { errno?: number } }).extra?.errno === errno;
}
export const ENOENT = 2;
export const EEXIST = 17;

/** Fills `value`; false when the key isn't there. */
export function lookup(map: number, key: Uint8Array, value: Uint8Array): boolean {
  return unless(ENOENT, () => element(map, key, value).call('lookup', 'map element'));
}

export function update(map: number, key: Uint8Array, value: Uint8Array): void {
  element(map, key, value).call('update', 'map element');
}

/** False when the key isn't there. */
export function remove(map: number, key: Uint8Array): boolean {
  return unless(ENOENT, () => element(map, key).call('delete', 'map element'));
}

/** The keys of a map, `size` bytes each; those that come or go meanwhile may be missed. */
export function* keys(map: number, size: number): Generator<Buffer> {
  let at: Buffer | undefined;
  for (;;) {
    const next = Buffer.alloc(size);
    const attributes = new Attributes().u32(0, map).pointer(16, next);
    if (at) attributes.pointer(8, at);
    if (!unless(ENOENT, () => attributes.call('nextKey', 'map'))) return;
    yield next;
    at = next;
  }
}

function unless(errno: number, work: () => unknown): boolean {
  try {
    work();
    return true;
  } catch (error) {
    if (isErrno(error, errno)) return false;
    throw error;
  }
}

/** A descriptor of a pinned map or program, which the caller closes. */
export function openPinned(path: string): number {
  return new Attributes().pointer(0, Buffer.from(`${path}\0`)).call('pinnedObject', path);
}

/** Runs a program of section `syscall` with `context`, which it may change. */
export function runProgram(program: number, context: Uint8Array): void {
  new Attributes().u32(0, program).u32(40, context.byteLength).pointer(48, context).call('run', 'program');
}

const ALLOW_MULTI = 2;

/** Attaches beside the programs of others. It stays until it is detached or the cgroup goes. */
export function attachToCgroup(cgroup: number, program: number, type: keyof typeof AttachType): void {
  new Attributes()
    .u32(0, cgroup)
    .u32(4, program)
    .u32(8, AttachType[type])
    .u32(12, ALLOW_MULTI)
    .call('attach', type);
}

export function detachFromCgroup(cgroup: number, program: number, type: keyof typeof AttachType): boolean {
  return unless(ENOENT, () =>
    new Attributes().u32(0, cgroup).u32(4, program).u32(8, AttachType[type]).call('detach', type),
  );
}

/** Ids of the programs attached to this very cgroup. */
export function attachedTo(cgroup: number, type: keyof typeof AttachType): number[] {
  const ids = new Uint32Array(64);
  const attributes = new Attributes()
    .u32(0, cgroup)
    .u32(4, AttachType[type])
    .pointer(16, new Uint8Array(ids.buffer))
    .u32(24, ids.length);
  attributes.call('query', type);
  return [...ids.subarray(0, attributes.bytes.readUInt32LE(24))];
}

/** What the kernel knows of a program, from its descriptor; its name is cut after 15 characters. */
export function programInfo(program: number): { id: number; name: string; maps: number[] } {
  const maps = new Uint32Array(64);
  const info = Buffer.alloc(80); // the beginning of struct bpf_prog_info
  info.writeUInt32LE(maps.length, 52);
  info.writeBigUInt64LE(koffi.address(maps), 56);
  new Attributes().u32(0, program).u32(4, info.byteLength).pointer(8, info).call('info', 'program');
  return {
    id: info.readUInt32LE(4),
    name: text(info.subarray(64, 80)),
    maps: [...maps.subarray(0, info.readUInt32LE(52))],
  };
}

export function programId(program: number): number {
  return programInfo(program).id;
}

/** A map's name, cut after 15 characters, from its descriptor. */
export function mapName(map: number): string {
  const info = Buffer.alloc(40); // the beginning of struct bpf_map_info
  new Attributes().u32(0, map).u32(4, info.byteLength).pointer(8, info).call('info', 'map');
  return text(info.subarray(24, 40));
}

/** A descriptor, which the caller closes. Throws when there is none of that number (any more). */
export function openById(kind: 'program' | 'map', id: number): number {
  return new Attributes().u32(0, id).call(`${kind}ById`, `${kind} ${id}`);
}

/** Gives a program or map a name in a bpf file system, which keeps it. */
export function pin(fd: number, path: string): void {
  new Attributes()
    .pointer(0, Buffer.from(`${path}\0`))
    .u32(8, fd)
    .call('pin', path);
}

const text = (bytes: Buffer): string => bytes.toString('utf8', 0, Math.max(bytes.indexOf(0), 0));

/** A descriptor that gives, once, what an iterator program writes; the caller closes it. */
export function iterate(program: number, close: (fd: number) => void): number {
  const link = new Attributes().u32(0, program).u32(8, TRACE_ITER).call('linkCreate', 'iterator');
  try {
    return new Attributes().u32(0, link).call('iterCreate', 'iterator');
  } finally {
    close(link); // the iterator holds what it needs
  }
}

const mmapC = libc.func(
  'void *mmap(void *address, size_t length, int protection, int flags, int fd, int64_t offset)',
);
const munmapC = libc.func('int munmap(void *address, size_t length)');
const MAP_SHARED = 1;

/** A map's memory, as the kernel and its programs see it. After `unmap` the buffer must not be touched. */
export class Mapped {
  readonly buffer: ArrayBuffer;
  readonly #address: unknown;

  constructor(fd: number, length: number, offset = 0, writable = false) {
    this.#address = mmapC(null, length, writable ? 3 : 1, MAP_SHARED, fd, offset);
    if (koffi.address(this.#address) === 0xffff_ffff_ffff_ffffn) call(munmapC, 'mmap', 'map', null, 0);
    this.buffer = koffi.view(this.#address, length);
  }

  unmap(): void {
    munmapC(this.#address, this.buffer.byteLength);
  }
}
