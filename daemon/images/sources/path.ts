import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { SliverdError } from '../../errors.ts';
import { Program } from '../program.ts';
import type { SourceOptions } from './source.ts';

const MAGIC: [string, Buffer][] = [
  ['gzip', Buffer.from([0x1f, 0x8b])],
  ['zstd', Buffer.from([0x28, 0xb5, 0x2f, 0xfd])],
  ['xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00])],
];
const CHUNK = 1 << 18;

/** A tar archive, told from its first bytes to be plain or compressed by gzip, zstd or xz; or a directory. */
export async function* pathArchive(path: string, options: SourceOptions): AsyncGenerator<Buffer> {
  if (!path.startsWith('/') || path.includes('\0'))
    throw new SliverdError('bad-source', `${JSON.stringify(path)}: the path of an image must be absolute`);
  // Opened once, so that what was looked at is what is read; not blocking on a fifo.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause) => {
    throw new SliverdError('bad-source', `${path} cannot be read`, { cause });
  });
  try {
    const stat = await file.stat();
    if (stat.isDirectory()) {
      yield* directory(file, options);
      return;
    }
    if (!stat.isFile()) throw new SliverdError('bad-source', `${path} is neither a file nor a directory`);
    const { buffer, bytesRead } = await read(file, 6, 0);
    const kind = MAGIC.find(([, magic]) =>
      buffer.subarray(0, bytesRead).subarray(0, magic.length).equals(magic),
    )?.[0];
    if (kind === 'xz' || kind === 'zstd') yield* program(kind, file, options);
    else if (kind === 'gzip') yield* gunzip(chunks(file, stat.size, options));
    else yield* chunks(file, stat.size, options);
  } finally {
    await file.close();
  }
}

/** That a disk gives nothing is the source's fault, not the daemon's. */
function read(file: FileHandle, length: number, at: number) {
  return file.read(Buffer.allocUnsafe(length), 0, length, at).catch((cause) => {
    throw new SliverdError('bad-source', `it cannot be read at byte ${at}`, { cause });
  });
}

async function* chunks(file: FileHandle, size: number, options: SourceOptions): AsyncGenerator<Buffer> {
  for (let at = 0; ; ) {
    const { buffer, bytesRead } = await read(file, CHUNK, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    options.fraction?.(at / size);
    yield buffer.subarray(0, bytesRead);
  }
}

async function* gunzip(compressed: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const source = Readable.from(compressed, { objectMode: false });
  const plain = createGunzip({ chunkSize: CHUNK });
  const done = pipeline(source, plain).catch(() => {});
  try {
    for await (const chunk of plain) yield chunk as Buffer;
  } catch (cause) {
    if (source.errored && source.errored !== plain.errored) throw source.errored;
    throw new SliverdError('bad-archive', `gzip: ${(cause as Error).message}`, { cause });
  } finally {
    source.destroy();
    plain.destroy();
    await done;
  }
}

/** Many frames in one file, and memory that a file may ask for, are things these programs know best. */
async function* program(
  name: 'xz' | 'zstd',
  file: FileHandle,
  options: SourceOptions,
): AsyncGenerator<Buffer> {
  const args =
    name === 'xz'
      ? ['--decompress', '--stdout', '--memlimit-decompress=512MiB']
      : ['--decompress', '--stdout', '--quiet', '--memory=512MB'];
  yield* new Program(name, args, {
    stdin: file.fd,
    code: 'bad-archive',
    ...(options.signal ? { signal: options.signal } : {}),
  }).output();
}

/** One directory gives one archive, and so one digest: sorted, and without times of reading. */
async function* directory(file: FileHandle, options: SourceOptions): AsyncGenerator<Buffer> {
  options.progress('reading the directory');
  const args = [
    '--create',
    '--file=-',
    '--format=posix',
    '--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime',
    '--sort=name',
    '--numeric-owner',
    '--acls',
    '--xattrs',
    '--xattrs-include=user.*',
    '--xattrs-include=security.capability',
    '--one-file-system',
    '--warning=no-file-ignored',
    `--directory=/proc/${process.pid}/fd/${file.fd}`,
    '.',
  ];
  yield* new Program('tar', args, {
    code: 'bad-source',
    ...(options.signal ? { signal: options.signal } : {}),
  }).output();
}
