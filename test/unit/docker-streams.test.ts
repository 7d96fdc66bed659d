import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { demultiplex, unframe } from '../../daemon/environments/docker/streams.ts';

const STDOUT = 1;
const STDERR = 2;
const frame = (stream: number, data: Buffer): Buffer => {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(data.length, 4);
  return Buffer.concat([header, data]);
};
const frames = fc.array(
  fc.record({ stream: fc.constantFrom(STDOUT, STDERR), data: fc.uint8Array({ maxLength: 40 }) }),
  { maxLength: 12 },
);
type Frames = { stream: number; data: Uint8Array }[];
const framed = (list: Frames) =>
  Buffer.concat(list.map(({ stream, data }) => frame(stream, Buffer.from(data))));
const of = (list: Frames, wanted: number) =>
  Buffer.concat(list.filter(({ stream }) => stream === wanted).map(({ data }) => Buffer.from(data)));

/** A connection that delivers bytes in pieces that end where it pleases the network. */
function* cut(bytes: Buffer, sizes: readonly number[]): Generator<Buffer> {
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const size = sizes[n % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}
async function sorted(connection: Readable): Promise<{ out: Buffer; err: Buffer }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const collect = async (stream: PassThrough) => Buffer.concat(await stream.toArray());
  const read = Promise.all([collect(stdout), collect(stderr)]);
  await demultiplex(connection, stdout, stderr).catch(() => {});
  const [out, err] = await read;
  return { out, err };
}

describe('two streams on one connection', () => {
  it('are told apart, however the bytes arrive', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(frames, sizes, async (list, cuts) => {
        const { out, err } = await sorted(Readable.from(cut(framed(list), cuts)));
        expect(out).toEqual(of(list, STDOUT));
        expect(err).toEqual(of(list, STDERR));
      }),
    );
  });

  it('end with what came of them when the connection breaks amid a frame', async () => {
    const whole = Buffer.concat([frame(STDOUT, Buffer.from('whole ')), frame(STDOUT, Buffer.from('half'))]);
    const broken = Readable.from(
      (function* () {
        yield whole.subarray(0, -2);
        throw new Error('ECONNRESET');
      })(),
    );
    expect((await sorted(broken)).out.toString()).toBe('whole ha');
  });

  it('are read no faster than their readers take them', async () => {
    let sent = 0;
    const endless = Readable.from(
      (async function* () {
        for (;;) {
          await turn(); // as a socket does, which lets others run
          sent++;
          yield frame(STDOUT, Buffer.alloc(64 * 1024));
        }
      })(),
      { highWaterMark: 1 },
    );
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const done = demultiplex(endless, stdout, stderr).catch(() => {});
    let before = -1;
    while (before !== sent) {
      before = sent;
      for (let n = 0; n < 100; n++) await turn();
    }
    expect(sent).toBeLessThan(10);
    stdout.resume();
    while (sent < 50) await turn(); // and goes on when they do
    endless.destroy();
    await done;
  });

  it('a reader that has gone away does not hold up the other stream', async () => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const large = frame(STDOUT, Buffer.alloc(1 << 20));
    const connection = Readable.from([large, large, frame(STDERR, Buffer.from('still here'))]);
    const read = text(stderr);
    const done = demultiplex(connection, stdout, stderr);
    await turn();
    stdout.destroy();
    await done;
    expect(await read).toBe('still here');
  });
});

describe('a log in frames', () => {
  it('has the same order, both streams together', () => {
    fc.assert(
      fc.property(frames, (list) => {
        const data = unframe(framed(list)).map((one) => one.data);
        expect(Buffer.concat(data)).toEqual(Buffer.concat(list.map((one) => Buffer.from(one.data))));
      }),
    );
  });

  it('may end anywhere', () => {
    const bytes = Buffer.concat([frame(STDOUT, Buffer.from('one')), frame(STDERR, Buffer.from('two'))]);
    const upTo = (length: number) =>
      Buffer.concat(unframe(bytes.subarray(0, length)).map(({ data }) => data)).toString();
    expect([5, 10, 11, 14, 20, 22].map(upTo)).toEqual(['', 'on', 'one', 'one', 'onet', 'onetwo']);
  });
});
