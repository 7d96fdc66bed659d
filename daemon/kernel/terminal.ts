import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, readdirSync, readlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { ReadStream } from 'node:tty';
import { descriptorOf, passOutput } from './syscalls.ts';

interface NativePty {
  open(columns: number, rows: number): { master: number; slave: number; pty: string };
  resize(fd: number, columns: number, rows: number): void;
}

let native: NativePty | undefined;
// Loaded when first used: a node whose slivers nobody enters never pays for it.
function pty(): NativePty {
  native ??= createRequire(import.meta.url)('@lydell/node-pty/requireBinary.js').requireBinary('pty.node');
  return native as NativePty;
}

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
 *
 * @param options.relay the program is one that passes on another terminal's output, which is processed already.
 */
export function openTerminal(
  file: string,
  args: readonly string[],
  options: { columns: number; rows: number; env: Record<string, string>; relay?: boolean },
): Terminal {
  const { master: fd, slave } = pty().open(options.columns, options.rows);
  // crun makes its terminal raw but keeps output processing, which would end each line of a guest's by \r\r\n.
  if (options.relay) passOutput(slave);
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
      if (!master.destroyed) pty().resize(fd, columns, rows);
    },
    ended,
  };
}

/**
 * Sizes the terminals whose master side a program of ours holds, such as crun for a guest's. Never by the guest's
 * own descriptors: what they lead to is the guest's choice, and opening it could block for ever.
 */
export function resizeTerminalsOf(pid: number, columns: number, rows: number): void {
  try {
    for (const name of readdirSync(`/proc/${pid}/fd`)) {
      if (!readlinkSync(`/proc/${pid}/fd/${name}`).endsWith('/ptmx')) continue;
      const fd = descriptorOf(pid, Number(name));
      try {
        pty().resize(fd, columns, rows);
      } finally {
        closeSync(fd);
      }
    }
  } catch {
    // It has just ended: there is nothing to size.
  }
}
