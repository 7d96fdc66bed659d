import { readFileSync } from 'node:fs';
import type { Protocol } from './layout.ts';

const LISTENING = '0A'; // TCP_LISTEN
const UNCONNECTED = '07'; // TCP_CLOSE, which is what a datagram socket without a peer is in
const WILDCARD = /^0+$/;
const MAPPED = '0000000000000000FFFF0000';

/**
 * Ports of the shared address that sockets of this process's network namespace sit on: the node's own, when that is
 * the node's. Sockets on other addresses are not among them.
 * @param publicAddress in dotted form
 */
export function listeningPorts(publicAddress: string): { protocol: Protocol; port: number }[] {
  const shared = hex(publicAddress);
  const found = new Map<string, { protocol: Protocol; port: number }>();
  for (const protocol of ['tcp', 'udp'] as const)
    for (const file of [protocol, `${protocol}6`]) {
      const lines = readFileSync(`/proc/thread-self/net/${file}`, 'utf8').trim().split('\n').slice(1);
      for (const line of lines) {
        const [, local = '', , state] = line.trim().split(/\s+/);
        const [address = '', port = ''] = local.split(':');
        if (state !== (protocol === 'tcp' ? LISTENING : UNCONNECTED)) continue;
        if (!WILDCARD.test(address) && address !== shared && address !== MAPPED + shared) continue;
        found.set(`${protocol}${port}`, { protocol, port: Number.parseInt(port, 16) });
      }
    }
  return [...found.values()];
}

/** As /proc/net shows an IPv4 address on a little-endian machine. */
function hex(address: string): string {
  return Buffer.from(address.split('.').map(Number)).reverse().toString('hex').toUpperCase();
}
