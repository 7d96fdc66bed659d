import { existsSync } from 'node:fs';
import { addressIn } from '../ipv6/prefix.ts';
import { CARRIER, CARRIER_END, GATEWAY, GATEWAY_MAC, GATEWAY6, internalOf } from '../numbers.ts';
import type { PortLedger } from '../ports/ledger.ts';
import type { Link, Rtnetlink, Snapshot } from '../rtnetlink/index.ts';
import { setSysctl } from '../sysctl.ts';
import type { Uplink } from '../uplink.ts';
import { furnish } from '../wiring.ts';

/**
 * Puts right what somebody changed of links that stay: of the node's ends of slivers' links and of the uplink. What can be
 * listed for all at once is compared at each look, the rest where the kernel told of a change.
 */
export class LinkGuard {
  readonly #net: Rtnetlink;
  readonly #ledger: () => PortLedger | undefined;
  /** Links to look at, by index; undefined: at all. */
  #suspects: Set<number> | undefined;

  constructor(net: Rtnetlink, ledger: () => PortLedger | undefined) {
    this.#net = net;
    this.#ledger = ledger;
  }

  /** At the next look this link is looked at closely; without one, all are. */
  suspect(link?: number): void {
    if (link === undefined) this.#suspects = undefined;
    else this.#suspects?.add(link);
  }

  /** @param slivers the node's ends of their links, by the slivers' ids */
  async look(slivers: ReadonlyMap<number, Link>, uplink: Uplink, seen: Snapshot): Promise<void> {
    const suspects = this.#suspects;
    this.#suspects = new Set();
    const suspected = (link: number) => suspects?.has(link) ?? true;
    try {
      if (suspected(uplink.index)) await this.#uplink(uplink);
      const [carrier, end] = [CARRIER, CARRIER_END].map(
        (name) => seen.links.find((link) => link.name === name)?.index ?? 0,
      );
      if (carrier && end && (suspected(carrier) || suspected(end)))
        await this.#ledger()?.keepCarrier(carrier, end);
      const addressed = new Set(seen.addresses.map(({ address, link }) => `${address} ${link}`));
      const routed = new Set(seen.routes.map(({ to, link }) => `${to.address}/${to.length} ${link}`));
      const { prefix } = uplink;
      for (const [id, { index, up, address }] of slivers) {
        const has = (gateway: string, destination: string) =>
          addressed.has(`${gateway} ${index}`) && routed.has(`${destination} ${index}`);
        const whole =
          up &&
          address.equals(GATEWAY_MAC) &&
          has(GATEWAY, `${internalOf(id)}/32`) &&
          (!prefix || has(GATEWAY6, `${addressIn(prefix, id)}/128`));
        if (!whole || suspected(index)) await furnish(this.#net, id, uplink);
        if (suspected(index)) await this.#ledger()?.keepLink(id, index);
      }
    } catch (error) {
      this.#suspects = undefined; // whatever was not done
      throw error;
    }
  }

  async #uplink({ name, index }: Uplink): Promise<void> {
    if (!existsSync(`/proc/sys/net/ipv4/conf/${name}`)) return; // somebody unplugged it
    setSysctl(`ipv4/conf/${name}/forwarding`, '1');
    await this.#ledger()?.keepUplink(index);
  }
}
