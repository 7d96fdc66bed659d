import {
  chmodSync,
  chownSync,
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';

/** Writes a file beside the one that holds, for all to read by default. @param durable whether the disk must have it on return */
export function writeBeside(path: string, content: Buffer | string, durable: boolean, mode = 0o644): void {
  rmSync(path, { recursive: true, force: true });
  const file = openSync(path, 'wx', mode);
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
export function replaceFile(path: string, content: string, mode?: number): void {
  writeBeside(`${path}.new`, content, false, mode);
  renameSync(`${path}.new`, path);
}

/** Puts a copy of a file in place, whole and with its rights: somebody may be running it. */
export function placeFile(from: string, to: string, mode: number, gid = 0): void {
  copyFileSync(from, `${to}.new`);
  chownSync(`${to}.new`, 0, gid);
  chmodSync(`${to}.new`, mode);
  renameSync(`${to}.new`, to);
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
