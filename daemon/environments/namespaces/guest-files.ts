import { readFileSync } from 'node:fs';
import { hostName } from '../../slivers/names.ts';
import type { SliverRecord } from '../../slivers/record.ts';

/** What the node writes into a clean sliver: who it is, and how it finds names. From then on they are the guest's. */
export function guestFiles(sliver: SliverRecord): Record<string, string> {
  const host = hostName(sliver.name);
  return {
    '/etc/slicename': `${sliver.name}\n`,
    '/etc/hostname': `${host}\n`,
    '/etc/hosts': `127.0.0.1\tlocalhost\n127.0.1.1\t${host}\n::1\tlocalhost ip6-localhost ip6-loopback\n`,
    '/etc/resolv.conf': resolvers(),
  };
}

/** The node's own name servers; systemd's stub listens on the node's loopback, so the list behind it is taken. */
function resolvers(): string {
  for (const file of ['/run/systemd/resolve/resolv.conf', '/etc/resolv.conf']) {
    try {
      return readFileSync(file, 'utf8');
    } catch {
      // the next one
    }
  }
  return '';
}
