import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, statfsSync } from 'node:fs';
import type { Logger } from 'pino';
import { during, SliverdError } from '../errors.ts';
import { run } from '../kernel/run.ts';
import { syncFolder } from '../kernel/whole-file.ts';
import type { Database } from '../store/database.ts';
import { DEFAULT_LIMITS } from './archive/entries.ts';
import { type Unpacked, unpack } from './archive/unpack.ts';
import { removeLeftContainer } from './sources/docker.ts';
import { openSource } from './sources/index.ts';
import { listStaging, makeStaging, removeTree, retire } from './staging.ts';
import { ImageTable } from './table.ts';

export interface ImageRecord {
  name: string;
  /** `sha256:…` of the uncompressed archive. */
  digest: string;
  /** Of the files in it together. */
  bytes: number;
  files: number;
  /** Where it came from, as in `build debian-12`. */
  source: string;
  /** Milliseconds since the epoch. */
  createdAt: number;
}

export type ImageSource = { build: string } | { path: string } | { docker: string };

export interface CreateOptions {
  progress(message: string, percent?: number): void;
  signal?: AbortSignal;
}

export interface ImageStoreOptions {
  /** Holds `<sha256>/root` for each content, and `.staging-*` while work is under way. */
  directory: string;
  database: Database;
  log: Logger;
  /** Of the Docker engine that images may come from. Default: /var/run/docker.sock. */
  dockerSocket?: string;
  /** The network namespace that builds download in, by path. Default: the daemon's own. */
  buildNetwork?: string;
}

/**
 * Images: immutable trees of files, known by name, stored by content, shared by all slivers. Whatever the source,
 * there is one way in: a stream of tar, checked, hashed and unpacked beside its final place, made durable, renamed
 * into place, and only then named. A crash at any point leaves staging that `sweep` clears, or a whole tree.
 */
export class ImageStore {
  readonly #options: ImageStoreOptions;
  readonly #table: ImageTable;
  readonly #creating = new Set<string>();

  constructor(options: ImageStoreOptions) {
    this.#options = options;
    this.#table = new ImageTable(options.database);
    // Set-user-id programs of an image are for slivers alone.
    mkdirSync(options.directory, { recursive: true, mode: 0o700 });
    chmodSync(options.directory, 0o700);
  }

  list(): ImageRecord[] {
    return this.#table.list();
  }

  find(name: string): ImageRecord | undefined {
    return this.#table.find(name);
  }

  /** Throws `not-found`. */
  get(name: string): ImageRecord {
    const image = this.#table.find(name);
    if (!image)
      throw new SliverdError(
        'not-found',
        `there is no image ${JSON.stringify(name)} (see 'sliverctl image list')`,
      );
    return image;
  }

  /** The unpacked tree of a content; owners in it are as the sliver sees them. */
  root(digest: string): string {
    return `${this.#tree(digest)}/root`;
  }

  /**
   * Makes the image, or gives the one there is when its content is the same. Throws `exists` when the name stands
   * for other content, `bad-source`, `bad-archive`, `too-large`, `no-capacity`, `host-tool`; nothing is left behind then.
   */
  async create(name: string, source: ImageSource, options: CreateOptions): Promise<ImageRecord> {
    if (this.#creating.has(name)) throw new SliverdError('exists', `image ${name} is being made already`);
    // Nearly always other content by now; finding out would take the minute that a build takes.
    if ('build' in source && this.#table.find(name)) throw taken(this.get(name));
    this.#creating.add(name);
    try {
      return await during(`making image ${name} from ${describe(source)}`, () =>
        this.#create(name, source, options),
      );
    } finally {
      this.#creating.delete(name);
    }
  }

  async #create(name: string, source: ImageSource, options: CreateOptions): Promise<ImageRecord> {
    const { directory, log } = this.#options;
    options.signal?.throwIfAborted();
    const staging = await makeStaging(directory);
    try {
      const made = await this.#unpack(source, staging, options);
      options.progress('writing it to the disk', 95);
      await removeTree(`${staging}/scratch`);
      await run('sync', ['--file-system', staging], { timeout: 600_000 });
      options.signal?.throwIfAborted();
      const image = this.#commit(name, describe(source), made, staging);
      log.info(
        { image: name, digest: image.digest, files: image.files, bytes: image.bytes },
        'image created',
      );
      options.progress('done', 100);
      return image;
    } finally {
      await removeTree(staging).catch((error) =>
        log.warn({ err: error, staging }, 'staging is left for a sweep'),
      );
    }
  }

  async #unpack(source: ImageSource, staging: string, options: CreateOptions): Promise<Unpacked> {
    const { log, dockerSocket, buildNetwork } = this.#options;
    let last = Number.NEGATIVE_INFINITY;
    let fraction: number | undefined;
    const archive = openSource(source, {
      progress: options.progress,
      fraction: (done) => {
        fraction = done;
      },
      scratch: `${staging}/scratch`,
      log,
      ...(options.signal ? { signal: options.signal } : {}),
      ...(dockerSocket ? { dockerSocket } : {}),
      ...(buildNetwork ? { buildNetwork } : {}),
    });
    return await unpack(archive, `${staging}/root`, {
      limits: this.#room(),
      ...(options.signal ? { signal: options.signal } : {}),
      onProgress: (reader) => {
        // A build tells more of itself than this would.
        if ('build' in source || performance.now() - last < 500) return;
        last = performance.now();
        options.progress(
          `unpacking: ${reader.files} files, ${Math.round(reader.bytes / 1e6)} MB`,
          fraction === undefined ? undefined : Math.floor(fraction * 95),
        );
      },
    });
  }

  /** An archive may not fill the disk that slivers and the daemon's records need: 5 % of it stay free. */
  #room(): { bytes: number; entries: number } {
    const disk = statfsSync(this.#options.directory);
    const bytes = disk.bsize * (disk.bavail - disk.blocks / 20);
    // Some file systems count no inodes.
    const entries = disk.files === 0 ? DEFAULT_LIMITS.entries : disk.ffree - disk.files / 20;
    return {
      bytes: Math.max(0, Math.min(DEFAULT_LIMITS.bytes, Math.floor(bytes))),
      entries: Math.max(0, Math.min(DEFAULT_LIMITS.entries, Math.floor(entries))),
    };
  }

  /** No waiting in here: between looking at what there is and the record, nothing else can happen. */
  #commit(name: string, source: string, made: Unpacked, staging: string): ImageRecord {
    const known = this.#table.find(name);
    if (known && known.digest !== made.digest) throw taken(known);
    const tree = this.#tree(made.digest);
    if (!existsSync(tree)) {
      renameSync(staging, tree);
      syncFolder(this.#options.directory);
    }
    if (known) return known;
    const image = { name, ...made, source, createdAt: Date.now() };
    this.#table.insert(image);
    return image;
  }

  /**
   * Removes the name, and the tree once no other name has it. Throws `in-use` with `usedBy` while slivers use
   * the content, `not-found`.
   * @param usedBy gives the slivers that use a digest.
   */
  async delete(name: string, usedBy: (digest: string) => string[]): Promise<void> {
    const { digest } = this.get(name);
    const users = usedBy(digest);
    if (users.length > 0)
      throw new SliverdError(
        'in-use',
        `image ${name} is used by ${users.length === 1 ? 'sliver' : 'slivers'} ${users.slice(0, 10).join(', ')}${users.length > 10 ? ', …' : ''}: delete them first`,
        { extra: { usedBy: users } },
      );
    this.#table.delete(name);
    if (this.#table.digests().has(digest) || !existsSync(this.#tree(digest))) return;
    await removeTree(retire(this.#options.directory, this.#tree(digest)));
  }

  /**
   * At the daemon's start, when nothing is being made: removes what a crash left of unfinished work, and trees that
   * neither a name nor a sliver uses. Returns the paths it removed.
   */
  async sweep(digestsInUse: Iterable<string>): Promise<string[]> {
    const { directory, log } = this.#options;
    const wanted = new Set([...this.#table.digests(), ...digestsInUse].map((digest) => this.#tree(digest)));
    for (const tree of wanted)
      if (!existsSync(`${tree}/root`))
        log.error({ tree }, 'the tree of an image is missing: delete the image and make it again');
    const trees = readdirSync(directory)
      .filter((name) => /^[0-9a-f]{64}$/.test(name))
      .map((name) => `${directory}/${name}`);
    const unwanted = [...listStaging(directory), ...trees.filter((tree) => !wanted.has(tree))];
    for (const path of unwanted) {
      await removeLeftContainer(`${path}/scratch`, log);
      await removeTree(path);
    }
    return unwanted;
  }

  #tree(digest: string): string {
    const hex = /^sha256:([0-9a-f]{64})$/.exec(digest)?.[1];
    if (!hex) throw new SliverdError('internal', `${JSON.stringify(digest)} is no digest`);
    return `${this.#options.directory}/${hex}`;
  }
}

/** As in `build debian-12`: what a record says of where it came from. */
export function describe(source: ImageSource): string {
  if ('build' in source) return `build ${source.build}`;
  return 'path' in source ? `path ${source.path}` : `docker ${source.docker}`;
}

function taken(image: ImageRecord): SliverdError {
  return new SliverdError(
    'exists',
    `there is an image ${image.name} with other content (${image.source}), and images never change: choose another name, or delete it first`,
    { extra: { digest: image.digest } },
  );
}
