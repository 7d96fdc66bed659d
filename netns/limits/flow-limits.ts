import type { FlowLimits, Refused } from '../network-limits.ts';
import type { Nftables } from '../nftables.ts';
import { linkOf, markOf, SLIVER_MARK } from '../numbers.ts';
import { TABLE, table } from '../ruleset/expressions.ts';
import { noOpenRules, openRules, REASONS, type Reason } from '../ruleset/flows.ts';
import { readSysctl } from '../sysctl.ts';
import { type Refusal, refusalElements } from './refusals.ts';
import { divisor, elementsOf, openOf } from './share.ts';

const BOUNDS = ['open', 'begun', 'told', 'reached', 'bounded'] as const;
type Has = Map<string, string>;

/**
 * What each sliver has in the sets of netns/ruleset/flows.ts. What an element holds, open connections that it has counted or
 * packets, is lost with it, so that one is touched only when its limit changes.
 */
export class FlowLimiter {
  readonly #nft: Nftables;
  readonly #refusals: readonly Refusal[];
  readonly #limits = new Map<number, FlowLimits>();
  #divided = 1;
  /** The numbers of connections that there are chains for. */
  #chains = new Set<number>();
  /** By sliver, what the kernel has: its elements by set. Those that nobody spoke of yet are an earlier daemon's. */
  #present = new Map<number, Has>();

  constructor(nft: Nftables, refusals: readonly Refusal[]) {
    this.#nft = nft;
    this.#refusals = refusals;
  }

  /** From now on a sliver has these limits. */
  set(id: number, limits: FlowLimits): void {
    this.#limits.set(id, limits);
    this.#change([id]);
  }

  remove(id: number): void {
    this.#limits.delete(id);
    this.#change([], [id]);
  }

  /** Looks at what there is, which somebody else may have changed, and makes it what it should be. */
  restore(): void {
    this.#present = new Map();
    this.#chains = new Set();
    for (const name of BOUNDS)
      for (const [key, { has }] of this.#list(name)) this.#has(idOf(key)).set(name, has);
    for (const name of REASONS) for (const [key] of this.#list(name)) this.#has(idOf(key)).set(name, '');
    const fill = (name: string, elements: readonly string[]) => [
      `flush set inet ${TABLE} ${name}`,
      ...(elements.length > 0 ? [`add element inet ${TABLE} ${name} { ${elements.join(', ')} }`] : []),
    ];
    const refused = ([4, 6] as const).flatMap((family) => {
      const { prefixes, tcp, udp } = refusalElements(this.#refusals, family);
      const six = family === 6 ? '6' : '';
      return [
        ...fill(`unwanted${six}`, prefixes),
        ...fill(`unwanted_tcp${six}`, tcp),
        ...fill(`unwanted_udp${six}`, udp),
      ];
    });
    this.#nft.applyText(refused.join('\n'));
    this.#apply();
  }

  /** What wasn't let through, by sliver, as far as this kernel has counted. */
  refused(): Map<number, Refused> {
    const found = new Map<number, Record<Reason, number>>();
    for (const reason of REASONS)
      for (const [key, { packets }] of this.#list(reason)) {
        const id = idOf(key);
        const of = found.get(id) ?? { connections: 0, rate: 0, destinations: 0, owner: 0, spoofed: 0 };
        of[reason] = packets;
        found.set(id, of);
      }
    return found;
  }

  #change(changed: readonly number[], gone: readonly number[] = []): void {
    try {
      this.#apply(changed, gone);
    } catch {
      this.restore(); // some of them weren't as they were left
      this.#apply([], gone);
    }
  }

  /**
   * @param changed slivers to look at; all of them where the division has changed, and by default
   * @param gone slivers whose elements go
   */
  #apply(changed: Iterable<number> = this.#limits.keys(), gone: readonly number[] = []): void {
    const places = Number(readSysctl('netfilter/nf_conntrack_max'));
    const divided = divisor(this.#limits.values(), places, this.#divided);
    const looked = divided === this.#divided ? changed : this.#limits.keys();
    this.#divided = divided;
    const needed = new Set([...this.#limits.values()].flatMap((limits) => openOf(limits, divided) ?? []));
    const commands = [...needed].filter((open) => !this.#chains.has(open)).flatMap(openRules);
    const change = (verb: 'add' | 'delete', id: number, name: string, with_ = '') => {
      const key = name === 'spoofed' ? `"${linkOf(id)}"` : markOf(id);
      commands.push(`${verb} element inet ${TABLE} ${name} { ${key} ${with_} }`);
      if (verb === 'add') this.#has(id).set(name, with_);
      else this.#has(id).delete(name);
    };
    for (const id of gone) {
      for (const name of [...this.#has(id).keys()]) change('delete', id, name);
      this.#present.delete(id);
    }
    for (const id of looked) {
      const limits = this.#limits.get(id);
      if (!limits) continue;
      const wanted = elementsOf(limits, divided);
      for (const name of REASONS) if (!this.#has(id).has(name)) change('add', id, name);
      for (const name of BOUNDS) {
        const [now, then] = [this.#has(id).get(name), wanted[name]];
        if (now === then) continue;
        if (now !== undefined) change('delete', id, name);
        if (then !== undefined) change('add', id, name, then);
      }
    }
    commands.push(...[...this.#chains].filter((open) => !needed.has(open)).flatMap(noOpenRules));
    this.#chains = needed;
    if (commands.length > 0) this.#nft.applyText(commands.join('\n'));
  }

  #has(id: number): Has {
    const has = this.#present.get(id) ?? new Map<string, string>();
    this.#present.set(id, has);
    return has;
  }

  /** The elements of a set: key, what it has in nft's words, and what its counter says. */
  #list(name: string): [string | number, { has: string; packets: number }][] {
    return this.#nft.elements(name === 'open' ? 'map' : 'set', { ...table, name }).map((element) => {
      if (Array.isArray(element)) {
        const [key, { jump }] = element as [number, { jump: { target: string } }];
        return [key, { has: `: jump ${jump.target}`, packets: 0 }];
      }
      const { val, ...of } = (element as { elem?: { val: string | number } }).elem ?? {
        val: element as string | number,
      };
      return [
        val,
        { has: words(of), packets: (of as { counter?: { packets: number } }).counter?.packets ?? 0 },
      ];
    });
  }
}

/** An element's limit as it was said. */
function words(of: Readonly<Record<string, unknown>>): string {
  const limit = of.limit as { rate: number; per: string; burst?: number; inv?: boolean } | undefined;
  if (!limit) return '';
  const { rate, per, burst = 5, inv } = limit;
  return `limit rate ${inv ? 'over ' : ''}${rate}/${per} burst ${burst} packets`;
}

function idOf(key: string | number): number {
  return typeof key === 'string' ? Number(key.slice('sv'.length)) : key & ~SLIVER_MARK;
}
