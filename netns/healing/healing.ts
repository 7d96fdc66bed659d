import type { Connections } from '../connections.ts';
import { Looks } from '../looks.ts';
import { linkedIn } from '../members.ts';
import { watchRuleset } from '../nft-watch.ts';
import type { Parts } from '../parts.ts';
import { PortGuard } from '../ports/guard.ts';
import type { Snapshot } from '../rtnetlink/index.ts';
import { findUplink } from '../uplink.ts';
import { watchNetwork } from '../watch.ts';
import { wireInside } from '../wiring.ts';
import { watchLinks } from './link-watch.ts';

/** Somebody may detach a program, and a sliver must not bind unseen for long. */
const GUARD_EVERY = 1000;

/** Looks after what is ours: what somebody else takes away is put back, and new addresses of the uplink are followed. */
export class Healing {
  readonly #parts: Parts;
  readonly #connections: Connections;
  readonly #looks: Looks;
  readonly #unwatch: () => void;

  /** Begins to watch. */
  constructor(parts: Parts, connections: Connections) {
    const { ledger, guard, members, ipv6, options } = parts;
    this.#parts = parts;
    this.#connections = connections;
    this.#looks = new Looks(options.log);
    const look = () => this.#look();
    const rules = () => parts.makeRules();
    const answers = async () => {
      if (ipv6.lacksAnswers(parts.uplink, [...members.keys()])) await look();
    };
    const watches = [
      watchLinks((link) => guard.suspect(link)),
      watchNetwork(() => this.#looks.have(look)),
      watchRuleset(() => this.#looks.have(rules)),
    ];
    const ports = ledger && new PortGuard(ledger, options.log);
    // A look that fails is had again a second later.
    const timer = setInterval(() => {
      ports?.look(parts.uplink.address, () => members.namespaces());
      this.#looks.haveFailedAgain();
      void this.#looks.have(answers);
    }, GUARD_EVERY).unref();
    this.#unwatch = () => {
      clearInterval(timer);
      for (const end of watches) end();
    };
  }

  /** Settles when nobody looks any more. */
  async end(): Promise<void> {
    this.#unwatch();
    await this.#looks.settled;
  }

  async #look(): Promise<void> {
    const seen = await this.#parts.net.snapshot();
    try {
      await this.#mend(seen);
    } finally {
      await this.#readdress(seen);
    }
  }

  async #mend(first: Snapshot): Promise<void> {
    const { carrier, guard, members, net, rules, shaping } = this.#parts;
    let seen = first;
    const missing = carrier.missing(seen);
    if (missing === 'device') {
      await carrier.make();
      await this.#parts.makeRules(); // a chain goes with its device, and so do programs
      guard.suspect();
      seen = await net.snapshot();
    } else if (rules.outdated) await this.#parts.makeRules();
    if (missing) await carrier.route();
    if (missing === 'device') await this.#parts.reshape();
    if (this.#lost(seen).length > 0) {
      const before = members.present();
      seen = await net.snapshot(); // one of them may have been connected since the first
      for (const [id, member] of this.#lost(seen, before)) {
        await this.#connections.detach(id);
        await this.#connections.attach(id, member.pid, member.limits);
      }
      seen = await net.snapshot();
    }
    await this.#keepLinks(seen);
    await shaping?.mend(members.unknown());
  }

  async #keepLinks(seen: Snapshot): Promise<void> {
    const linked = linkedIn(seen.links);
    await this.#parts.guard.look(linked, this.#parts.uplink, seen);
    await this.#parts.keepForwarding(linked, seen);
  }

  /** Slivers whose link isn't there. @param before those that were connected when it was looked */
  #lost(seen: Snapshot, before = this.#parts.members.present()) {
    const linked = linkedIn(seen.links);
    return before.filter(([id, member]) => !linked.has(id) && this.#parts.members.get(id) === member);
  }

  /** Brings new addresses of the uplink to the rules and into the slivers; without one, all stays as it is. */
  async #readdress(seen: Snapshot): Promise<void> {
    const { options, guard, ledger, members, net, uplink: before } = this.#parts;
    const found = findUplink(seen, options);
    if (!found || (['index', 'address', 'prefix'] as const).every((key) => found[key] === before[key]))
      return;
    if (found.index !== before.index) await this.#parts.release();
    this.#parts.uplink = found;
    await this.#parts.makeRules();
    ledger?.configure(this.#parts.settings);
    guard.suspect(found.index);
    if (found.prefix !== before.prefix) guard.suspect();
    await this.#keepLinks(await net.snapshot());
    await this.#parts.reshape();
    // What a guest has made of its own side may refuse: the next look at the sliver does it anew.
    for (const [id, { pid }] of members.present())
      await wireInside(id, pid, found, before).catch(() => members.set(id, undefined));
  }
}
