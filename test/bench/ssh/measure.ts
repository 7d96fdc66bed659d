import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { timed } from '../statistics.ts';

/** Somebody to log in to. */
export interface Door {
  readonly name: string;
  readonly options: readonly string[];
  /** `user@address` */
  readonly at: string;
  /** Where `BIG` bytes of noise are, in there. */
  readonly file: string;
}

export const MEASURES = ['login', 'echo', 'cat', 'scp', 'rsync', 'storm'] as const;
export type Measure = (typeof MEASURES)[number];

export const BIG = 64 * 2 ** 20;
export const AT_ONCE = 100;
const KEYSTROKES = 200;
/** Of a slow host, one of these ends before the bench does. */
const PATIENCE = 120_000;

/** What each measure is: milliseconds, and of the bulk ones MB/s. */
export const WAYS: Record<Measure, (door: Door, into: string) => Promise<number>> = {
  login: async (door) => {
    const began = performance.now();
    const child = start('ssh', [...door.options, door.at, 'echo; true']);
    await once(child.stdout!, 'data');
    const took = performance.now() - began;
    await success(child);
    return took;
  },
  storm: (door) =>
    timed(() =>
      Promise.all(
        Array.from({ length: AT_ONCE }, () => success(start('ssh', [...door.options, door.at, 'true']))),
      ),
    ),
  echo: async (door) => {
    const child = start('ssh', [...door.options, '-tt', door.at, 'echo ready; exec cat > /dev/null']);
    await once(child.stdout!, 'data');
    const times: number[] = [];
    for (let stroke = 0; stroke < KEYSTROKES; stroke++) {
      const began = performance.now();
      child.stdin!.write('x');
      await once(child.stdout!, 'data');
      times.push(performance.now() - began);
    }
    child.stdin!.write('\x03');
    await once(child, 'exit');
    return times.toSorted((a, b) => a - b)[KEYSTROKES / 2] ?? Number.NaN;
  },
  cat: async (door) => {
    const child = start('ssh', [...door.options, door.at, `cat ${door.file}`]);
    let got = 0;
    child.stdout!.on('data', (chunk: Buffer) => {
      got += chunk.length;
    });
    const took = await timed(() => success(child));
    if (got !== BIG) throw new Error(`${door.name}: ${got} bytes of ${BIG} came`);
    return rate(took);
  },
  scp: (door, into) => copy(into, 'scp', [...door.options, '-q', `${door.at}:${door.file}`, into]),
  rsync: (door, into) =>
    copy(into, 'rsync', [
      '--whole-file',
      '-e',
      ['ssh', ...door.options].join(' '),
      `${door.at}:${door.file}`,
      into,
    ]),
};

async function copy(into: string, file: string, words: string[]): Promise<number> {
  rmSync(into, { force: true });
  return rate(await timed(() => success(start(file, words))));
}

const rate = (milliseconds: number) => BIG / 1e3 / milliseconds;

function start(file: string, words: readonly string[]): ChildProcess {
  return spawn(file, words, { stdio: ['pipe', 'pipe', 'pipe'], timeout: PATIENCE });
}

async function success(child: ChildProcess): Promise<void> {
  let said = '';
  child.stderr!.on('data', (chunk) => {
    said += chunk;
  });
  child.stdout!.resume();
  child.stdin!.end();
  const [code, signal] = await once(child, 'close');
  if (code !== 0) throw new Error(`${child.spawnfile} ended with ${signal ?? code}: ${said.slice(-500)}`);
}
