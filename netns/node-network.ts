import { during } from '../daemon/errors.ts';
import { Links } from './links.ts';
import { Nftables } from './nftables.ts';
import {
  CARRIER,
  CARRIER_END,
  GATEWAY,
  INTERNAL_NETWORK,
  internalOf,
  linkOf,
  MAC,
  ROUTES,
  SLIVER_MARK,
} from './numbers.ts';
import { elements, removal, skeleton, ZONES } from './ruleset.ts';
import type { SliverNetwork } from './sliver-network.ts';
import { setSysctl } from './sysctl.ts';
import type { Uplink } from './uplink.ts';

const LOCAL_TABLE = 255;
const EVERYWHERE = { address: '0.0.0.0', length: 0 };

/**
 * The network of a node whose slivers share its public address (docs/decisions/0017-shared-address.md). It lives in
 * the network namespace that the daemon is in, the machine's or any other; all of it is made anew or found in place by
 * `up`, and undone by `down`.
 */
export class NodeNetwork implements SliverNetwork {
  readonly uplink: Uplink;
  readonly #links = new Links();
  readonly #nft = new Nftables();
  readonly degraded = [];
  /** Slivers whose elements are in the ruleset. */
  #attached = new Set<number>();

  private constructor(uplink: Uplink) {
    this.uplink = uplink;
  }

  static async up(uplink: Uplink): Promise<NodeNetwork> {
    const network = new NodeNetwork(uplink);
    await during(`sharing the address of ${uplink.name}`, async () => {
      await network.#carrier();
      await network.#routes();
      await network.#ruleset();
      setSysctl(`ipv4/conf/${uplink.name}/forwarding`, '1');
    });
    return network;
  }

  /** @param pid a process in the sliver's network namespace. */
  async attach(id: number, pid: number): Promise<void> {
    await during(`connecting the network namespace of process ${pid}`, async () => {
      const name = linkOf(id);
      await this.detach(id); // of a namespace that is on its way out
      await this.#links.addCable(name, { name: 'eth0', address: MAC, pid });
      for (const [key, value] of [
        ['ipv4/conf/@/accept_local', '1'],
        ['ipv4/conf/@/rp_filter', '0'],
        ['ipv4/conf/@/forwarding', '1'],
        ['ipv6/conf/@/disable_ipv6', '1'],
      ] as const)
        setSysctl(key.replace('@', name), value);
      const { index } = await this.#links.find(name);
      await this.#links.addAddress(index, GATEWAY);
      await this.#links.setUp(index);
      await this.#links.addRoute({ to: { address: internalOf(id), length: 32 }, link: index });
      await this.#inside(id, pid);
      this.#nft.apply(elements('add', id, this.uplink.address));
      this.#attached.add(id);
    });
  }

  async detach(id: number): Promise<void> {
    if (this.#attached.delete(id)) this.#nft.apply(elements('delete', id, this.uplink.address));
    await this.#links.remove(linkOf(id));
  }

  async sweep(known: ReadonlySet<number>): Promise<string[]> {
    const strange = [...this.#attached].filter((id) => !known.has(id));
    for (const id of strange) await this.detach(id);
    return strange.map((id) => `link ${linkOf(id)}`);
  }

  /** Takes everything of ours out of the namespace again. */
  async down(): Promise<void> {
    for (const id of await this.#linked()) await this.#links.remove(linkOf(id));
    this.#nft.apply(removal);
    await this.#links.addRule({ priority: ROUTES.localBefore, table: LOCAL_TABLE });
    await this.#links.removeRule({ priority: ROUTES.localAfter, table: LOCAL_TABLE });
    await this.#links.removeRule({ priority: ROUTES.rule, table: ROUTES.table, mark: SLIVER_MARK });
    await this.#links.remove(CARRIER);
    this.close();
  }

  close(): void {
    this.#links.close();
  }

  /** The sliver's own side: the public and the internal address on eth0, and the way out. */
  async #inside(id: number, pid: number): Promise<void> {
    const links = new Links(`/proc/${pid}/ns/net`);
    try {
      const [lo, eth0] = [await links.find('lo'), await links.find('eth0')];
      await links.setUp(lo.index);
      await links.addAddress(eth0.index, this.uplink.address);
      await links.addAddress(eth0.index, internalOf(id));
      await links.setUp(eth0.index);
      await links.addRoute({ to: { address: GATEWAY, length: 32 }, link: eth0.index });
      await links.addRoute({
        to: EVERYWHERE,
        link: eth0.index,
        via: GATEWAY,
        source: this.uplink.address,
      });
      await links.addRoute({ to: INTERNAL_NETWORK, link: eth0.index, via: GATEWAY, source: internalOf(id) });
    } finally {
      links.close();
    }
  }

  /** Ids of the slivers whose links are there: they are the truth of who is connected. */
  async #linked(): Promise<number[]> {
    const names = (await this.#links.list()).map(({ name }) => name);
    return names.filter((name) => /^sv[0-9]+$/.test(name)).map((name) => Number(name.slice('sv'.length)));
  }

  /** All rules and elements in one transaction, whatever was there. */
  async #ruleset(): Promise<void> {
    const ids = await this.#linked();
    this.#nft.applyText(ZONES);
    this.#nft.apply([
      ...skeleton(this.uplink),
      ...ids.flatMap((id) => elements('add', id, this.uplink.address)),
    ]);
    this.#attached = new Set(ids);
  }

  /** No dummy device: some kernels have none, and a cable with nobody at its end does as well. */
  async #carrier(): Promise<void> {
    const have = (await this.#links.list()).map(({ name }) => name);
    if (!have.includes(CARRIER)) await this.#links.addCable(CARRIER, { name: CARRIER_END });
    const carrier = await this.#links.find(CARRIER);
    for (const name of [CARRIER, CARRIER_END]) setSysctl(`ipv6/conf/${name}/disable_ipv6`, '1');
    await this.#links.setUp((await this.#links.find(CARRIER_END)).index);
    await this.#links.setUp(carrier.index, { address: MAC, noarp: true });
  }

  /** What is marked for a sliver is routed to the carrier, ahead of the local table: its address is the node's own. */
  async #routes(): Promise<void> {
    const { index } = await this.#links.find(CARRIER);
    await this.#links.addRoute({ to: EVERYWHERE, link: index, table: ROUTES.table });
    await this.#links.addRule({ priority: ROUTES.localAfter, table: LOCAL_TABLE });
    await this.#links.addRule({ priority: ROUTES.rule, table: ROUTES.table, mark: SLIVER_MARK });
    await this.#links.removeRule({ priority: ROUTES.localBefore, table: LOCAL_TABLE });
  }
}
