import { isDeepStrictEqual } from 'node:util';
import { PREFIX_LENGTH } from './ipv6/prefix.ts';
import { FROM_MARK, OURS } from './numbers.ts';
import type { Rtnetlink, Snapshot } from './rtnetlink/index.ts';
import type { Rule } from './rtnetlink/rules.ts';
import type { Uplink } from './uplink.ts';

/** After the table of what is the machine's own: what may pass, what may not, and where to go on. */
const [PASS, CLOSED, END] = [1001, 1002, 1003];
const ours = { table: 0, protocol: OURS };
const ours6 = { ...ours, six: true };

/**
 * What isn't marked as a sliver's goes nowhere but to the machine itself, whatever somebody did to the rules of nftables:
 * by slivers the machine becomes nobody's router. One that was before goes on, with others' packets.
 */
export class Closed {
  readonly #net: Rtnetlink;

  constructor(net: Rtnetlink) {
    this.#net = net;
  }

  /** @param forwards whether the machine would forward without us */
  async keep(seen: Snapshot, uplink: Uplink, forwards: { ip: boolean; ip6: boolean }): Promise<void> {
    await this.#make(seen, [
      // IPv4 is forwarded by link: from the uplink, and from slivers' links.
      ...(forwards.ip ? [] : [{ ...ours, six: false, priority: CLOSED, from: uplink.name }]),
      ...(uplink.prefix ? closed6(uplink.prefix, forwards.ip6) : []),
    ]);
  }

  async open(): Promise<void> {
    await this.#make(await this.#net.snapshot(), []);
  }

  async #make({ rules }: Snapshot, wanted: readonly Rule[]): Promise<void> {
    const have = rules.filter(({ protocol }) => protocol === OURS);
    const among = (rule: Rule, all: readonly Rule[]) => all.some((one) => isDeepStrictEqual(one, rule));
    for (const rule of have) if (!among(rule, wanted)) await this.#net.rules.remove(rule);
    for (const rule of wanted) if (!among(rule, have)) await this.#net.rules.add(rule);
  }
}

/**
 * IPv6 is forwarded from all links or none. In the order in which they are added: what may pass never meets the closed
 * door alone. What the machine itself sends depends on none of these, but to slivers where it is a router.
 */
function closed6(prefix: string, router: boolean): Rule[] {
  const pass = { ...ours6, priority: PASS, goto: END };
  const all = [
    { ...ours6, priority: END, nothing: true },
    { ...pass, mark: FROM_MARK },
  ] as const;
  if (!router) return [...all, { ...ours6, priority: CLOSED, from: 'lo', not: true }];
  const to = { address: prefix, length: PREFIX_LENGTH };
  return [...all, { ...pass, from: 'lo', to }, { ...ours6, priority: CLOSED, to }];
}
