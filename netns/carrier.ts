import type { Links } from './links.ts';
import { CARRIER, CARRIER_END, MAC, SLIVER_MARK, UNCHECKED_MARK } from './numbers.ts';
import { setSysctl } from './sysctl.ts';

const LOCAL_TABLE = 255;
/** Our own routing table, with one route: to the carrier. */
const TABLE = 100;
const MARKED = { priority: 10, table: TABLE, mark: SLIVER_MARK };
/** What no rule of nftables has looked at, because somebody flushed them, is routed nowhere. */
const UNCHECKED = { priority: 9, table: 0, mark: UNCHECKED_MARK };
const LOCAL = { priority: 1000, table: LOCAL_TABLE };
const LOCAL_AT_FIRST = { priority: 0, table: LOCAL_TABLE };

/**
 * The one device that packets for slivers are routed to, whichever sliver it is: the egress chain on it hands each to
 * its sliver's link. What is marked for a sliver is routed ahead of the local table, for its address is the node's own.
 */
export class Carrier {
  readonly #links: Links;

  constructor(links: Links) {
    this.#links = links;
  }

  /** No dummy device: some kernels have none, and a cable with nobody at its end does as well. */
  async make(): Promise<void> {
    const have = (await this.#links.list()).map(({ name }) => name);
    if (!have.includes(CARRIER)) await this.#links.addCable(CARRIER, { name: CARRIER_END });
    const carrier = await this.#links.find(CARRIER);
    for (const name of [CARRIER, CARRIER_END]) setSysctl(`ipv6/conf/${name}/disable_ipv6`, '1');
    await this.#links.setUp((await this.#links.find(CARRIER_END)).index);
    await this.#links.setUp(carrier.index, { address: MAC, noarp: true });
  }

  async route(): Promise<void> {
    const { index } = await this.#links.find(CARRIER);
    await this.#links.addRoute({ to: { address: '0.0.0.0', length: 0 }, link: index, table: TABLE });
    await this.#links.addRule(LOCAL);
    await this.#links.addRule(UNCHECKED);
    await this.#links.addRule(MARKED);
    await this.#links.removeRule(LOCAL_AT_FIRST);
  }

  /** What is missing of it. */
  async missing(): Promise<'device' | 'routes' | undefined> {
    const carrier = (await this.#links.list()).find(({ name }) => name === CARRIER);
    if (!carrier?.up) return 'device';
    const routed = (await this.#links.defaultOf(TABLE)) === carrier.index;
    return routed && (await this.#links.hasRules(UNCHECKED, MARKED, LOCAL)) ? undefined : 'routes';
  }

  async remove(): Promise<void> {
    await this.#links.addRule(LOCAL_AT_FIRST);
    await this.#links.removeRule(LOCAL);
    await this.#links.removeRule(MARKED);
    await this.#links.removeRule(UNCHECKED);
    await this.#links.remove(CARRIER);
  }
}
