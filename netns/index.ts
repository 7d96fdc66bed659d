import { NodeNetwork } from './node-network.ts';
import type { NetworkOptions } from './parts.ts';
import { Rtnetlink } from './rtnetlink/index.ts';
import { loopbackNetwork, type SliverNetwork } from './sliver-network.ts';
import { findUplink } from './uplink.ts';

/**
 * The network of the node's slivers, in the network namespace that this process is in. Everything about packets is in
 * this folder; it may change what is its own there: links named sv* and slivers*, tables named sliverd, one routing
 * table, routing rules and the place of the local one; with IPv6, routes and answers for addresses that carry our number.
 */
export async function openNetwork(options: NetworkOptions): Promise<SliverNetwork> {
  if (options.uplink === 'none') return loopbackNetwork('the configuration says `uplink: none`');
  const rtnetlink = new Rtnetlink();
  try {
    const found = findUplink(await rtnetlink.snapshot(), options);
    return found ? await NodeNetwork.up(found, options) : loopbackNetwork('there is no default route');
  } finally {
    rtnetlink.close();
  }
}
