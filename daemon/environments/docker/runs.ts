import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';

/** Which run of a sliver a container's start was: a container has no place for it, its labels being for ever. */
export interface Run {
  readonly run: number;
  readonly container: string;
  /** As the engine tells it; another start of the same container, by whomever, has another. */
  readonly startedAt: string;
}

/** Since when a container is as it is, in milliseconds since 1970: the time of its file. */
export type KnownRun = Run & { readonly since: number };

/** One small file a sliver. Lost with a reboot, as is what runs. */
export class Runs {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  read(id: number): KnownRun | undefined {
    try {
      const run = JSON.parse(readFileSync(this.#path(id), 'utf8')) as Run;
      return { ...run, since: Math.floor(statSync(this.#path(id)).mtimeMs) };
    } catch {
      return undefined;
    }
  }

  write(id: number, run: Run): void {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    writeFileSync(`${this.#path(id)}.new`, JSON.stringify(run), { mode: 0o600 });
    renameSync(`${this.#path(id)}.new`, this.#path(id));
  }

  /** It was frozen or thawed just now. */
  touch(id: number): void {
    const now = new Date();
    utimesSync(this.#path(id), now, now);
  }

  remove(id: number): void {
    rmSync(this.#path(id), { force: true });
  }

  sweep(known: ReadonlySet<number>): string[] {
    const removed: string[] = [];
    try {
      for (const name of readdirSync(this.#folder)) {
        if (/^[0-9]+\.json$/.test(name) && known.has(Number.parseInt(name, 10))) continue;
        rmSync(`${this.#folder}/${name}`, { recursive: true, force: true });
        removed.push(`note ${name}`);
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    return removed;
  }

  #path(id: number): string {
    return `${this.#folder}/${id}.json`;
  }
}
