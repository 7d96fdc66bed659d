import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { SliverdError } from '../../errors.ts';
import { syncFolder, writeBeside } from '../../kernel/whole-file.ts';
import type { Staged } from '../../slivers/keys/files.ts';

/**
 * A file for each slice, which sshd reads as the slice's user, with the daemon or without: root's, read by all, replaced
 * whole. The record is the truth (docs/decisions/0027-keys.md); what differs from it is put right.
 */
export class SliceFolder<T> {
  readonly #folder: string;
  readonly #content: (what: T) => Buffer;

  readonly #nothing: Buffer;

  /** @param nothing lets nobody in, or keeps nobody out: a file of it may be lost, as long as none was there before. */
  constructor(folder: string, content: (what: T) => Buffer, nothing: T) {
    this.#folder = folder;
    this.#content = content;
    this.#nothing = content(nothing);
  }

  /** Writes beside what holds, durably; it holds once `commit` is called. */
  stage(slice: string, what: T): Staged {
    const path = this.#path(slice);
    const staged = `${this.#folder}/.${slice}.new`;
    const content = this.#content(what);
    let durable = true;
    try {
      this.#makeFolder();
      durable = statOf(path) !== undefined || !content.equals(this.#nothing);
      writeBeside(staged, content, durable);
      if (statOf(path)?.isDirectory()) rmSync(path, { recursive: true });
    } catch (cause) {
      rmSync(staged, { force: true });
      throw failed(slice, cause);
    }
    return {
      commit: () => {
        try {
          renameSync(staged, path);
          if (durable) syncFolder(this.#folder);
        } catch (cause) {
          throw failed(slice, cause);
        }
      },
      drop: () => rmSync(staged, { force: true }),
    };
  }

  remove(slice: string): void {
    rmSync(this.#path(slice), { recursive: true, force: true });
    syncFolder(this.#folder);
  }

  /** Makes the folder what the records say: after a crash between the two, and whatever somebody did to it. */
  reconcile(wanted: ReadonlyMap<string, T>): string[] {
    const mended: string[] = [];
    this.#makeFolder();
    for (const name of readdirSync(this.#folder)) {
      if (wanted.has(name)) continue;
      rmSync(`${this.#folder}/${name}`, { recursive: true, force: true });
      mended.push(`${name}: of no sliver`);
    }
    for (const [name, what] of wanted) {
      if (this.#holds(name, what)) continue;
      this.stage(name, what).commit();
      mended.push(`${name}: not as its record says`);
    }
    syncFolder(this.#folder);
    return mended;
  }

  #holds(slice: string, what: T): boolean {
    const stat = statOf(this.#path(slice));
    // A second name, or a link, would let its content be changed from elsewhere.
    if (!stat?.isFile() || stat.nlink !== 1 || stat.uid !== 0 || stat.gid !== 0) return false;
    return (stat.mode & 0o7777) === 0o644 && readFileSync(this.#path(slice)).equals(this.#content(what));
  }

  #path(slice: string): string {
    return `${this.#folder}/${slice}`;
  }

  #makeFolder(): void {
    const access = this.#folder.slice(0, this.#folder.lastIndexOf('/'));
    for (const folder of [access, this.#folder]) {
      const stat = statOf(folder);
      if (stat && !stat.isDirectory()) rmSync(folder);
      mkdirSync(folder, { recursive: true, mode: 0o755 });
      chownSync(folder, 0, 0);
      chmodSync(folder, 0o755);
    }
  }
}

function statOf(path: string) {
  return lstatSync(path, { throwIfNoEntry: false });
}

function failed(slice: string, cause: unknown): SliverdError {
  const full = (cause as NodeJS.ErrnoException).code === 'ENOSPC';
  return new SliverdError(
    full ? 'no-capacity' : 'kernel',
    `who may log in to ${slice} could not be written${full ? ': the disk of the state directory is full' : ''}`,
    { cause },
  );
}
