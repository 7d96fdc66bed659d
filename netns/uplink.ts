import { isIP } from 'node:net';
import { SliverdError } from '../daemon/errors.ts';
import { hasIpv6 } from './ipv6/ipv6.ts';
import { PREFIX_LENGTH, type SliverPrefix, sliverPrefix } from './ipv6/prefix.ts';
import { OURS } from './numbers.ts';
import type { Snapshot } from './rtnetlink/index.ts';
import { type ListedRoute, MAIN_TABLE } from './rtnetlink/routes.ts';

/** Where a node meets the world: a link, and the public address on it. */
export interface Uplink {
  readonly name: string;
  readonly index: number;
  /** The node's public IPv4 address, in dotted form. */
  readonly address: string;
  /** Where slivers have IPv6 addresses of their own; none: they have no IPv6. */
  readonly prefix?: SliverPrefix;
}

/** What the configuration says of it. */
export interface UplinkChoice {
  /** Its name; default: that of the default route. */
  readonly uplink?: string;
  /** `none`, or the prefix of slivers' own addresses; default: found on the uplink. */
  readonly ipv6?: string;
}

/**
 * Finds the uplink: the configured link, or that of the default route; its address is the source that the route says,
 * or the first global one. Undefined when nothing is configured and there is no default route.
 */
export function findUplink(seen: Snapshot, { uplink: configured, ipv6 }: UplinkChoice): Uplink | undefined {
  const route = defaultRoute(seen.routes);
  const link = seen.links.find(({ name, index }) =>
    configured ? name === configured : index === route?.link,
  );
  if (!link) {
    if (!configured) return undefined;
    throw new SliverdError('bad-config', `uplink: there is no network link '${configured}' on this machine`);
  }
  const addresses = seen.addresses.filter(
    ({ link: on, global, address }) => on === link.index && global && isIP(address) === 4,
  );
  const source = route?.link === link.index ? route.source : undefined;
  const address = addresses.find((one) => one.address === source)?.address ?? addresses[0]?.address;
  if (!address) {
    if (!configured) return undefined;
    throw new SliverdError('bad-config', `uplink: the link '${link.name}' has no IPv4 address`);
  }
  const prefix = hasIpv6() ? sliverPrefix(link, seen.addresses, ipv6, prefixesOf(seen.routes)) : undefined;
  return { name: link.name, index: link.index, address, ...(prefix ? { prefix } : {}) };
}

/** That of IPv4 with the best metric. */
const defaultRoute = (routes: readonly ListedRoute[]) =>
  routes
    .filter(
      ({ six, table, to, link }) => !six && table === MAIN_TABLE && to.length === 0 && link !== undefined,
    )
    .sort((a, b) => a.metric - b.metric)[0];

/** Of which slivers have addresses now, by the routes to those that nobody has. */
const prefixesOf = (routes: readonly ListedRoute[]): SliverPrefix[] =>
  routes
    .filter(({ six, protocol, to }) => six && protocol === OURS && to.length === PREFIX_LENGTH)
    .map(({ to }) => to.address);
