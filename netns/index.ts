import { Links } from './links.ts';
import { type NetworkOptions, NodeNetwork } from './node-network.ts';
import { loopbackNetwork, type SliverNetwork } from './sliver-network.ts';
import { findUplink } from './uplink.ts';

/**
 * The network of the node's slivers, in the network namespace that this process is in. Everything about packets is in
 * this folder; it may change what is its own there: links named sv* and slivers*, tables named sliverd, one routing
 * table, two routing rules and the place of the local one; with IPv6, routes and answers for addresses that carry our number.
 */
export async function openNetwork(options: NetworkOptions): Promise<SliverNetwork> {
  if (options.uplink === 'none') return loopbackNetwork('the configuration says `uplink: none`');
  const links = new Links();
  try {
    const found = await findUplink(links, options);
    return found ? await NodeNetwork.up(found, options) : loopbackNetwork('there is no default route');
  } finally {
    links.close();
  }
}
