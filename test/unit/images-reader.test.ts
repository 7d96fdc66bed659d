import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import fc from 'fast-check';
import { type Header, pack } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import type { SliverdError } from '../../daemon/errors.ts';
import { ArchiveReader } from '../../daemon/images/archive/reader.ts';

type Entry = Partial<Header> & { name: string } & { content?: string | Buffer; pax?: Record<string, string> };

async function tar(...entries: Entry[]): Promise<Buffer> {
  const stream = pack();
  for (const { content, ...header } of entries) stream.entry(header, content ?? '');
  stream.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function read(archive: Buffer, limits = {}, size = archive.length): ArchiveReader {
  const reader = new ArchiveReader(limits);
  for (let at = 0; at < archive.length; at += size) reader.push(archive.subarray(at, at + size));
  reader.end();
  return reader;
}

function complaint(archive: Buffer, limits = {}): string {
  try {
    read(archive, limits);
  } catch (error) {
    const { code, message } = error as SliverdError;
    expect(code).toBe(/room for/.test(message) ? 'too-large' : 'bad-archive');
    return message;
  }
  return 'accepted';
}

/** The same archive with bytes of its first header changed, and the checksum put right. */
function patched(archive: Buffer, at: number, bytes: Buffer | string, header = 0): Buffer {
  const copy = Buffer.from(archive);
  Buffer.from(bytes as string).copy(copy, header + at);
  copy.fill(' ', header + 148, header + 156);
  const sum = copy.subarray(header, header + 512).reduce((total, byte) => total + byte, 0);
  copy.write(`${sum.toString(8).padStart(6, '0')}\0 `, header + 148);
  return copy;
}

const file = { name: 'etc/motd', content: 'hello' };

describe('good archives', () => {
  it('are read whatever the size of the pieces', async () => {
    const archive = await tar(
      { name: './', type: 'directory' },
      { name: 'usr/bin/', type: 'directory' },
      { name: 'usr/bin/sh', content: 'x'.repeat(1500) },
      { name: 'usr/bin/bash', type: 'link', linkname: 'usr/bin/sh' },
      { name: 'bin', type: 'symlink', linkname: 'usr/bin' },
      { name: 'etc/passwd', type: 'symlink', linkname: '/../../etc/passwd' },
      { name: `long/${'name/'.repeat(50)}file`, content: 'y' },
      { name: 'run/pipe', type: 'fifo' },
    );
    for (const size of [1, 7, 511, 512, 513, 10_000]) {
      const reader = read(archive, {}, size);
      expect([reader.files, reader.bytes]).toEqual([8, 1501]);
    }
  });

  it('of GNU tar, in each of its formats, are read as tar itself lists them', () => {
    const directory = mkdtempSync(`${tmpdir()}/sliverd-unit-`);
    try {
      mkdirSync(`${directory}/${'deep/'.repeat(40)}`, { recursive: true });
      writeFileSync(`${directory}/${'deep/'.repeat(40)}${'long'.repeat(50)}`, 'content');
      writeFileSync(`${directory}/Főtanúsítvány`, '');
      linkSync(`${directory}/Főtanúsítvány`, `${directory}/second`);
      symlinkSync(`/${'target/'.repeat(60)}`, `${directory}/symlink`);
      for (const format of ['gnu', 'posix', 'oldgnu']) {
        const archive = execFileSync('tar', ['-c', `--format=${format}`, '-C', directory, '.']);
        expect(read(archive).files, format).toBe(45);
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe('refused, with the entry and the reason', () => {
  const cases: Record<string, [Entry[], RegExp]> = {
    'an absolute name': [[{ name: '/etc/motd' }], /"\/etc\/motd": its name is absolute/],
    'a name with ..': [[{ name: 'a/../../b' }], /"a\/..\/..\/b": its name has \.\. in it/],
    'a character device': [
      [{ name: 'dev/null', type: 'character-device' }],
      /"dev\/null" is a character device/,
    ],
    'a block device': [[{ name: 'dev/sda', type: 'block-device' }], /"dev\/sda" is a block device/],
    'a hard link to nothing': [[{ name: 'a', type: 'link', linkname: 'etc/shadow' }], /did not bring/],
    'an absolute hard link': [[{ name: 'a', type: 'link', linkname: '/etc/shadow' }], /target.*is absolute/],
    'a hard link out': [[{ name: 'a', type: 'link', linkname: '../shadow' }], /target.*has \.\./],
    'a hard link to a directory': [
      [
        { name: 'd', type: 'directory' },
        { name: 'a', type: 'link', linkname: 'd' },
      ],
      /to the directory "d"/,
    ],
    'a file through a symbolic link': [
      [
        { name: 'a', type: 'symlink', linkname: '/etc' },
        { name: 'a/passwd', content: 'x' },
      ],
      /"a\/passwd": it would be unpacked through "a", which is a symbolic link/,
    ],
    'a file through a hard link to a symbolic link': [
      [
        { name: 'a', type: 'symlink', linkname: '/etc' },
        { name: 'b', type: 'link', linkname: 'a' },
        { name: 'b/c/passwd', content: 'x' },
      ],
      /through "b", which is a symbolic link/,
    ],
    'a file through a file': [[file, { name: 'etc/motd/x' }], /through "etc\/motd", which is a file/],
    'a directory turned into a symbolic link': [
      [{ name: 'a/b' }, { name: './a', type: 'symlink', linkname: '/etc' }],
      /"\.\/a": it is in the archive twice/,
    ],
    'a file twice': [[file, { ...file, name: './etc//motd' }], /twice/],
    'a name of many parts': [[{ name: `${'d/'.repeat(200)}x` }], /more than 128 deep/],
    'a name of many bytes': [[{ name: 'd'.repeat(300) }], /longer than 255 bytes/],
    'an owner no sliver has': [[{ name: 'a', uid: 65_536 }], /owner 65536:0/],
    'nothing at all': [[], /nothing in it/],
    'a sparse file in pax': [
      [{ name: 'a', content: 'x', pax: { 'GNU.sparse.name': 'b' } }],
      /after entry|GNU\.sparse\.name/,
    ],
    'a name with a NUL': [[{ name: 'é\0b' }], /NUL/],
  };
  it.each(Object.entries(cases))('%s', async (_, [entries, reason]) => {
    expect(complaint(await tar(...entries))).toMatch(reason);
  });

  it('what is not an archive, or not the whole of one', async () => {
    const archive = await tar(file, { name: 'b', content: 'y'.repeat(2000) });
    expect(complaint(Buffer.alloc(0))).toMatch(/empty/);
    expect(complaint(Buffer.from('not an archive at all'.repeat(100)))).toMatch(/not a tar archive|no valid/);
    for (const length of [1, 512, 1000, 2048, 4096, archive.length - 512])
      expect(complaint(archive.subarray(0, length)), String(length)).toMatch(/cut short/);
    expect(complaint(Buffer.concat([archive, Buffer.from('x'.repeat(512))]))).toMatch(/no valid|checksum/);
    expect(complaint(Buffer.concat([archive, archive]))).toMatch(/something follows its end/);
    expect(complaint(Buffer.concat([archive, Buffer.alloc(2_000_000)]))).toMatch(/megabyte of nothing/);
  });

  it('what other readers of tar let through', async () => {
    const archive = await tar(file);
    expect(complaint(patched(archive, 156, 'S'))).toMatch(/sparse/);
    expect(complaint(patched(archive, 156, 'Q'))).toMatch(/unknown type "Q"/);
    expect(complaint(patched(archive, 156, '1'))).toMatch(/a link with 5 bytes/);
    expect(complaint(patched(archive, 0, 'etc/mot/'))).toMatch(/ends in \//);
    expect(complaint(patched(archive, 0, Buffer.from([0x65, 0xff])))).toMatch(/not UTF-8/);
    expect(complaint(patched(archive, 124, Buffer.alloc(12, 0xff)))).toMatch(/no valid size/);
    expect(complaint(patched(archive, 257, Buffer.alloc(8)))).toMatch(/neither ustar/);
    const header = async (flag: string, content: string) =>
      complaint(patched(await tar({ name: 'header', content }, file), 156, flag));
    expect(await header('g', '13 comment=x\n')).toBe('accepted');
    expect(await header('g', '9 path=x\n')).toMatch(/global/);
    expect(await header('x', '9 path=x\n')).toBe('accepted');
    for (const pax of ['8 path=x\n', '11 path=x\n', ' 9 path=x\n', '09 path=x\n', '9 path:x\n', '5 =x\n'])
      expect(await header('x', pax), pax).toMatch(/malformed/);
    expect(await header('x', '9 path=x\n9 path=y\n')).toMatch(/twice/);
    expect(await header('x', '12 size=1e3\n')).toMatch(/not a number/);
    expect(await header('x', '21 hdrcharset=BINARY\n')).toMatch(/hdrcharset/);
    expect(await header('L', 'name\0')).toBe('accepted');
    expect(await header('L', 'na\0me\0')).toMatch(/only NUL/);
    expect(await header('L', 'name')).toMatch(/only NUL/);
  });

  it('more than the limits, before any of it is unpacked', async () => {
    const archive = await tar(file, { name: 'b/c/d', content: 'z' });
    expect(complaint(archive, { bytes: 5 })).toMatch(/more than 5 bytes/);
    expect(complaint(archive, { entries: 5 })).toMatch(/more than 5 entries/);
    expect(complaint(archive, { entries: 6 })).toBe('accepted');
    // etc, etc/motd, b, b/c and b/c/d: what a path implies is kept too.
    expect(complaint(archive, { pathBytes: 19 })).toMatch(/paths of more than 19 bytes.*room for/);
    expect(complaint(archive, { pathBytes: 20 })).toBe('accepted');
    const bomb = patched(archive, 124, '77777777777\0');
    expect(() => new ArchiveReader({ bytes: 1e9 }).push(bomb.subarray(0, 512))).toThrow(/room for/);
  });
});

it('never takes an archive with random damage for anything but good or bad', async () => {
  const good = await tar(
    { name: 'bin/', type: 'directory' },
    { name: 'bin/sh', content: 'x'.repeat(700) },
    { name: 'bin/link', type: 'symlink', linkname: 'sh' },
    { name: `d/${'name/'.repeat(50)}file`, content: 'y' },
  );
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
      (changes) => {
        const bad = Buffer.from(good);
        for (const [at, byte] of changes) bad[at] = byte;
        complaint(bad);
      },
    ),
    { numRuns: 500 },
  );
});
