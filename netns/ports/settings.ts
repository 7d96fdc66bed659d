import { SliverdError } from '../../daemon/errors.ts';
import { packAddress } from '../address.ts';
import { address4 } from './layout.ts';

/** What the programs must know beside who is who. */
export interface Settings {
  /** The shared IPv4 address; none: only wildcard binds claim. */
  publicAddress?: string;
  /** Of slivers' own IPv6 addresses; none: they have none, and no packet of IPv6 leaves. */
  prefix?: string;
  /** Where a sliver reaches the node's own ports; none: it doesn't. */
  nodeAddress?: string;
  /** Ports that a bind to port 0 gets, both ends included: as net.ipv4.ip_local_port_range of the slivers. */
  ephemeral: readonly [number, number];
  /** Source ports for flows whose own port belongs to another: no sliver binds there. */
  remap: readonly [number, number];
}

/** What Linux has by itself, and for the remapped the end of what it leaves out. */
export const DEFAULT_RANGES = { ephemeral: [32768, 60999], remap: [64512, 65535] } as const;

/** struct settings of maps.h. */
export function settingsRecord({ publicAddress, nodeAddress, ephemeral, remap }: Settings): Buffer {
  const record = Buffer.alloc(16);
  if (publicAddress) address4(publicAddress).copy(record, 0);
  if (nodeAddress) address4(nodeAddress).copy(record, 4);
  for (const [at, port] of [...ephemeral, ...remap].entries()) {
    if (!Number.isInteger(port) || port < 1 || port > 65535)
      throw new SliverdError('bad-config', `${port} in a range of ports: a port is 1 to 65535`);
    record.writeUInt16LE(port, 8 + 2 * at);
  }
  if (ephemeral[0] > ephemeral[1] || remap[0] > remap[1])
    throw new SliverdError('bad-config', `a range of ports ends before it begins: ${ephemeral} or ${remap}`);
  return record;
}

/** struct settings6 of traffic.h. */
export const prefixRecord = ({ prefix }: Settings): Buffer =>
  (prefix && packAddress(prefix)) || Buffer.alloc(16);
