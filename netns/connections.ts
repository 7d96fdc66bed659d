import { during } from '../daemon/errors.ts';
import { forgetConnections } from './forget.ts';
import { namespaceOf } from './members.ts';
import type { NetworkLimits } from './network-limits.ts';
import { linkOf } from './numbers.ts';
import type { Parts } from './parts.ts';
import { wire, wireInside } from './wiring.ts';

/** Connects slivers to the shared network and takes them from it: in every part of it, in order. */
export class Connections {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Also brings one that is connected to limits that changed. */
  async attach(id: number, pid: number, limits: NetworkLimits): Promise<void> {
    const { members, rules, shaping } = this.#parts;
    const [known, namespace] = [members.get(id), namespaceOf(pid)];
    const work = async () => {
      await shaping?.set(id, limits, members.unknown());
      if (known?.pid !== pid || known.namespace !== namespace) await this.#connect(id, pid);
      members.set(id, { pid, namespace, limits });
      rules.limiter.set(id, limits.flows);
    };
    await during(`connecting the network namespace of process ${pid}`, () =>
      members.connecting(id, pid, work),
    );
  }

  async detach(id: number): Promise<void> {
    await this.#disconnect(id);
    await this.#parts.shaping?.set(id, undefined, this.#parts.members.unknown());
  }

  /** All of them, as the node goes down. */
  async removeLinks(): Promise<void> {
    for (const id of (await this.#parts.linked()).keys()) {
      await this.#parts.net.links.remove(linkOf(id));
      await forgetConnections(id);
    }
  }

  async #connect(id: number, pid: number): Promise<void> {
    const { members, shaping, net, rules, ipv6 } = this.#parts;
    if (members.isUnknown(id) && (await this.#takeOver(id, pid))) return;
    await this.#disconnect(id); // from a namespace that is on its way out
    shaping?.begin(id);
    await this.#claim(id, pid, await wire(net, id, pid, this.#parts.uplink));
    rules.add(id);
    await ipv6.connect(this.#parts.uplink, id); // it may have changed meanwhile
  }

  async #disconnect(id: number): Promise<void> {
    const { ledger, members, net, ipv6, rules } = this.#parts;
    ledger?.removeSliver(id);
    const known = members.delete(id);
    await net.links.remove(linkOf(id));
    if (!known) return;
    await ipv6.disconnect(this.#parts.uplink, id);
    await forgetConnections(id);
    try {
      rules.remove(id);
    } catch {
      await this.#parts.makeRules(); // some of them weren't there: somebody flushed them
    }
  }

  /** Takes a sliver for connected that an earlier daemon connected; false when its end of the link is gone. */
  async #takeOver(id: number, pid: number): Promise<boolean> {
    const { net, uplink } = this.#parts;
    try {
      await wireInside(id, pid, uplink);
      await this.#claim(id, pid, (await net.links.find(linkOf(id))).index);
      return true;
    } catch {
      return false;
    }
  }

  async #claim(id: number, pid: number, link: number): Promise<void> {
    const { ledger } = this.#parts;
    ledger?.addSliver(id, `/proc/${pid}/ns/net`);
    await ledger?.addLink(id, link);
  }
}
