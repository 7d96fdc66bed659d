import { hasIpv6 } from './ipv6/ipv6.ts';
import { CARRIER, CARRIER_END, MAC, SLIVER_MARK, UNCHECKED_MARK } from './numbers.ts';
import type { Rtnetlink, Snapshot } from './rtnetlink/index.ts';
import { LOCAL_TABLE } from './rtnetlink/routes.ts';
import type { Rule } from './rtnetlink/rules.ts';
import { setSysctl } from './sysctl.ts';

/** Our own routing table, with one route: to the carrier. */
const TABLE = 100;
const MARKED = { priority: 10, table: TABLE, mark: SLIVER_MARK };
/** What no rule of nftables has looked at, because somebody flushed them, is routed nowhere. */
const UNCHECKED = { priority: 9, table: 0, mark: UNCHECKED_MARK };
const LOCAL = { priority: 1000, table: LOCAL_TABLE };
/** In the order in which they are added, so that nothing is routed past the machine meanwhile. */
const RULES: readonly Rule[] = [LOCAL, UNCHECKED, MARKED];
const LOCAL_AT_FIRST = { priority: 0, table: LOCAL_TABLE };
const EVERYWHERE = { address: '0.0.0.0', length: 0 };
const EVERYWHERE6 = { address: '::', length: 0 };
/** Whether it is of IPv6. */
const families = (): boolean[] => (hasIpv6() ? [false, true] : [false]);

/**
 * The one device that packets for slivers are routed to, whichever sliver it is: the egress chain on it hands each to
 * its sliver's link. What is marked for a sliver is routed ahead of the local table, for its address is the node's own.
 */
export class Carrier {
  readonly #net: Rtnetlink;

  constructor(net: Rtnetlink) {
    this.#net = net;
  }

  /** No dummy device: some kernels have none, and a cable with nobody at its end does as well. */
  async make(): Promise<void> {
    const have = (await this.#net.links.list()).map(({ name }) => name);
    if (!have.includes(CARRIER)) await this.#net.links.addCable(CARRIER, { name: CARRIER_END });
    const carrier = await this.#net.links.find(CARRIER);
    if (hasIpv6()) setSysctl(`ipv6/conf/${CARRIER_END}/disable_ipv6`, '1');
    await this.#net.links.setUp((await this.#net.links.find(CARRIER_END)).index);
    await this.#net.links.setUp(carrier.index, { address: MAC, noarp: true });
  }

  async route(): Promise<void> {
    const { index: link } = await this.#net.links.find(CARRIER);
    if (hasIpv6()) {
      setSysctl(`ipv6/conf/${CARRIER}/addr_gen_mode`, '1'); // it has no address
      setSysctl(`ipv6/conf/${CARRIER}/disable_ipv6`, '0');
    }
    for (const six of families()) {
      await this.#net.routes.add({ to: six ? EVERYWHERE6 : EVERYWHERE, link, table: TABLE });
      for (const rule of RULES) await this.#net.rules.add({ six, ...rule });
      await this.#net.rules.remove({ six, ...LOCAL_AT_FIRST });
    }
  }

  /** What is missing of it. */
  missing({ links, routes, rules }: Snapshot): 'device' | 'routes' | undefined {
    const carrier = links.find(({ name }) => name === CARRIER);
    if (!carrier?.up) return 'device';
    const whole = families().every(
      (six) =>
        routes.find((route) => route.six === six && route.table === TABLE && route.to.length === 0)?.link ===
          carrier.index &&
        RULES.every(({ priority, table, mark }) =>
          rules.some(
            (rule) =>
              rule.six === six && rule.priority === priority && rule.table === table && rule.mark === mark,
          ),
        ),
    );
    return whole ? undefined : 'routes';
  }

  async remove(): Promise<void> {
    for (const six of families()) {
      await this.#net.rules.add({ six, ...LOCAL_AT_FIRST });
      for (const rule of [LOCAL, MARKED, UNCHECKED]) await this.#net.rules.remove({ six, ...rule });
    }
    await this.#net.links.remove(CARRIER);
  }
}
