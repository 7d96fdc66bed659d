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
import { findUplink, type Uplink } from './uplink.ts';
import { watchNetwork } from './watch.ts';

const LOCAL_TABLE = 255;
const EVERYWHERE = { address: '0.0.0.0', length: 0 };

/**
 * The network of a node whose slivers share its public address (docs/decisions/0017-shared-address.md). It lives in
 * the network namespace that the daemon is in, the machine's or any other; all of it is made anew or found in place by
 * `up`, and undone by `down`.
 */
export class NodeNetwork implements SliverNetwork {
  readonly #configured: string | undefined;
  #uplink: Uplink;
  readonly #links = new Links();
  readonly #nft = new Nftables();
  readonly degraded = [];
  /** Slivers whose elements are in the ruleset, with a process in each one's namespace as far as we were told. */
  readonly #attached = new Map<number, number | undefined>();
  #following = Promise.resolve();
  #unwatch = () => {};

  private constructor(uplink: Uplink, configured: string | undefined) {
    this.#uplink = uplink;
    this.#configured = configured;
  }

  /** @param configured the uplink's name, where the configuration gives one. */
  static async up(uplink: Uplink, configured?: string): Promise<NodeNetwork> {
    const network = new NodeNetwork(uplink, configured);
    await during(`sharing the address of ${uplink.name}`, async () => {
      await network.#carrier();
      await network.#routes();
      await network.#ruleset();
      setSysctl(`ipv4/conf/${uplink.name}/forwarding`, '1');
    });
    network.#unwatch = watchNetwork(() => {
      network.#following = network.#following.then(() => network.#follow());
    });
    return network;
  }

  /** @param pid a process in the sliver's network namespace. */
  async attach(id: number, pid: number): Promise<void> {
    if (this.#attached.get(id) === pid) return;
    if (this.#attached.has(id) && (await this.#adopt(id, pid))) return;
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
      this.#attached.set(id, pid); // from here on a new address is brought to it, too
      await this.#inside(id, pid);
      this.#nft.apply(elements('add', id, this.#uplink.address));
    });
  }

  async detach(id: number): Promise<void> {
    const known = this.#attached.delete(id);
    await this.#links.remove(linkOf(id));
    if (!known) return;
    try {
      this.#nft.apply(elements('delete', id, this.#uplink.address));
    } catch {
      await this.#ruleset(); // some of them weren't there: an attempt that was cut short
    }
  }

  async sweep(known: ReadonlySet<number>): Promise<string[]> {
    const strange = [...this.#attached.keys()].filter((id) => !known.has(id));
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
    this.#unwatch();
    this.#links.close();
  }

  /**
   * The sliver's own side: the public and the internal address on eth0, and the way out.
   * @param instead the public address that the node had before.
   */
  async #inside(id: number, pid: number, instead?: string): Promise<void> {
    const links = new Links(`/proc/${pid}/ns/net`);
    try {
      const [lo, eth0] = [await links.find('lo'), await links.find('eth0')];
      await links.setUp(lo.index);
      const wanted = [this.#uplink.address, internalOf(id)];
      const have = (await links.addresses()).filter(({ link }) => link === eth0.index);
      for (const address of wanted) await links.addAddress(eth0.index, address);
      if (instead && have.some(({ address }) => address === instead))
        await links.removeAddress(eth0.index, instead);
      await links.setUp(eth0.index);
      await links.addRoute({ to: { address: GATEWAY, length: 32 }, link: eth0.index });
      await links.addRoute({
        to: EVERYWHERE,
        link: eth0.index,
        via: GATEWAY,
        source: this.#uplink.address,
      });
      await links.addRoute({ to: INTERNAL_NETWORK, link: eth0.index, via: GATEWAY, source: internalOf(id) });
    } finally {
      links.close();
    }
  }

  /** Takes a sliver for connected that an earlier daemon connected; false when its end of the link is gone. */
  async #adopt(id: number, pid: number): Promise<boolean> {
    try {
      await this.#inside(id, pid);
      this.#attached.set(id, pid);
      return true;
    } catch {
      return false;
    }
  }

  /** Brings a new address of the uplink to the rules and into the slivers. */
  async #follow(): Promise<void> {
    // Without an uplink for a moment, or for good, everything stays as it is.
    const found = await findUplink(this.#links, this.#configured).catch(() => undefined);
    if (!found || (found.name === this.#uplink.name && found.address === this.#uplink.address)) return;
    const before = this.#uplink.address;
    this.#uplink = found;
    await this.#ruleset();
    setSysctl(`ipv4/conf/${found.name}/forwarding`, '1');
    for (const [id, pid] of this.#attached) {
      if (pid === undefined) continue;
      // One that just ends is no matter, and what failed is seen to at the next look at the sliver.
      await this.#inside(id, pid, before).catch(() => this.#attached.set(id, undefined));
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
      ...skeleton(this.#uplink),
      ...ids.flatMap((id) => elements('add', id, this.#uplink.address)),
    ]);
    for (const id of this.#attached.keys()) if (!ids.includes(id)) this.#attached.delete(id);
    for (const id of ids) if (!this.#attached.has(id)) this.#attached.set(id, undefined);
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
