import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';

/** Writes a file beside the one that holds, for all to read. @param durable whether the disk must have it on return */
export function writeBeside(path: string, content: Buffer | string, durable: boolean): void {
  rmSync(path, { recursive: true, force: true });
  const file = openSync(path, 'wx', 0o644);
  try {
    writeFileSync(file, content);
    if (durable) fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Leaves what is so already. */
export function keepFile(path: string, content: string): void {
  if (!existsSync(path) || readFileSync(path, 'utf8') !== content) replaceFile(path, content);
}

/** In place of what is there, whole: somebody may be reading. What a power cut undoes is made anew at the next start. */
export function replaceFile(path: string, content: string): void {
  writeBeside(`${path}.new`, content, false);
  renameSync(`${path}.new`, path);
}

/** Names that came or went survive a power cut. */
export function syncFolder(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
