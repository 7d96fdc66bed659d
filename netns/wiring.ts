import { hasIpv6 } from './ipv6/ipv6.ts';
import { addressIn } from './ipv6/prefix.ts';
import { within } from './namespace.ts';
import {
  GATEWAY,
  GATEWAY_MAC,
  GATEWAY6,
  INTERNAL_NETWORK,
  internalOf,
  LINK_LOCAL,
  linkOf,
  MAC,
  OURS,
} from './numbers.ts';
import { Rtnetlink } from './rtnetlink/index.ts';
import { setSysctl } from './sysctl.ts';
import type { Uplink } from './uplink.ts';

/** Settings of the host end: the node's own address comes in there as a source, and what comes in is forwarded. */
const HOST_END = [
  ['ipv4', 'accept_local', '1'],
  ['ipv4', 'rp_filter', '0'],
  ['ipv4', 'forwarding', '1'],
] as const;
/** With IPv6, no address but the gateway's is made there, and no sliver passes for a router. */
const HOST_END6 = [
  ['accept_ra', '0'],
  ['addr_gen_mode', '1'],
  ['disable_ipv6', '0'],
] as const;

/**
 * Lays a sliver's link, from `sv<id>` here to `eth0` in its own network namespace, with addresses and routes at both ends.
 * @param net of the node's namespace.
 * @param pid a process in the sliver's.
 * @returns the index of the link's end here.
 */
export async function wire(net: Rtnetlink, id: number, pid: number, uplink: Uplink): Promise<number> {
  await net.links.addCable(linkOf(id), { name: 'eth0', address: MAC, pid }, GATEWAY_MAC);
  const index = await furnish(net, id, uplink);
  await wireInside(id, pid, uplink);
  return index;
}

/** The node's end of a sliver's link: settings, address, route. What is there already stays. @returns its index */
export async function furnish(net: Rtnetlink, id: number, { prefix }: Uplink): Promise<number> {
  const name = linkOf(id);
  for (const [family, key, value] of HOST_END) setSysctl(`${family}/conf/${name}/${key}`, value);
  if (prefix) for (const [key, value] of HOST_END6) setSysctl(`ipv6/conf/${name}/${key}`, value);
  else if (hasIpv6()) setSysctl(`ipv6/conf/${name}/disable_ipv6`, '1');
  const { index, address } = await net.links.find(name);
  await net.addresses.add(index, GATEWAY);
  await net.links.setUp(index, address.equals(GATEWAY_MAC) ? {} : { address: GATEWAY_MAC });
  await net.routes.add({ to: { address: internalOf(id), length: 32 }, link: index });
  // By what each has on its link, so that no sliver is asked who it is, nor does it ask.
  await net.neighbours.add(index, internalOf(id), MAC);
  if (!prefix) return index;
  await net.addresses.add(index, GATEWAY6, 64);
  await net.neighbours.add(index, LINK_LOCAL, MAC);
  const to = { address: addressIn(prefix, id), length: 128 };
  await net.routes.add({ to, link: index, via: LINK_LOCAL, protocol: OURS });
  return index;
}

/**
 * The sliver's own side: the public and the internal address on eth0, its own of IPv6, and the way out. What is there
 * already stays.
 * @param before as it was wired before, if it is otherwise now.
 */
export async function wireInside(id: number, pid: number, uplink: Uplink, before?: Uplink): Promise<void> {
  const namespace = `/proc/${pid}/ns/net`;
  const net = new Rtnetlink(namespace);
  try {
    const { address } = uplink;
    const { index: link } = await net.links.find('eth0');
    await net.links.setUp((await net.links.find('lo')).index);
    await net.addresses.add(link, address);
    await net.addresses.add(link, internalOf(id));
    if (before && before.address !== address) await net.addresses.remove(link, before.address);
    // An engine may have put it off in all that it makes.
    if (uplink.prefix) within(namespace, () => setSysctl('ipv6/conf/eth0/disable_ipv6', '0'));
    await net.links.setUp(link);
    await net.neighbours.add(link, GATEWAY, GATEWAY_MAC);
    // The node's own services are reached there, and they must know whom to answer.
    await net.routes.add({ to: { address: GATEWAY, length: 32 }, link, source: internalOf(id) });
    await net.routes.add({ to: { address: '0.0.0.0', length: 0 }, link, via: GATEWAY, source: address });
    await net.routes.add({ to: INTERNAL_NETWORK, link, via: GATEWAY, source: internalOf(id) });
    await wireInside6(net, link, id, uplink, before);
  } finally {
    net.close();
  }
}

async function wireInside6(
  net: Rtnetlink,
  link: number,
  id: number,
  { prefix }: Uplink,
  before?: Uplink,
): Promise<void> {
  const all = { to: { address: '::', length: 0 }, link, via: GATEWAY6 };
  if (prefix) {
    await net.neighbours.add(link, GATEWAY6, GATEWAY_MAC);
    await net.addresses.add(link, addressIn(prefix, id));
    await net.routes.add({ ...all, source: addressIn(prefix, id) });
  }
  if (!before?.prefix || before.prefix === prefix) return;
  await net.addresses.remove(link, addressIn(before.prefix, id));
  if (!prefix) await net.routes.remove(all);
}
