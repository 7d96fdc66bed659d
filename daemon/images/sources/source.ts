import type { Logger } from 'pino';

/**
 * A source gives a stream of uncompressed tar bytes, and throws when it could not give all of it; what is wrong
 * with its content is not its concern. Leaving the stream early, or the signal, ends
 * everything it started.
 */
export interface SourceOptions {
  progress(message: string, percent?: number): void;
  /** Told by sources that know how far they are, 0 to 1. */
  fraction?: (done: number) => void;
  /** A directory for what it needs on disk; removed afterwards, and after a crash. */
  scratch: string;
  /** Path of the network namespace that builds download in (`/proc/1/ns/net`). Default: the daemon's own. */
  buildNetwork?: string;
  signal?: AbortSignal;
  log: Logger;
}
