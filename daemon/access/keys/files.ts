import {
  chmodSync,
  chownSync,
  closeSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { SliverdError } from '../../errors.ts';
import type { SliverRecord } from '../../slivers/record.ts';
import type { KeyFiles } from '../../slivers/service.ts';

/**
 * The authorized_keys file of each slice, which sshd reads as the slice's user, with the daemon or without: root's, read by
 * all, replaced whole. The record is the truth (docs/decisions/0027-keys.md); what differs from it is put right.
 */
export class SliceKeyFiles implements KeyFiles {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  stage(slice: string, keys: readonly string[]): { commit(): void; drop(): void } {
    const path = this.#path(slice);
    const staged = `${this.#folder}/.${slice}.new`;
    try {
      this.#makeFolder();
      rmSync(staged, { recursive: true, force: true });
      const file = openSync(staged, 'wx', 0o644);
      try {
        writeFileSync(file, textOf(keys));
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      if (statOf(path)?.isDirectory()) rmSync(path, { recursive: true });
    } catch (cause) {
      rmSync(staged, { force: true });
      throw failed(slice, cause);
    }
    return {
      commit: () => {
        try {
          renameSync(staged, path);
          this.#sync();
        } catch (cause) {
          throw failed(slice, cause);
        }
      },
      drop: () => rmSync(staged, { force: true }),
    };
  }

  remove(slice: string): void {
    rmSync(this.#path(slice), { recursive: true, force: true });
    this.#sync();
  }

  /** Makes the folder what the records say: after a crash between the two, and whatever somebody did to it. */
  reconcile(records: readonly SliverRecord[]): string[] {
    const mended: string[] = [];
    this.#makeFolder();
    const wanted = new Map(
      records.filter(({ desired }) => desired !== 'deleted').map(({ name, keys }) => [name, keys]),
    );
    for (const name of readdirSync(this.#folder)) {
      if (wanted.has(name)) continue;
      rmSync(`${this.#folder}/${name}`, { recursive: true, force: true });
      mended.push(`${name}: of no sliver`);
    }
    for (const [name, keys] of wanted) {
      if (this.#holds(name, keys)) continue;
      this.stage(name, keys).commit();
      mended.push(`${name}: not as its record says`);
    }
    this.#sync();
    return mended;
  }

  #holds(slice: string, keys: readonly string[]): boolean {
    const stat = statOf(this.#path(slice));
    // A second name, or a link, would let its content be changed from elsewhere.
    if (!stat?.isFile() || stat.nlink !== 1 || stat.uid !== 0 || stat.gid !== 0) return false;
    return (stat.mode & 0o7777) === 0o644 && readFileSync(this.#path(slice), 'utf8') === textOf(keys);
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

  /** Names that came or went survive a power cut. */
  #sync(): void {
    const folder = openSync(this.#folder, 'r');
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  }
}

function textOf(keys: readonly string[]): string {
  return `# Written by sliverd, which puts changes right: sliverctl key\n${keys.map((key) => `${key}\n`).join('')}`;
}

function statOf(path: string) {
  return lstatSync(path, { throwIfNoEntry: false });
}

function failed(slice: string, cause: unknown): SliverdError {
  const full = (cause as NodeJS.ErrnoException).code === 'ENOSPC';
  return new SliverdError(
    full ? 'no-capacity' : 'kernel',
    `the keys of ${slice} could not be written${full ? ': the disk of the state directory is full' : ''}`,
    { cause },
  );
}
