import { BadArchive, TooMuch } from './header.ts';

export type EntryKind = 'file' | 'link' | 'symlink' | 'directory' | 'fifo';

/** What an archive may hold. */
export interface ArchiveLimits {
  /** Entries, counting directories that are only implied. */
  entries: number;
  /** Of all files together, and of the archive's own length. */
  bytes: number;
  /** Names in a path. */
  depth: number;
  /** Of all paths together, which are kept in memory until the end: an archive of 40 MB can imply 2 GB of them. */
  pathBytes: number;
}
export const DEFAULT_LIMITS: ArchiveLimits = {
  entries: 1_000_000,
  bytes: 64 * 2 ** 30,
  depth: 128,
  pathBytes: 128 * 2 ** 20,
};

/** A sliver has the ids 0 to 65535; a file of any other owner could not be touched in it. */
const MAX_ID = 65_535;

/**
 * The tree that an archive's entries add up to. An entry is refused when unpacking it could touch anything but a
 * new file in a directory of the archive's own: nothing is ever unpacked over or through what is not a directory,
 * so that a symbolic link may point anywhere.
 */
export class ArchiveEntries {
  readonly #kinds = new Map<string, Exclude<EntryKind, 'link'>>([['', 'directory']]);
  readonly #limits: ArchiveLimits;
  #pathBytes = 0;

  constructor(limits: ArchiveLimits) {
    this.#limits = limits;
  }

  /** Throws `BadArchive` saying what is wrong with the entry. */
  add(entry: {
    kind: EntryKind;
    name: string;
    linkName: string;
    size: number;
    uid: number;
    gid: number;
  }): void {
    const { kind } = entry;
    if (kind !== 'directory' && entry.name.endsWith('/'))
      throw new BadArchive(`a ${kind} whose name ends in /`);
    const parts = this.#split(entry.name, 'its name');
    const path = parts.join('/');
    if (entry.uid > MAX_ID || entry.gid > MAX_ID)
      throw new BadArchive(
        `its owner ${entry.uid}:${entry.gid} is not within 0–${MAX_ID}, the ids that a sliver has`,
      );
    if (kind !== 'file' && entry.size !== 0)
      throw new BadArchive(`a ${kind} with ${entry.size} bytes of content`);
    if (path === '') {
      if (kind !== 'directory') throw new BadArchive(`the root of the archive is a ${kind}`);
      return;
    }
    this.#parents(parts);
    const known = this.#kinds.get(path);
    if (known !== undefined && !(known === 'directory' && kind === 'directory'))
      throw new BadArchive('it is in the archive twice');
    this.#set(path, kind === 'link' ? this.#target(entry.linkName) : kind);
    if (kind === 'symlink' && (entry.linkName === '' || Buffer.byteLength(entry.linkName) > 4095))
      throw new BadArchive('a symbolic link with no target, or one longer than 4095 bytes');
  }

  /** A hard link is to a file that the archive brought already; it is then the same kind of thing. */
  #target(linkName: string): Exclude<EntryKind, 'link' | 'directory'> {
    const path = this.#split(linkName, 'the target of the hard link').join('/');
    const kind = this.#kinds.get(path);
    if (kind === undefined)
      throw new BadArchive(
        `a hard link to ${JSON.stringify(linkName)}, which the archive did not bring before it`,
      );
    if (kind === 'directory')
      throw new BadArchive(`a hard link to the directory ${JSON.stringify(linkName)}`);
    return kind;
  }

  #parents(parts: string[]): void {
    for (let depth = parts.length - 1; depth > 0; depth--) {
      const parent = parts.slice(0, depth).join('/');
      const kind = this.#kinds.get(parent);
      if (kind === 'directory') return; // Its own parents were checked when it came.
      if (kind !== undefined)
        throw new BadArchive(
          `it would be unpacked through ${JSON.stringify(parent)}, which is a ${kind === 'symlink' ? 'symbolic link' : kind} in the archive`,
        );
      this.#set(parent, 'directory');
    }
  }

  #set(path: string, kind: Exclude<EntryKind, 'link'>): void {
    if (!this.#kinds.has(path)) this.#pathBytes += Buffer.byteLength(path);
    this.#kinds.set(path, kind);
    if (this.#pathBytes > this.#limits.pathBytes)
      throw new TooMuch(
        `paths of more than ${this.#limits.pathBytes} bytes are more than this node has room for`,
      );
    if (this.#kinds.size > this.#limits.entries)
      throw new TooMuch(`more than ${this.#limits.entries} entries are more than this node has room for`);
  }

  #split(name: string, what: string): string[] {
    if (name.startsWith('/')) throw new BadArchive(`${what} is absolute`);
    if (Buffer.byteLength(name) > 4095) throw new BadArchive(`${what} is longer than 4095 bytes`);
    const parts = name.split('/').filter((part) => part !== '' && part !== '.');
    if (parts.includes('..')) throw new BadArchive(`${what} has .. in it`);
    if (name === '') throw new BadArchive(`${what} is empty`);
    if (parts.length > this.#limits.depth)
      throw new BadArchive(`${what} is more than ${this.#limits.depth} deep`);
    if (parts.some((part) => Buffer.byteLength(part) > 255))
      throw new BadArchive(`a part of ${what} is longer than 255 bytes`);
    return parts;
  }
}
