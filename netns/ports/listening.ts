import { readFileSync } from 'node:fs';
import { unmapped } from '../address.ts';
import { address4, type Protocol } from './layout.ts';
import { type BoundSocket, boundSockets } from './sock-diag.ts';

const LISTENING = '0A'; // TCP_LISTEN
const UNCONNECTED = '07'; // TCP_CLOSE, which is what a datagram socket without a peer is in

/**
 * Ports of the shared address that sockets of this process's network namespace sit on: the node's own, when that is
 * the node's. Sockets on other addresses are not among them.
 * @param publicAddress in dotted form
 */
export function listeningPorts(publicAddress: string): { protocol: Protocol; port: number }[] {
  const shared = address4(publicAddress);
  const found = new Map<string, { protocol: Protocol; port: number }>();
  for (const { protocol, port, address } of sockets()) {
    const own = unmapped(address);
    if (own.every((byte) => byte === 0) || own.equals(shared))
      found.set(`${protocol}${port}`, { protocol, port });
  }
  return [...found.values()];
}

function sockets(): BoundSocket[] {
  try {
    return boundSockets();
  } catch {
    return (['tcp', 'udp'] as const).flatMap((protocol) => [protocol, `${protocol}6`].flatMap(listed)); // no sock_diag
  }
}

/** As a file of /proc/net shows them. */
function listed(file: string): BoundSocket[] {
  const protocol = file.startsWith('tcp') ? 'tcp' : 'udp';
  const lines = readFileSync(`/proc/thread-self/net/${file}`, 'utf8').trim().split('\n').slice(1);
  return lines.flatMap((line) => {
    const [, local = '', , state] = line.trim().split(/\s+/);
    if (state !== (protocol === 'tcp' ? LISTENING : UNCONNECTED)) return [];
    const [words = '', port = ''] = local.split(':');
    return { protocol, port: Number.parseInt(port, 16), address: Buffer.from(words, 'hex').swap32() };
  });
}
