import { isDeepStrictEqual } from 'node:util';
import { FlowLimiter } from './limits/flow-limits.ts';
import { Knocks } from './limits/knocks.ts';
import type { Refusal } from './limits/refusals.ts';
import { Nftables } from './nftables.ts';
import type { Verb } from './ruleset/expressions.ts';
import { elements, removal, reservation, ruleset, TEXT } from './ruleset/index.ts';
import type { Uplink } from './ruleset/part.ts';
import type { Reservation } from './ruleset/reservations.ts';

export interface RulesOptions {
  /** What no sliver may reach. */
  readonly refuse: readonly Refusal[];
  /** The uplink, as it is now. */
  here(): Uplink;
}

/** The ruleset (netns/ruleset/) as the kernel has it: made anew as a whole, or changed by a sliver's elements. */
export class Rules {
  readonly limiter: FlowLimiter;
  readonly knocks: Knocks;
  readonly #options: RulesOptions;
  readonly #nft = new Nftables();
  /** What the rules were made by. */
  #forwards: Uplink['forwards'] | undefined;

  constructor(options: RulesOptions) {
    this.#options = options;
    this.limiter = new FlowLimiter(this.#nft, options.refuse);
    this.knocks = new Knocks(this.#nft, () => options.here().prefix);
  }

  /** All rules and elements, whatever was there. @param ids the slivers that have a link */
  make(ids: Iterable<number>): void {
    const here = this.#options.here();
    this.#forwards = here.forwards;
    this.#nft.applyText(TEXT);
    this.#nft.apply(ruleset(here, [...ids]));
    this.limiter.restore();
  }

  /** Whether they were made for a machine that forwards otherwise than this one does now. */
  get outdated(): boolean {
    return !isDeepStrictEqual(this.#options.here().forwards, this.#forwards);
  }

  add(id: number): void {
    this.#nft.apply(elements('add', id, this.#options.here()));
  }

  /** Throws when some of its elements aren't there: somebody flushed them. */
  remove(id: number): void {
    this.limiter.remove(id);
    this.#nft.apply(elements('delete', id, this.#options.here()));
  }

  reserve(verb: Verb, one: Reservation): void {
    this.#nft.apply(reservation(verb, one));
  }

  /** Takes our tables away. */
  down(): void {
    this.#nft.apply(removal);
    this.#nft.close();
  }
}
