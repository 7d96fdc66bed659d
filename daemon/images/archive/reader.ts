import { SliverdError } from '../../errors.ts';
import { ArchiveEntries, type ArchiveLimits, DEFAULT_LIMITS } from './entries.ts';
import { BadArchive, BLOCK, type Header, parseHeader, TooMuch, utf8 } from './header.ts';
import { checkGlobalPax, type PaxRecords, parsePax } from './pax.ts';

/** Of a long name or of a pax header. */
const MAX_METADATA = 1_048_576;
const MAX_ZEROS = 1_048_576;

/**
 * Walks a tar archive as it streams by and checks every header before the bytes go on to GNU tar. It is our own
 * because its strictness is the point: a library reads what it can, skips the rest (stray blocks, broken pax
 * records, a missing end) and hides global headers, and whatever it reads differently from GNU tar is a hole.
 */
export class ArchiveReader {
  files = 0;
  bytes = 0;
  /** The name of the entry at hand; while its header is being read, of the one before. */
  #entry = '';
  #naming = true;
  readonly #limits: ArchiveLimits;
  readonly #entries: ArchiveEntries;
  readonly #block = Buffer.allocUnsafe(BLOCK);
  #filled = 0;
  #position = 0;
  /** Bytes of content and padding until the next header. */
  #skip = 0;
  #metadata: { header: Header; body: Buffer; filled: number } | undefined;
  #pax: PaxRecords | undefined;
  #longName: string | undefined;
  #longLink: string | undefined;
  #zeroBlocks = 0;

  constructor(limits: Partial<ArchiveLimits> = {}) {
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
    this.#entries = new ArchiveEntries(this.#limits);
  }

  /** Whether the archive's end has come by; tar needs nothing of what follows. */
  get ended(): boolean {
    return this.#zeroBlocks >= 2;
  }

  /** Checks the next bytes. Throws `bad-archive` or `too-large`; then they must not be passed on. */
  push(chunk: Buffer): void {
    this.#check(() => {
      for (let at = 0; at < chunk.length; ) {
        const left = chunk.length - at;
        let used: number;
        if (this.#skip > 0) {
          used = Math.min(this.#skip, left);
          if (this.#metadata) this.#collect(chunk.subarray(at, at + used));
          this.#skip -= used;
          if (this.#skip === 0 && this.#metadata) this.#endMetadata();
        } else if (this.#filled === 0 && left >= BLOCK) {
          used = BLOCK;
          this.#header(chunk.subarray(at, at + BLOCK));
        } else {
          used = Math.min(BLOCK - this.#filled, left);
          chunk.copy(this.#block, this.#filled, at, at + used);
          this.#filled += used;
          if (this.#filled === BLOCK) {
            this.#filled = 0;
            this.#header(this.#block);
          }
        }
        at += used;
        this.#position += used;
      }
    });
  }

  /** The stream is over: throws `bad-archive` unless that was the whole of an archive. */
  end(): void {
    this.#check(() => {
      if (this.#position === 0) throw new BadArchive('it is empty');
      if (!this.ended || this.#filled > 0) throw new BadArchive('it is cut short');
      if (this.files === 0) throw new BadArchive('there is nothing in it');
    });
  }

  #header(block: Buffer): void {
    this.#naming = true;
    const header = parseHeader(block);
    if (!header) {
      this.#zero();
      return;
    }
    if (this.#zeroBlocks > 0) throw new BadArchive('something follows its end');
    if (header.kind === 'file' || header.kind === 'link' || header.kind === 'symlink')
      this.#take(header, header.kind);
    else if (header.kind === 'directory' || header.kind === 'fifo') this.#take(header, header.kind);
    else {
      if (header.size === 0 || header.size > MAX_METADATA)
        throw new BadArchive(`a ${header.kind} header of ${header.size} bytes`);
      this.#metadata = { header, body: Buffer.allocUnsafe(header.size), filled: 0 };
      this.#skip = padded(header.size);
    }
  }

  #take(header: Header, kind: 'file' | 'link' | 'symlink' | 'directory' | 'fifo'): void {
    const pax = this.#pax ?? {};
    if ((this.#longName && pax.path) || (this.#longLink && pax.linkpath))
      throw new BadArchive('it has a long name twice, in the GNU and in the pax way');
    const name = pax.path ?? this.#longName ?? header.name;
    const linkName = pax.linkpath ?? this.#longLink ?? header.linkName;
    this.#pax = undefined;
    this.#longName = undefined;
    this.#longLink = undefined;
    this.#entry = name;
    this.#naming = false;
    const size = pax.size ?? header.size;
    this.#entries.add({ kind, name, linkName, size, uid: pax.uid ?? header.uid, gid: pax.gid ?? header.gid });
    this.files += 1;
    this.bytes += size;
    if (this.bytes > this.#limits.bytes || this.#position > this.#limits.bytes)
      throw new TooMuch(`more than ${this.#limits.bytes} bytes are more than this node has room for`);
    this.#skip = padded(size);
  }

  #collect(bytes: Buffer): void {
    const { body, filled } = this.#metadata!;
    this.#metadata!.filled += bytes.copy(body, filled);
  }

  #endMetadata(): void {
    const { header, body } = this.#metadata!;
    this.#metadata = undefined;
    if (header.kind === 'pax-global') {
      checkGlobalPax(body);
      return;
    }
    if (header.kind === 'pax') {
      if (this.#pax) throw new BadArchive('two pax headers for one entry');
      this.#pax = parsePax(body);
      return;
    }
    // The text and the NUL behind it.
    const end = body.indexOf(0);
    if (end !== body.length - 1 || end === 0)
      throw new BadArchive(`a ${header.kind} that does not end in its only NUL`);
    const text = utf8(body.subarray(0, end), header.kind);
    if (header.kind === 'long-name' ? this.#longName : this.#longLink)
      throw new BadArchive(`two ${header.kind} headers for one entry`);
    if (header.kind === 'long-name') this.#longName = text;
    else this.#longLink = text;
  }

  #zero(): void {
    if (this.#pax || this.#longName || this.#longLink)
      throw new BadArchive('it ends in the middle of an entry');
    this.#zeroBlocks += 1;
    // Padding to a full record (10 kB as a rule); more is not padding.
    if (this.#zeroBlocks * BLOCK > MAX_ZEROS)
      throw new BadArchive('more than a megabyte of nothing follows its end');
  }

  #check(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof BadArchive)) throw error;
      const code = error instanceof TooMuch ? 'too-large' : 'bad-archive';
      const entry = JSON.stringify(this.#entry.slice(0, 300));
      const where = !this.#naming ? `, entry ${entry}` : this.#entry === '' ? '' : `, after entry ${entry}`;
      throw new SliverdError(code, `archive${where}: ${error.message}`, {
        extra: { entry: this.#entry },
      });
    }
  }
}

const padded = (size: number): number => Math.ceil(size / BLOCK) * BLOCK;
