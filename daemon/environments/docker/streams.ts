import type { PassThrough, Readable } from 'node:stream';

/**
 * The engine's framing of two streams on one connection: a byte that says which (1 stdout, 2 stderr), three of
 * nothing, four of length, then so many bytes.
 */
const HEADER = 8;

export function unframe(bytes: Buffer): { stream: number; data: Buffer }[] {
  const frames: { stream: number; data: Buffer }[] = [];
  for (let at = 0; at + HEADER <= bytes.length; ) {
    const end = at + HEADER + bytes.readUInt32BE(at + 4);
    frames.push({ stream: bytes[at] ?? 1, data: bytes.subarray(at + HEADER, Math.min(end, bytes.length)) });
    at = end;
  }
  return frames;
}

/** Sorts a framed connection into its two streams, no faster than they are read; ends them when it ends. */
export async function demultiplex(
  connection: Readable,
  stdout: PassThrough,
  stderr: PassThrough,
): Promise<void> {
  const header = Buffer.alloc(HEADER);
  let have = 0;
  let left = 0;
  let target = stdout;
  try {
    for await (const chunk of connection as AsyncIterable<Buffer>) {
      for (let at = 0; at < chunk.length; ) {
        if (left === 0) {
          const take = Math.min(HEADER - have, chunk.length - at);
          chunk.copy(header, have, at, at + take);
          have += take;
          at += take;
          if (have < HEADER) break;
          have = 0;
          left = header.readUInt32BE(4);
          target = header[0] === 2 ? stderr : stdout;
          continue;
        }
        const data = chunk.subarray(at, at + left);
        at += data.length;
        left -= data.length;
        if (!target.write(data) && !target.destroyed) await drainedOrGone(target);
      }
    }
  } finally {
    stdout.end();
    stderr.end();
  }
}

/** A reader that has gone away needs nothing any more, and must not hold up the other stream. */
function drainedOrGone(stream: PassThrough): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done).off('close', done); // there are as many waits as an output has chunks
      resolve();
    };
    stream.on('drain', done).on('close', done);
  });
}
