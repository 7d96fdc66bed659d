import pino, { type Logger } from 'pino';
import pretty from 'pino-pretty';

/**
 * The daemon's log, written at once so that a crash loses nothing: JSON lines for the journal, readable ones in a
 * terminal. Secrets never get here; what could hold one by mistake is cut out by name.
 */
export function createLog(level: string): Logger {
  const options = {
    level,
    base: null,
    redact: {
      paths: ['keys', 'initscript', '*.keys', '*.initscript', 'env', '*.env'],
      censor: '[not logged]',
    },
  };
  const stream = process.stderr.isTTY
    ? pretty({ destination: 2, sync: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' })
    : pino.destination({ fd: 2, sync: true });
  return pino(options, stream);
}
