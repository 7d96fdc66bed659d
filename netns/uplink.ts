import { SliverdError } from '../daemon/errors.ts';
import type { Links } from './links.ts';

/** Where a node meets the world: a link, and the public address on it. */
export interface Uplink {
  readonly name: string;
  readonly index: number;
  /** The node's public IPv4 address, in dotted form. */
  readonly address: string;
}

/**
 * Finds the uplink: the configured link, or that of the default route; its address is the source that the route says,
 * or the first global one. Undefined when nothing is configured and there is no default route.
 */
export async function findUplink(links: Links, configured?: string): Promise<Uplink | undefined> {
  const route = await links.defaultRoute();
  const all = await links.list();
  const link = all.find(({ name, index }) => (configured ? name === configured : index === route?.link));
  if (!link) {
    if (!configured) return undefined;
    throw new SliverdError('bad-config', `uplink: there is no network link '${configured}' on this machine`);
  }
  const addresses = (await links.addresses()).filter(({ link: on, global }) => on === link.index && global);
  const source = route?.link === link.index ? route.source : undefined;
  const address = addresses.find((one) => one.address === source)?.address ?? addresses[0]?.address;
  if (!address) {
    if (!configured) return undefined;
    throw new SliverdError('bad-config', `uplink: the link '${link.name}' has no IPv4 address`);
  }
  return { name: link.name, index: link.index, address };
}
