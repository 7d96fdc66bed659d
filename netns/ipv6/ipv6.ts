import { existsSync, readdirSync } from 'node:fs';
import { HeldSettings } from '../held-settings.ts';
import { OURS } from '../numbers.ts';
import type { Rtnetlink, Snapshot } from '../rtnetlink/index.ts';
import { readSysctl } from '../sysctl.ts';
import type { Uplink } from '../uplink.ts';
import { Answers } from './answers.ts';
import { addressIn, isIn, PREFIX_LENGTH } from './prefix.ts';

const SETTINGS = '/proc/sys/net/ipv6/conf';

/** Whether the kernel has IPv6. */
export const hasIpv6 = (): boolean => existsSync(SETTINGS);

/**
 * The node's side of slivers' IPv6 addresses (docs/decisions/0020-ipv6.md): the machine forwards, answers its neighbours for
 * them, and knows that those nobody has are nowhere.
 */
export class Ipv6 {
  readonly #net: Rtnetlink;
  readonly #settings: HeldSettings;
  readonly #answers = new Answers();

  /** @param file where it is noted what the machine's settings were, which a reboot forgets with them */
  constructor(net: Rtnetlink, file: string) {
    this.#net = net;
    this.#settings = new HeldSettings(file);
  }

  /** Whether the machine would forward without us. */
  get forwards(): boolean {
    return hasIpv6() && this.#settings.was('ipv6/conf/all/forwarding') !== '0';
  }

  /** Makes all of it as it is to be, and takes away what is of slivers or of a prefix that aren't. @param ids of links */
  async keep({ index, name, prefix }: Uplink, ids: Iterable<number>, seen: Snapshot): Promise<void> {
    if (!hasIpv6()) return;
    if (prefix && !existsSync(`${SETTINGS}/${name}`)) return; // somebody unplugged it
    if (prefix) this.#forward(name);
    else this.#settings.giveBack();
    // What is there stays as it is: a change is told to who looks after changes, us.
    let nowhere = false;
    for (const route of seen.routes.filter(({ six, protocol }) => six && protocol === OURS))
      if (!isIn(prefix, route.to.address)) await this.#net.routes.remove(route);
      else if (route.to.length === PREFIX_LENGTH) nowhere = true;
    if (prefix && !nowhere)
      await this.#net.routes.add({ to: { address: prefix, length: PREFIX_LENGTH }, protocol: OURS });
    const wanted = new Set(prefix ? [...ids].map((id) => addressIn(prefix, id)) : []);
    const have = new Set<string>();
    for (const { link, address } of seen.proxies.filter(({ protocol }) => protocol === OURS))
      if (link === index && wanted.has(address)) have.add(address);
      else await this.#net.neighbours.removeProxy(link, address);
    for (const address of wanted) if (!have.has(address)) await this.#net.neighbours.addProxy(index, address);
  }

  /** Whether somebody took an answer away, of which the kernel doesn't tell. */
  lacksAnswers({ index, prefix }: Uplink, ids: readonly number[]): boolean {
    return prefix !== undefined && !this.#answers.areThere(index, prefix, ids);
  }

  /** A sliver's address is answered for. */
  async connect({ index, prefix }: Uplink, id: number): Promise<void> {
    if (prefix) await this.#net.neighbours.addProxy(index, addressIn(prefix, id));
  }

  /** The sliver is gone, and its link with it. */
  async disconnect({ index, prefix }: Uplink, id: number): Promise<void> {
    if (prefix) await this.#net.neighbours.removeProxy(index, addressIn(prefix, id));
  }

  /** Leaves the machine as it was. */
  async down({ name, index, address }: Uplink): Promise<void> {
    await this.keep({ name, index, address }, [], await this.#net.snapshot());
    this.#answers.close();
  }

  /**
   * The kernel forwards for all links or none; netns/ruleset/forward.ts sees to it that nothing but slivers' packets is. A
   * machine that forwards would not listen to routers any more: what listened goes on, and what didn't doesn't begin to.
   */
  #forward(uplink: string): void {
    const all = 'ipv6/conf/all/forwarding';
    if (!this.forwards) {
      const links = readdirSync(SETTINGS).filter(
        (name) => name !== 'all' && !/^sv[0-9]+$|^slivers0p?$/.test(name),
      );
      const forwards = (link: string) => `ipv6/conf/${link}/forwarding`;
      // The setting of all takes those of each link with it.
      if (!this.#settings.holds(all))
        for (const link of links)
          if (readSysctl(forwards(link)) === '1') this.#settings.hold(forwards(link), '1');
      for (const link of links)
        if (readSysctl(`ipv6/conf/${link}/accept_ra`) === '1' && !this.#settings.holds(forwards(link)))
          this.#settings.hold(`ipv6/conf/${link}/accept_ra`, '2');
    }
    this.#settings.hold(all, '1');
    this.#settings.hold(`ipv6/conf/${uplink}/proxy_ndp`, '1');
    this.#settings.hold(`ipv6/neigh/${uplink}/proxy_delay`, '0'); // else up to 0.8 s, in case somebody else has it
  }
}
