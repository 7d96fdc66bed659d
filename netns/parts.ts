import { existsSync } from 'node:fs';
import type { Logger } from 'pino';
import { explain } from '../daemon/errors.ts';
import { detachFromLink } from './bpf/filters.ts';
import { Programs } from './bpf/programs.ts';
import { Carrier } from './carrier.ts';
import { Closed } from './closed.ts';
import { type FlowOptions, FlowRecords } from './flows/index.ts';
import { LinkGuard } from './healing/link-guard.ts';
import { Ipv6 } from './ipv6/ipv6.ts';
import type { Refusal } from './limits/refusals.ts';
import { linkedIn, Members } from './members.ts';
import type { Caps } from './network-limits.ts';
import { CARRIER, CARRIER_END, GATEWAY } from './numbers.ts';
import { PortLedger } from './ports/ledger.ts';
import { listeningPorts } from './ports/listening.ts';
import { ReservedPorts } from './ports/reserved.ts';
import { DEFAULT_RANGES, type Settings } from './ports/settings.ts';
import { Shaping } from './rates/shaping.ts';
import { type Link, Rtnetlink, type Snapshot } from './rtnetlink/index.ts';
import { Rules } from './rules.ts';
import type { Uplink as UplinkRules } from './ruleset/part.ts';
import type { SliverNetwork } from './sliver-network.ts';
import { readSysctl, setSysctl } from './sysctl.ts';
import type { Uplink, UplinkChoice } from './uplink.ts';

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
  /** The port of the node's ssh; none: it has no such thing. */
  readonly door?: number;
  /** None: flows aren't recorded. */
  readonly flows?: Omit<FlowOptions, 'log' | 'runDirectory'>;
  readonly log: Logger;
}

const NO_RECORDS = { what: 'records of flows', cost: "Nobody can tell which slice's a flow was." };

/**
 * What a node's network is made of, as far as this kernel has it, and the uplink that it is made for: what connects
 * slivers (connections.ts) and what puts right what somebody changed (healing/healing.ts) both work on it.
 */
export class Parts {
  readonly options: NetworkOptions;
  readonly net = new Rtnetlink();
  readonly carrier = new Carrier(this.net);
  readonly closed = new Closed(this.net);
  readonly ipv6: Ipv6;
  readonly guard = new LinkGuard(this.net, () => this.ledger);
  readonly rules: Rules;
  /** Slivers whose elements are in the ruleset. */
  readonly members = new Members();
  /** Where there is no ledger. */
  readonly reserved = new ReservedPorts({
    own: () => listeningPorts(this.uplink.address),
    deliver: (verb, one) => this.rules.reserve(verb, one),
  });
  uplink: Uplink;
  ledger: PortLedger | undefined;
  shaping: Shaping | undefined;
  flows: FlowRecords | undefined;
  readonly #lacks: { what: string; why: string; cost: string }[] = [];

  constructor(uplink: Uplink, options: NetworkOptions) {
    this.uplink = uplink;
    this.options = options;
    this.ipv6 = new Ipv6(this.net, `${options.runDirectory}/ipv6-settings.json`);
    this.rules = new Rules({ refuse: options.refuse, here: () => this.here });
  }

  get degraded(): SliverNetwork['degraded'] {
    const why = this.flows?.trouble;
    return [...this.#lacks, ...(this.shaping?.degraded ?? []), ...(why ? [{ ...NO_RECORDS, why }] : [])];
  }

  /** The uplink, as the rules need it. */
  get here(): UplinkRules {
    const marks = this.ledger !== undefined;
    const forwards = { ip: readSysctl('ipv4/conf/all/forwarding') !== '0', ip6: this.ipv6.forwards };
    const { door } = this.options;
    const reserved = marks ? [] : this.reserved.reservations();
    return { ...this.uplink, forwards, marks, reserved, ...(door === undefined ? {} : { door }) };
  }

  /** As the programs need it. */
  get settings(): Settings {
    const { address: publicAddress, prefix } = this.uplink;
    return { publicAddress, ...(prefix ? { prefix } : {}), nodeAddress: GATEWAY, ...DEFAULT_RANGES };
  }

  /** Ports are arbitrated at bind, where the kernel can. */
  async arbitrate(): Promise<void> {
    const { bpf, cgroup, log } = this.options;
    try {
      this.ledger = await PortLedger.open({ bpf, cgroup, settings: this.settings });
      for (const { why, ...lack } of this.ledger.lacking) {
        log.warn({ why, ...lack }, 'the kernel refuses some of the BPF programs');
        this.#lacks.push({ why, ...lack });
      }
    } catch (error) {
      log.warn({ err: error }, 'ports of the shared address are not arbitrated');
      this.ledger = undefined;
      await this.#unhook();
      this.reserved.why = explain(error);
      this.#lacks.push({
        what: 'ports of the shared address',
        why: explain(error),
        cost:
          'A sliver has a port by reservation only (sliverctl port reserve), and is reached at it from the world alone. ' +
          'It sends as fast and as much as it likes; while a ruleset that somebody flushed is not back, from any address.',
      });
    }
  }

  /** Rates need the programs of the ledger. */
  async shape(): Promise<void> {
    if (!this.ledger) return;
    const { caps, log } = this.options;
    const { index: spare } = await this.net.links.find(CARRIER_END);
    this.shaping = await Shaping.open({ programs: this.ledger.programs, caps, log }, spare);
    await this.reshape();
  }

  /** Queues go with their links. */
  async reshape(): Promise<void> {
    const carrier = await this.net.links.find(CARRIER);
    await this.shaping?.shape(this.uplink.index, carrier.index, this.members.unknown());
  }

  async record(): Promise<void> {
    const { flows, runDirectory, log } = this.options;
    if (!flows) return;
    try {
      this.flows = await FlowRecords.open({ ...flows, runDirectory, log });
    } catch (error) {
      log.warn({ err: error }, 'flows are not recorded');
      this.#lacks.push({ ...NO_RECORDS, why: explain(error) });
    }
  }

  async linked(): Promise<Map<number, Link>> {
    return linkedIn(await this.net.links.list());
  }

  async makeRules(): Promise<void> {
    const linked = await this.linked();
    this.rules.make(linked.keys());
    this.members.follow(new Set(linked.keys()));
  }

  /** Nothing is forwarded that isn't for slivers, or from them. */
  async keepForwarding(linked: ReadonlyMap<number, Link>, seen: Snapshot): Promise<void> {
    await this.closed.keep(seen, this.uplink, this.here.forwards);
    await this.ipv6.keep(this.uplink, linked.keys(), seen);
  }

  /** Leaves the uplink as it was, if it is still there: forwarding is what it is for all links. */
  async release(): Promise<void> {
    const { name, index } = this.uplink;
    await this.shaping?.unshape();
    await unhook(index);
    if (existsSync(`/proc/sys/net/ipv4/conf/${name}`))
      setSysctl(`ipv4/conf/${name}/forwarding`, readSysctl('ipv4/conf/all/forwarding'));
  }

  /** Takes everything out of the kernel; no sliver has a link any more. */
  async down(): Promise<void> {
    await this.ipv6.down(this.uplink);
    await this.closed.open();
    this.rules.down();
    await this.release();
    await this.flows?.down();
    this.shaping?.close();
    this.shaping = undefined;
    if (this.ledger) this.ledger.down();
    else Programs.remove(this.options.bpf, this.options.cgroup); // an earlier daemon's
    await this.carrier.remove();
    this.net.close();
  }

  /** Takes programs of an earlier daemon from the links: what they act by is gone. */
  async #unhook(): Promise<void> {
    for (const { index } of [this.uplink, ...(await this.linked()).values()]) await unhook(index);
  }
}

async function unhook(link: number): Promise<void> {
  for (const direction of ['ingress', 'egress'] as const) await detachFromLink(link, direction);
}
