import { Links } from './links.ts';
import { GATEWAY, INTERNAL_NETWORK, internalOf, linkOf, MAC } from './numbers.ts';
import { setSysctl } from './sysctl.ts';

/** Settings of the host end: the node's own address comes in there as a source, and what comes in is forwarded. */
const HOST_END = [
  ['ipv4', 'accept_local', '1'],
  ['ipv4', 'rp_filter', '0'],
  ['ipv4', 'forwarding', '1'],
  ['ipv6', 'disable_ipv6', '1'],
] as const;

/**
 * Lays a sliver's link, from `sv<id>` here to `eth0` in its own network namespace, with addresses and routes at both ends.
 * @param links of the node's namespace.
 * @param pid a process in the sliver's.
 * @param address the node's public one.
 * @returns the index of the link's end here.
 */
export async function wire(links: Links, id: number, pid: number, address: string): Promise<number> {
  await links.addCable(linkOf(id), { name: 'eth0', address: MAC, pid });
  const index = await furnish(links, id);
  await wireInside(id, pid, address);
  return index;
}

/** The node's end of a sliver's link: settings, address, route. What is there already stays. @returns its index */
export async function furnish(links: Links, id: number): Promise<number> {
  const name = linkOf(id);
  for (const [family, key, value] of HOST_END) setSysctl(`${family}/conf/${name}/${key}`, value);
  const { index } = await links.find(name);
  await links.addAddress(index, GATEWAY);
  await links.setUp(index);
  await links.addRoute({ to: { address: internalOf(id), length: 32 }, link: index });
  return index;
}

/**
 * The sliver's own side: the public and the internal address on eth0, and the way out. What is there already stays.
 * @param instead the public address that the node had before.
 */
export async function wireInside(id: number, pid: number, address: string, instead?: string): Promise<void> {
  const links = new Links(`/proc/${pid}/ns/net`);
  try {
    const { index: link } = await links.find('eth0');
    await links.setUp((await links.find('lo')).index);
    await links.addAddress(link, address);
    await links.addAddress(link, internalOf(id));
    if (instead && instead !== address) await links.removeAddress(link, instead);
    await links.setUp(link);
    // The node's own services are reached there, and they must know whom to answer.
    await links.addRoute({ to: { address: GATEWAY, length: 32 }, link, source: internalOf(id) });
    await links.addRoute({ to: { address: '0.0.0.0', length: 0 }, link, via: GATEWAY, source: address });
    await links.addRoute({ to: INTERNAL_NETWORK, link, via: GATEWAY, source: internalOf(id) });
  } finally {
    links.close();
  }
}
