import { closeSync } from 'node:fs';
import { connect } from 'node:net';
import { holdSocketInRoot } from '../../kernel/in-root.ts';
import { lengthOf, MOST_BYTES } from './response.ts';

/** From the beginning to the last byte; milliseconds. */
const PATIENCE = 2000;
/**
 * HTTP/1.0 has no chunks: of those a program can send a quarter of a million, of a byte each, which would be parsed to their end
 * before anybody else had a turn.
 */
const REQUEST = 'GET / HTTP/1.0\r\nhost: sensor\r\naccept: text/csv\r\nconnection: close\r\n\r\n';

/**
 * Asks the program of a slice behind a socket in its own files. Nothing of what it does keeps others waiting: the socket is found within its
 * root, and not where a file system of its making is; connecting to it never waits; what comes is bounded in time and bytes.
 * @param root its root as the host reaches it, such as /proc/PID/root
 * @returns all that it answered, or why there is nothing, in words of ours alone
 */
export function ask(root: string, socket: string): Promise<Buffer | string> {
  const held = holdSocketInRoot(root, socket);
  if (held === undefined)
    return Promise.resolve('its socket is not there, or not on the file system of its root: /run is another');
  const { promise, resolve } = Promise.withResolvers<Buffer | string>();
  const connection = connect({ path: `/proc/self/fd/${held}` });
  const parts: Buffer[] = [];
  let bytes = 0;
  let length: number | undefined;
  const end = (answer: Buffer | string) => {
    connection.destroy();
    resolve(answer);
  };
  const late = setTimeout(() => end(`it took more than ${PATIENCE / 1000} s`), PATIENCE);
  connection.on('connect', () => connection.write(REQUEST));
  connection.on('data', (part) => {
    parts.push(part);
    bytes += part.length;
    if (bytes > MOST_BYTES) end(`it answers with more than ${MOST_BYTES / 1024} kB`);
    length ??= lengthOf(Buffer.concat(parts));
    if (length !== undefined && bytes >= length) end(Buffer.concat(parts));
  });
  connection.on('end', () => end(Buffer.concat(parts)));
  connection.on('error', () => end('nobody answers at its socket'));
  connection.on('close', () => {
    clearTimeout(late);
    closeSync(held);
    resolve('nobody answers at its socket');
  });
  return promise;
}
