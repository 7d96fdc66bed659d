import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { ReadStream } from 'node:tty';

interface NativePty {
  open(columns: number, rows: number): { master: number; slave: number; pty: string };
  resize(fd: number, columns: number, rows: number): void;
}

const pty: NativePty = createRequire(import.meta.url)('@lydell/node-pty/requireBinary.js').requireBinary(
  'pty.node',
);

export interface Terminal {
  readonly child: ChildProcess;
  /** The master side: what is written goes to the program, what is read comes from it. */
  readonly master: ReadStream;
  resize(columns: number, rows: number): void;
  /** Settles when the program has ended and every byte that it wrote has been read. */
  readonly ended: Promise<{ exitCode: number } | { signal: string }>;
}

/**
 * Runs a program as the session leader of a new terminal. node-pty's own `spawn` destroys the master 200 ms after
 * the program's end at the latest, with what a slow reader has not read; so only its pair of descriptors is used,
 * and the end is what the kernel says: EIO on the master, once the slave side is closed and read empty.
 */
export function openTerminal(
  file: string,
  args: readonly string[],
  options: { columns: number; rows: number; env: Record<string, string> },
): Terminal {
  const { master: fd, slave } = pty.open(options.columns, options.rows);
  const master = new ReadStream(fd);
  const child = spawn('setsid', ['--ctty', '--wait', file, ...args], {
    stdio: [slave, slave, slave],
    env: options.env,
  });
  const drained = new Promise<void>((resolve) => {
    master.on('error', () => resolve()); // EIO: nobody has the other end open any more
    master.on('close', () => resolve());
  });
  const ended = (async () => {
    try {
      const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
      return signal ? { signal: signal.replace('SIG', '') } : { exitCode: code ?? 0 };
    } finally {
      closeSync(slave);
      await drained;
      master.destroy();
    }
  })();
  ended.catch(() => {});
  return {
    child,
    master,
    resize(columns, rows) {
      if (!master.destroyed) pty.resize(fd, columns, rows);
    },
    ended,
  };
}
