import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { run } from '../../kernel/run.ts';
import { placeFile } from '../../kernel/whole-file.ts';

const SERVER = '/usr/lib/openssh/sftp-server';

/**
 * An sftp-server for images that have none, with the loader and the libraries it needs, seen inside at SFTP_INSIDE: so it
 * runs in any image of this machine's kind, even one without a C library. File by file: slivers that run have the folder.
 */
export async function provideSftp(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const files = new Map([['sftp-server', SERVER]]);
  for (const line of (await run('ldd', [SERVER])).split('\n')) {
    const [, path] = /^\s*(?:\S+ => )?(\/\S+) \(/.exec(line) ?? [];
    const name = path?.split('/').at(-1);
    if (path && name) files.set(name.startsWith('ld-') ? 'loader' : name, path);
  }
  for (const [name, from] of files) placeFile(from, `${folder}/${name}`, 0o755);
  for (const name of readdirSync(folder)) if (!files.has(name)) rmSync(`${folder}/${name}`);
}
