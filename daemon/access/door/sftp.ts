import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { run } from '../../kernel/run.ts';

const SERVER = '/usr/lib/openssh/sftp-server';

/**
 * An sftp-server for images that have none, with the loader and the libraries it needs, seen inside at SFTP_INSIDE: so it
 * runs in any image of this machine's kind, even one without a C library.
 */
export async function provideSftp(folder: string): Promise<void> {
  const fresh = `${folder}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true, mode: 0o755 });
  copyFileSync(SERVER, `${fresh}/sftp-server`);
  for (const line of (await run('ldd', [SERVER])).split('\n')) {
    const [, path] = /^\s*(?:\S+ => )?(\/\S+) \(/.exec(line) ?? [];
    if (!path) continue;
    const name = path.split('/').at(-1) ?? '';
    copyFileSync(path, `${fresh}/${name.startsWith('ld-') ? 'loader' : name}`);
  }
  // Slivers that run have the older one mounted; they keep it.
  if (existsSync(folder)) rmSync(folder, { recursive: true, force: true });
  renameSync(fresh, folder);
}
