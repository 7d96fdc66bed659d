import { replaceFile } from '../../kernel/whole-file.ts';
import type { LoginFiles, LoginRules, Staged } from '../../slivers/keys/files.ts';
import { NOTHING_REVOKED, type Revoked } from '../../slivers/keys/revocation.ts';
import type { SliverRecord } from '../../slivers/record.ts';
import { SliceFolder } from './folder.ts';

/** Who has to know of changes. */
export interface LoginListener {
  /** Slices came or went. */
  slices?(): unknown;
  /** sshd must read `revoked.conf` again. */
  names?(): Promise<void>;
  /** Somebody may be let in no more. */
  rules?(): void;
}

/**
 * What sshd knows of slices' users, in the folder `access`: `keys/SLICE` (authorized_keys), `revoked/SLICE` (KRL), and
 * `revoked.conf`, which names the latter to sshd, slice by slice: RevokedKeys has no %u. It reads the names only
 * when it is started or told to (SIGHUP), and is not there for a moment then, so they are of slices that ever revoked
 * something. sshd refuses everybody where the file isn't there, so each slice has one, empty when nothing is revoked.
 */
export class SliceLoginFiles implements LoginFiles {
  readonly #folder: string;
  readonly #keys: SliceFolder<readonly string[]>;
  readonly #revoked: SliceFolder<Revoked>;
  readonly #names = new Set<string>();
  readonly #listeners: LoginListener[] = [];
  #inForce: Promise<unknown> = Promise.resolve();

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
    const isNew = keys !== undefined && revoked !== undefined;
    const commit = () => {
      for (const one of staged) one.commit();
      if (isNew) this.#tellSlices();
      if (revoked && revoked.list !== '' && !this.#names.has(slice)) {
        this.#names.add(slice);
        this.#writeNames();
        this.#inForce = Promise.all(this.#listeners.map((listener) => listener.names?.()));
      }
      for (const listener of this.#listeners) listener.rules?.();
    };
    return { commit, drop };
  }

  async inForce(): Promise<void> {
    await this.#inForce;
  }

  listen(listener: LoginListener): void {
    this.#listeners.push(listener);
  }

  remove(slice: string): void {
    this.#keys.remove(slice);
    // Named no more before it is gone. An sshd that has the name still finds the file of the next slice of that name.
    if (this.#names.delete(slice)) this.#writeNames();
    this.#revoked.remove(slice);
    this.#tellSlices();
  }

  /** Makes the folder what the records say: after a crash between the two, and whatever somebody did to it. */
  reconcile(records: readonly SliverRecord[]): string[] {
    const live = records.filter(({ desired }) => desired !== 'deleted');
    const mended = [
      ...this.#keys.reconcile(new Map(live.map(({ name, keys }) => [name, keys]))),
      ...this.#revoked.reconcile(new Map(live.map(({ name, revoked }) => [name, revoked]))),
    ];
    for (const { name, revoked } of live) if (revoked.list !== '') this.#names.add(name);
    this.#writeNames();
    return mended;
  }

  #tellSlices(): void {
    for (const listener of this.#listeners) listener.slices?.();
  }

  #writeNames(): void {
    const block = (slice: string) =>
      `Match User ${slice}\n  RevokedKeys "${this.#folder}/revoked/${slice}"\n`;
    replaceFile(`${this.#folder}/revoked.conf`, [...this.#names].sort().map(block).join(''));
  }
}

function textOf(keys: readonly string[]): string {
  return `# Written by sliverd, which puts changes right: sliverctl key\n${keys.map((key) => `${key}\n`).join('')}`;
}
