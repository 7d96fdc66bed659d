import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { PassThrough, type Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { ReadStream } from 'node:tty';
import { isReadable } from './syscalls.ts';

interface NativePty {
  resize(fd: number, columns: number, rows: number): void;
}

let native: NativePty | undefined;
// Loaded when first used: a node whose slivers nobody enters never pays for it.
function pty(): NativePty {
  native ??= createRequire(import.meta.url)('@lydell/node-pty/requireBinary.js').requireBinary('pty.node');
  return native as NativePty;
}

/**
 * Whether a descriptor is the master side of a terminal, by what the kernel itself says of it. To ask the file (isatty,
 * fstat) would be to wait for a guest's FUSE server, where the guest has handed over a file of its own instead.
 */
export function isMasterSide(fd: number): boolean {
  return /^tty-index:/m.test(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'));
}

const END_OF_FILE = Buffer.from([4]); // ^D, as a person would type it

/** A terminal by its master side: what is written goes to the program, what is read comes from it. */
export class Terminal {
  readonly stdin: Writable;
  /** Ends after `finish`, or when the terminal is hung up. Destroying it hangs up. */
  readonly stdout: Readable;
  readonly #fd: number;
  readonly #master: ReadStream;

  /** @param fd the master side's descriptor, which is the terminal's from here on. */
  constructor(fd: number) {
    this.#fd = fd;
    const master = new ReadStream(fd);
    this.#master = master;
    const stdout = new PassThrough();
    this.stdout = stdout;
    master.on('error', () => {}); // EIO: nobody has the other side open any more
    master.on('close', () => stdout.end());
    stdout.on('close', () => master.destroy());
    master.pipe(stdout, { end: false });
    this.stdin = new Writable({
      write: (chunk, _encoding, callback) => void master.write(chunk, callback),
      final: (callback) => void master.write(END_OF_FILE, callback),
    });
    this.stdin.on('error', () => {});
  }

  resize(columns: number, rows: number): void {
    if (!this.#master.destroyed) pty().resize(this.#fd, columns, rows);
  }

  /**
   * Hangs up once all that the program wrote before its end is read, however slowly. Others may have the terminal
   * open still, so its closing is nothing to wait for: a login doesn't last as long as what it left behind.
   */
  async finish(): Promise<void> {
    const unread = () => this.#master.readableLength > 0 || isReadable(this.#fd);
    while (!this.#master.destroyed && unread()) await sleep(5);
    this.#master.destroy();
  }
}
