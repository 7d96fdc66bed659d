import { spawnSync } from 'node:child_process';
import type { ReadStream } from 'node:tty';
import type { Channel } from './channel.ts';

export interface Size {
  columns: number;
  rows: number;
}

/** The size of the person's terminal, from whichever stream is one. */
export function terminalSize(): Size {
  for (const stream of [process.stdout, process.stderr])
    if (stream.isTTY) return { columns: stream.columns || 80, rows: stream.rows || 24 };
  return { columns: Number(process.env.COLUMNS) || 80, rows: Number(process.env.LINES) || 24 };
}

/**
 * Hands the terminal over: each key goes to the program, ^C included, and it learns of a new size.
 * @returns what gives the terminal back; it is done at exit in any case.
 */
export function takeTerminal(channel: Channel): () => void {
  const input = process.stdin as ReadStream;
  const raw = Boolean(input.isTTY);
  const resized = () => {
    const { columns, rows } = terminalSize();
    channel.resize(columns, rows);
  };
  const restore = () => {
    process.removeListener('SIGWINCH', resized);
    process.removeListener('exit', restore);
    if (raw) input.setRawMode(false);
  };
  process.on('exit', restore);
  if (raw) {
    input.setRawMode(true);
    // Node's raw mode still turns \n into \r\n; the terminal inside has done so already, or was told not to.
    spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] });
  }
  // Of stdout's own 'resize' event we would hear only when stdout is the terminal.
  process.on('SIGWINCH', resized);
  return restore;
}

/** With no terminal of its own the program learns of signals by us, as if it had been started here. */
export function forwardSignals(channel: Channel): () => void {
  const listeners = (['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const).map((signal) => {
    const listener = () => channel.signal(signal.slice('SIG'.length));
    process.on(signal, listener);
    return () => process.removeListener(signal, listener);
  });
  return () => {
    for (const remove of listeners) remove();
  };
}

/** With a terminal, ^C is a key; a signal means that this very program is to end, and the session hangs up. */
export function hangUpOnSignals(channel: Channel, restore: () => void): () => void {
  const listeners = (['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT'] as const).map((signal) => {
    const listener = () => {
      channel.signal('HUP');
      restore();
      remove();
      // The default action of the same signal, now that the terminal is as it was.
      setImmediate(() => process.kill(process.pid, signal));
    };
    process.on(signal, listener);
    return () => process.removeListener(signal, listener);
  });
  const remove = () => {
    for (const drop of listeners) drop();
  };
  return remove;
}
