import { closeSync, fsyncSync, openSync, renameSync, writeFileSync } from 'node:fs';
import type { LoginFiles, LoginRules, Staged } from '../../slivers/keys/files.ts';
import { NOTHING_REVOKED, type Revoked } from '../../slivers/keys/revocation.ts';
import type { SliverRecord } from '../../slivers/record.ts';
import { SliceFolder } from './folder.ts';

/**
 * What sshd knows of slices' users, in the folder `access`: `keys/SLICE` (authorized_keys), `revoked/SLICE` (KRL), and
 * `revoked.conf`, which names the latter to sshd, slice by slice: RevokedKeys has no %u. sshd refuses everybody where
 * the file isn't there, so each slice has one, empty when nothing is revoked; it reads it at each login, and the
 * names only when it is started or told to (SIGHUP).
 */
export class SliceLoginFiles implements LoginFiles {
  readonly #folder: string;
  readonly #keys: SliceFolder<readonly string[]>;
  readonly #revoked: SliceFolder<Revoked>;
  readonly #slices = new Set<string>();

  constructor(folder: string) {
    this.#folder = folder;
    this.#keys = new SliceFolder<readonly string[]>(
      `${folder}/keys`,
      (keys) => Buffer.from(textOf(keys)),
      [],
    );
    this.#revoked = new SliceFolder(
      `${folder}/revoked`,
      ({ list }) => Buffer.from(list, 'base64'),
      NOTHING_REVOKED,
    );
  }

  stage(slice: string, { keys, revoked }: Partial<LoginRules>): Staged {
    const staged: Staged[] = [];
    const drop = () => {
      for (const one of staged) one.drop();
    };
    try {
      if (keys) staged.push(this.#keys.stage(slice, keys));
      if (revoked) staged.push(this.#revoked.stage(slice, revoked));
    } catch (error) {
      drop();
      throw error;
    }
    const commit = () => {
      for (const one of staged) one.commit();
      if (this.#slices.has(slice)) return;
      this.#slices.add(slice);
      this.#writeNames();
    };
    return { commit, drop };
  }

  remove(slice: string): void {
    this.#keys.remove(slice);
    // Named no more before it is gone.
    this.#slices.delete(slice);
    this.#writeNames();
    this.#revoked.remove(slice);
  }

  /** Makes the folder what the records say: after a crash between the two, and whatever somebody did to it. */
  reconcile(records: readonly SliverRecord[]): string[] {
    const live = records.filter(({ desired }) => desired !== 'deleted');
    const mended = [
      ...this.#keys.reconcile(new Map(live.map(({ name, keys }) => [name, keys]))),
      ...this.#revoked.reconcile(new Map(live.map(({ name, revoked }) => [name, revoked]))),
    ];
    for (const { name } of live) this.#slices.add(name);
    this.#writeNames();
    return mended;
  }

  #writeNames(): void {
    const path = `${this.#folder}/revoked.conf`;
    const text = [...this.#slices]
      .sort()
      .map((slice) => `Match User ${slice}\n  RevokedKeys "${this.#folder}/revoked/${slice}"\n`)
      .join('');
    const fresh = openSync(`${path}.new`, 'w', 0o644);
    try {
      writeFileSync(fresh, text);
      fsyncSync(fresh);
    } finally {
      closeSync(fresh);
    }
    renameSync(`${path}.new`, path);
  }
}

function textOf(keys: readonly string[]): string {
  return `# Written by sliverd, which puts changes right: sliverctl key\n${keys.map((key) => `${key}\n`).join('')}`;
}
