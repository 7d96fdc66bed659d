import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { outputError } from '../exit.ts';

/** The reader of our output is gone; what we run is to end too, without a word. */
export class BrokenPipe extends Error {}

/**
 * Writes to a file descriptor of ours. Not by process.stdout: on a pipe that one blocks the event loop while the
 * reader is slow, and input and signals would wait for it.
 */
export class Sink {
  readonly #fd: number;
  #tail: Promise<void> = Promise.resolve();
  #queued = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Bytes handed over and not yet written. */
  get queued(): number {
    return this.#queued;
  }

  /** Settles when this and all before is written; rejects with BrokenPipe when nobody reads. */
  write(bytes: Buffer): Promise<void> {
    this.#queued += bytes.length;
    this.#tail = this.#tail
      .then(() => this.#writeAll(bytes))
      .finally(() => {
        this.#queued -= bytes.length;
      });
    return this.#tail;
  }

  async #writeAll(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      try {
        at += await write(this.#fd, bytes, at);
      } catch (cause) {
        const { code } = cause as NodeJS.ErrnoException;
        if (code === 'EPIPE' || code === 'EIO' || code === 'EBADF') throw new BrokenPipe();
        // Somebody who shares the description made it non-blocking; it tells no readiness here, so ask again.
        if (code !== 'EAGAIN') throw outputError(cause as Error);
        await sleep(5);
      }
    }
  }
}

function write(fd: number, bytes: Buffer, at: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.write(fd, bytes, at, bytes.length - at, null, (error, written) =>
      error ? reject(error) : resolve(written),
    );
  });
}
