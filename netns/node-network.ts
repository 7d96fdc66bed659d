import { existsSync } from 'node:fs';
import type { Logger } from 'pino';
import { during, explain } from '../daemon/errors.ts';
import { detachFromLink } from './bpf/filters.ts';
import { Programs } from './bpf/programs.ts';
import { Carrier } from './carrier.ts';
import { Closed } from './closed.ts';
import { type FlowOptions, FlowRecords } from './flows/index.ts';
import { forgetConnections } from './forget.ts';
import { LinkGuard } from './healing/link-guard.ts';
import { watchLinks } from './healing/link-watch.ts';
import { Ipv6 } from './ipv6/ipv6.ts';
import { addressIn } from './ipv6/prefix.ts';
import type { Refusal } from './limits/refusals.ts';
import { Looks } from './looks.ts';
import { Members, namespaceOf } from './members.ts';
import type { Caps, NetworkLimits, NetworkUsage, Refused, TrafficCounters } from './network-limits.ts';
import { watchRuleset } from './nft-watch.ts';
import { CARRIER, CARRIER_END, GATEWAY, linkOf } from './numbers.ts';
import { PortGuard } from './ports/guard.ts';
import { PortLedger } from './ports/ledger.ts';
import { listeningPorts } from './ports/listening.ts';
import { ReservedPorts } from './ports/reserved.ts';
import { DEFAULT_RANGES, type Settings } from './ports/settings.ts';
import type { SharedPorts } from './ports/shared-ports.ts';
import { Shaping } from './rates/shaping.ts';
import { type Link, Rtnetlink, type Snapshot } from './rtnetlink/index.ts';
import { Rules } from './rules.ts';
import type { Uplink as UplinkRules } from './ruleset/part.ts';
import type { SliverNetwork } from './sliver-network.ts';
import { readSysctl, setSysctl } from './sysctl.ts';
import { findUplink, type Uplink, type UplinkChoice } from './uplink.ts';
import { watchNetwork } from './watch.ts';
import { wire, wireInside } from './wiring.ts';

/** The uplink `none`: slivers have loopback only. */
export interface NetworkOptions extends UplinkChoice {
  /** Where it is noted, until a reboot, what the machine's settings were. */
  readonly runDirectory: string;
  /** Where the node's BPF programs and maps are pinned. */
  readonly bpf: string;
  /** The cgroup that all slivers are in. */
  readonly cgroup: string;
  readonly caps: Caps;
  /** What no sliver may reach. */
  readonly refuse: readonly Refusal[];
  /** None: flows aren't recorded. */
  readonly flows?: Omit<FlowOptions, 'log' | 'runDirectory'>;
  readonly log: Logger;
}

/** Somebody may detach a program, and a sliver must not bind unseen for long. */
const GUARD_EVERY = 1000;

const NO_RECORDS = { what: 'records of flows', cost: "Nobody can tell which slice's a flow was." };

/**
 * The network of a node whose slivers share its public address (docs/decisions/0017-shared-address.md). It lives in
 * the network namespace that the daemon is in, the machine's or any other; all of it is made anew or found in place by
 * `up`, mended when somebody else takes a part away, and undone by `down`.
 */
export class NodeNetwork implements SliverNetwork {
  readonly #lacks: { what: string; why: string; cost: string }[] = [];
  readonly #options: NetworkOptions;
  #ledger: PortLedger | undefined;
  /** Where there is no ledger. */
  readonly #reserved = new ReservedPorts({
    own: () => listeningPorts(this.#uplink.address),
    deliver: (verb, one) => this.#rules.reserve(verb, one),
  });
  #shaping: Shaping | undefined;
  #flows: FlowRecords | undefined;
  #uplink: Uplink;
  readonly #net = new Rtnetlink();
  readonly #carrier = new Carrier(this.#net);
  readonly #closed = new Closed(this.#net);
  readonly #ipv6: Ipv6;
  readonly #guard = new LinkGuard(this.#net, () => this.#ledger);
  readonly #rules: Rules;
  /** Slivers whose elements are in the ruleset. */
  readonly #members = new Members();
  readonly #looks: Looks;
  #unwatch = () => {};

  private constructor(uplink: Uplink, options: NetworkOptions) {
    this.#uplink = uplink;
    this.#options = options;
    this.#ipv6 = new Ipv6(this.#net, `${options.runDirectory}/ipv6-settings.json`);
    this.#looks = new Looks(options.log);
    this.#rules = new Rules({
      refuse: options.refuse,
      here: () => this.#here,
    });
  }

  get ports(): SharedPorts {
    return this.#ledger ?? this.#reserved;
  }

  get flows(): FlowRecords | undefined {
    return this.#flows;
  }

  get counters(): TrafficCounters | undefined {
    return this.#shaping?.traffic;
  }

  get degraded(): { what: string; why: string; cost: string }[] {
    const why = this.#flows?.trouble;
    return [...this.#lacks, ...(this.#shaping?.degraded ?? []), ...(why ? [{ ...NO_RECORDS, why }] : [])];
  }

  static async up(uplink: Uplink, options: NetworkOptions): Promise<NodeNetwork> {
    const network = new NodeNetwork(uplink, options);
    await during(`sharing the address of ${uplink.name}`, async () => {
      await network.#carrier.make();
      await network.#carrier.route();
      await network.#arbitrate();
      // What an earlier daemon left may have the programs of another version, and the rules count on these.
      const seen = await network.#net.snapshot();
      const linked = linkedIn(seen);
      await network.#guard.look(linked, network.#uplink, seen);
      // Rules ahead of forwarding, which is for slivers alone.
      await network.#makeRules();
      await network.#keep(network.#uplink, linked, seen);
    });
    await network.#shape();
    await network.#record();
    network.#watch();
    return network;
  }

  async attach(id: number, pid: number, limits: NetworkLimits): Promise<void> {
    const [known, namespace] = [this.#members.get(id), namespaceOf(pid)];
    const work = async () => {
      await this.#shaping?.set(id, limits, this.#members.unknown());
      if (known?.pid !== pid || known.namespace !== namespace) await this.#connect(id, pid);
      this.#members.set(id, { pid, namespace, limits });
      this.#rules.limiter.set(id, limits.flows);
    };
    await during(`connecting the network namespace of process ${pid}`, () =>
      this.#members.connecting(id, pid, work),
    );
  }

  addresses(id: number): string[] {
    const { address, prefix } = this.#uplink;
    return this.#members.has(id) ? [address, ...(prefix ? [addressIn(prefix, id)] : [])] : [];
  }

  async usage(id: number): Promise<NetworkUsage> {
    return (await this.#shaping?.usage(id)) ?? {};
  }

  refused(): ReadonlyMap<number, Refused> {
    return this.#rules.limiter.refused();
  }

  async detach(id: number): Promise<void> {
    await this.#disconnect(id);
    await this.#shaping?.set(id, undefined, this.#members.unknown());
  }

  async sweep(known: ReadonlySet<number>): Promise<string[]> {
    const strange = [...this.#members.keys()].filter((id) => !known.has(id));
    for (const id of strange) await this.detach(id);
    return strange.map((id) => `link ${linkOf(id)}`);
  }

  async down(): Promise<void> {
    this.#unwatch();
    await this.#looks.settled;
    for (const id of (await this.#linked()).keys()) {
      await this.#net.links.remove(linkOf(id));
      await forgetConnections(id);
    }
    await this.#ipv6.down(this.#uplink);
    await this.#closed.open();
    this.#rules.down();
    await this.#release();
    await this.#flows?.down();
    this.#shaping?.close();
    this.#shaping = undefined;
    if (this.#ledger) this.#ledger.down();
    else Programs.remove(this.#options.bpf, this.#options.cgroup); // an earlier daemon's
    await this.#carrier.remove();
    this.#net.close();
  }

  async #connect(id: number, pid: number): Promise<void> {
    if (this.#members.isUnknown(id) && (await this.#takeOver(id, pid))) return;
    await this.#disconnect(id); // from a namespace that is on its way out
    this.#shaping?.begin(id);
    const link = await wire(this.#net, id, pid, this.#uplink);
    await this.#claim(id, pid, link);
    this.#rules.add(id);
    await this.#ipv6.connect(this.#uplink, id);
  }

  async #disconnect(id: number): Promise<void> {
    this.#ledger?.removeSliver(id);
    const known = this.#members.delete(id);
    await this.#net.links.remove(linkOf(id));
    if (!known) return;
    await this.#ipv6.disconnect(this.#uplink, id);
    await forgetConnections(id);
    try {
      this.#rules.remove(id);
    } catch {
      await this.#makeRules(); // some of them weren't there: somebody flushed them
    }
  }

  /** Takes a sliver for connected that an earlier daemon connected; false when its end of the link is gone. */
  async #takeOver(id: number, pid: number): Promise<boolean> {
    try {
      await wireInside(id, pid, this.#uplink);
      await this.#claim(id, pid, (await this.#net.links.find(linkOf(id))).index);
      return true;
    } catch {
      return false;
    }
  }

  /** Leaves the uplink as it was, if it is still there: forwarding is what it is for all links. */
  async #release(): Promise<void> {
    const { name, index } = this.#uplink;
    await this.#shaping?.unshape();
    for (const direction of ['ingress', 'egress'] as const) await detachFromLink(index, direction);
    if (existsSync(`/proc/sys/net/ipv4/conf/${name}`))
      setSysctl(`ipv4/conf/${name}/forwarding`, readSysctl('ipv4/conf/all/forwarding'));
  }

  /** Ports are arbitrated at bind, where the kernel can. */
  async #arbitrate(): Promise<void> {
    const { bpf, cgroup, log } = this.#options;
    try {
      this.#ledger = await PortLedger.open({ bpf, cgroup, settings: this.#settings() });
      for (const { why, ...lack } of this.#ledger.lacking) {
        log.warn({ why, ...lack }, 'the kernel refuses some of the BPF programs');
        this.#lacks.push({ why, ...lack });
      }
    } catch (error) {
      log.warn({ err: error }, 'ports of the shared address are not arbitrated');
      this.#ledger = undefined;
      await this.#unhook();
      this.#reserved.why = explain(error);
      this.#lacks.push({
        what: 'ports of the shared address',
        why: explain(error),
        cost:
          'A sliver has a port by reservation only (sliverctl port reserve), and is reached at it from the world alone. ' +
          'It sends as fast and as much as it likes; while a ruleset that somebody flushed is not back, from any address.',
      });
    }
  }

  /** Takes programs of an earlier daemon from the links: what they act by is gone. */
  async #unhook(): Promise<void> {
    const links = [this.#uplink, ...(await this.#linked()).values()];
    for (const { index } of links)
      for (const direction of ['ingress', 'egress'] as const) await detachFromLink(index, direction);
  }

  /** The uplink, as the rules need it. */
  get #here(): UplinkRules {
    const marks = this.#ledger !== undefined;
    const forwards = { ip: readSysctl('ipv4/conf/all/forwarding') !== '0', ip6: this.#ipv6.forwards };
    return { ...this.#uplink, forwards, marks, reserved: marks ? [] : this.#reserved.reservations() };
  }

  async #record(): Promise<void> {
    const { flows, runDirectory, log } = this.#options;
    if (!flows) return;
    try {
      this.#flows = await FlowRecords.open({ ...flows, runDirectory, log });
    } catch (error) {
      log.warn({ err: error }, 'flows are not recorded');
      this.#lacks.push({ ...NO_RECORDS, why: explain(error) });
    }
  }

  /** Rates need the programs of the ledger. */
  async #shape(): Promise<void> {
    if (!this.#ledger) return;
    const { caps, log } = this.#options;
    const { index: spare } = await this.#net.links.find(CARRIER_END);
    this.#shaping = await Shaping.open({ programs: this.#ledger.programs, caps, log }, spare);
    await this.#reshape();
  }

  async #reshape(): Promise<void> {
    const carrier = await this.#net.links.find(CARRIER);
    await this.#shaping?.shape(this.#uplink.index, carrier.index, this.#members.unknown());
  }

  #settings(): Settings {
    const { address: publicAddress, prefix } = this.#uplink;
    return { publicAddress, ...(prefix ? { prefix } : {}), nodeAddress: GATEWAY, ...DEFAULT_RANGES };
  }

  async #claim(id: number, pid: number, link: number): Promise<void> {
    this.#ledger?.addSliver(id, `/proc/${pid}/ns/net`);
    await this.#ledger?.addLink(id, link);
  }

  /** Looks after what is ours; a look that fails is had again a second later. */
  #watch(): void {
    const look = () => this.#look();
    const rules = () => this.#makeRules();
    const answers = async () => {
      if (this.#ipv6.lacksAnswers(this.#uplink, [...this.#members.keys()])) await look();
    };
    const watches = [
      watchLinks((link) => this.#guard.suspect(link)),
      watchNetwork(() => this.#looks.have(look)),
      watchRuleset(() => this.#looks.have(rules)),
    ];
    const guard = this.#ledger && new PortGuard(this.#ledger, this.#options.log);
    const timer = setInterval(() => {
      guard?.look(this.#uplink.address, () => this.#members.namespaces());
      this.#looks.haveFailedAgain();
      void this.#looks.have(answers);
    }, GUARD_EVERY).unref();
    this.#unwatch = () => {
      clearInterval(timer);
      for (const end of watches) end();
    };
  }

  async #look(): Promise<void> {
    const seen = await this.#net.snapshot();
    try {
      await this.#mend(seen);
    } finally {
      await this.#readdress(seen);
    }
  }

  async #mend(first: Snapshot): Promise<void> {
    let seen = first;
    const missing = this.#carrier.missing(seen);
    if (missing === 'device') {
      await this.#carrier.make();
      await this.#makeRules(); // a chain goes with its device, and so do programs
      this.#guard.suspect();
      seen = await this.#net.snapshot();
    } else if (this.#rules.outdated) await this.#makeRules();
    if (missing) await this.#carrier.route();
    if (missing === 'device') await this.#reshape();
    if (this.#lost(seen).length > 0) {
      const before = this.#members.present();
      seen = await this.#net.snapshot(); // one of them may have been connected since the first
      for (const [id, member] of this.#lost(seen, before)) {
        await this.detach(id);
        await this.attach(id, member.pid, member.limits);
      }
      seen = await this.#net.snapshot();
    }
    const linked = linkedIn(seen);
    await this.#guard.look(linked, this.#uplink, seen);
    await this.#keep(this.#uplink, linked, seen);
    await this.#shaping?.mend(this.#members.unknown());
  }

  /** Nothing is forwarded that isn't for slivers, or from them. */
  async #keep(uplink: Uplink, linked: ReadonlyMap<number, Link>, seen: Snapshot): Promise<void> {
    await this.#closed.keep(seen, uplink, this.#here.forwards);
    await this.#ipv6.keep(uplink, linked.keys(), seen);
  }

  /** Slivers whose link isn't there. @param before those that were connected when it was looked */
  #lost(seen: Snapshot, before = this.#members.present()) {
    const linked = linkedIn(seen);
    return before.filter(([id, member]) => !linked.has(id) && this.#members.get(id) === member);
  }

  /** Brings new addresses of the uplink to the rules and into the slivers; without one, all stays as it is. */
  async #readdress(seen: Snapshot): Promise<void> {
    const found = findUplink(seen, this.#options);
    const before = this.#uplink;
    if (!found || (['index', 'address', 'prefix'] as const).every((key) => found[key] === before[key]))
      return;
    if (found.index !== before.index) await this.#release();
    this.#uplink = found;
    await this.#makeRules();
    this.#ledger?.configure(this.#settings());
    this.#guard.suspect(found.index);
    if (found.prefix !== before.prefix) this.#guard.suspect();
    const now = await this.#net.snapshot();
    const linked = linkedIn(now);
    await this.#guard.look(linked, found, now);
    await this.#keep(found, linked, now);
    await this.#reshape();
    // What a guest has made of its own side may refuse: the next look at the sliver does it anew.
    for (const [id, { pid }] of this.#members.present())
      await wireInside(id, pid, found, before).catch(() => this.#members.set(id, undefined));
  }

  async #linked(): Promise<Map<number, Link>> {
    return linkedIn({ links: await this.#net.links.list() });
  }

  async #makeRules(): Promise<void> {
    const linked = await this.#linked();
    this.#rules.make(linked.keys());
    this.#members.follow(new Set(linked.keys()));
  }
}

/** Links of slivers, by their ids: they are the truth of who is connected. */
function linkedIn({ links }: Pick<Snapshot, 'links'>): Map<number, Link> {
  const ours = links.filter(({ name }) => /^sv[0-9]+$/.test(name));
  return new Map(ours.map((link) => [Number(link.name.slice('sv'.length)), link]));
}
