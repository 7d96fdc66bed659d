import { createHash } from 'node:crypto';
import { Program } from '../program.ts';
import type { ArchiveLimits } from './entries.ts';
import { ArchiveReader } from './reader.ts';

export interface Unpacked {
  /** `sha256:…` of the uncompressed archive, as OCI's DiffID. */
  digest: string;
  bytes: number;
  files: number;
}

/** All that unpacking needs; without mknod and sys_admin no mistake can make a device or a `trusted.*` attribute. */
const CAPABILITIES = '-all,+chown,+dac_override,+fowner,+fsetid,+setfcap';
const TAR = [
  '--extract',
  '--file=-',
  '--numeric-owner',
  '--same-owner',
  '--same-permissions',
  '--acls',
  '--xattrs',
  '--xattrs-include=user.*',
  '--xattrs-include=security.capability',
  // overlayfs gives these a meaning of its own.
  '--xattrs-exclude=user.overlay.*',
  '--warning=no-timestamp',
  '--warning=no-unknown-keyword',
];

/**
 * Checks, hashes and unpacks a stream of uncompressed tar into the empty directory `into`, with backpressure: no
 * byte reaches tar before it was checked. Throws `bad-archive` (or `too-large`) with the entry and what is wrong with it; tar is
 * then gone, and what is in `into` is the caller's to remove.
 */
export async function unpack(
  archive: AsyncIterable<Buffer>,
  into: string,
  options: {
    limits?: Partial<ArchiveLimits>;
    signal?: AbortSignal;
    onProgress?: (reader: ArchiveReader) => void;
  } = {},
): Promise<Unpacked> {
  const reader = new ArchiveReader(options.limits);
  const hash = createHash('sha256');
  const tar = new Program('setpriv', ['--bounding-set', CAPABILITIES, '--', 'tar', ...TAR, '-C', into], {
    stdin: 'pipe',
    ...(options.signal ? { signal: options.signal } : {}),
    code: 'bad-archive',
  });
  tar.child.stdout?.resume();
  try {
    for await (const chunk of archive) {
      options.signal?.throwIfAborted();
      const wanted = !reader.ended;
      reader.push(chunk);
      hash.update(chunk);
      // Nothing after the end is tar's business; it may have gone.
      if (wanted) await tar.write(chunk);
      options.onProgress?.(reader);
    }
    options.signal?.throwIfAborted();
    reader.end();
    tar.child.stdin?.end();
    await tar.success();
    return { digest: `sha256:${hash.digest('hex')}`, bytes: reader.bytes, files: reader.files };
  } finally {
    await tar.kill();
  }
}
