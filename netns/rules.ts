import { isDeepStrictEqual } from 'node:util';
import { FlowLimiter } from './limits/flow-limits.ts';
import type { Refusal } from './limits/refusals.ts';
import { Nftables } from './nftables.ts';
import type { Link } from './rtnetlink/index.ts';
import type { Verb } from './ruleset/expressions.ts';
import {
  DeliveryMap,
  elements,
  FORMER,
  removal,
  reservation,
  ruleset,
  TEXT,
  waiting,
} from './ruleset/index.ts';
import type { Uplink } from './ruleset/part.ts';
import type { Reservation } from './ruleset/reservations.ts';

export interface RulesOptions {
  /** What no sliver may reach. */
  readonly refuse: readonly Refusal[];
  /** The uplink, as it is now. */
  here(): Uplink;
  /** Whether what comes for a sliver may have to wait at the carrier. */
  waits(id: number): boolean;
}

/** The ruleset (netns/ruleset/) as the kernel has it: made anew as a whole, or changed by a sliver's elements. */
export class Rules {
  readonly limiter: FlowLimiter;
  readonly #options: RulesOptions;
  readonly #nft = new Nftables();
  readonly #delivery = new DeliveryMap();
  /** What the rules were made by. */
  #by: ReturnType<typeof lasting> | undefined;
  /** Those whose packets the rules let wait. */
  #waiting = new Set<number>();

  constructor(options: RulesOptions) {
    this.#options = options;
    this.limiter = new FlowLimiter(this.#nft, options.refuse);
  }

  /** All rules and elements, whatever was there. @param linked the slivers that have a link */
  async make(linked: ReadonlyMap<number, Link>): Promise<void> {
    const [here, ids] = [this.#options.here(), [...linked.keys()]];
    this.#by = lasting(here);
    this.#nft.applyText(TEXT);
    const slivers = ids.map((id) => ({ id, waits: this.#options.waits(id) }));
    this.#nft.apply(ruleset(here, slivers));
    this.#nft.applyText(FORMER);
    await this.#delivery.deliver(new Map([...linked].map(([id, { index }]) => [id, index])), true);
    this.#waiting = new Set(slivers.filter(({ waits }) => waits).map(({ id }) => id));
    this.limiter.restore();
  }

  /** Whether they were made for another uplink, or for a machine that forwards otherwise than this one does now. */
  get outdated(): boolean {
    return !isDeepStrictEqual(lasting(this.#options.here()), this.#by);
  }

  /** @param link the index of its link */
  async add(id: number, link: number): Promise<void> {
    this.#nft.apply(elements('add', { id, waits: false }, this.#options.here()));
    await this.#delivery.deliver(new Map([[id, link]]));
  }

  /** Throws when some of its elements aren't there: somebody flushed them. */
  remove(id: number): void {
    this.limiter.remove(id);
    this.#nft.apply(elements('delete', { id, waits: this.#waiting.delete(id) }, this.#options.here()));
  }

  /** What comes for it waits at the carrier exactly if something there is bounded. */
  wait(id: number): void {
    const waits = this.#options.waits(id);
    if (this.#waiting.has(id) === waits) return;
    this.#nft.apply([waiting(waits ? 'add' : 'delete', id)]);
    if (waits) this.#waiting.add(id);
    else this.#waiting.delete(id);
  }

  reserve(verb: Verb, one: Reservation): void {
    this.#nft.apply(reservation(verb, one));
  }

  /** Takes our tables away. */
  down(): void {
    this.#nft.apply(removal);
    this.#nft.close();
    this.#delivery.close();
  }
}

const lasting = ({ name, index, forwards }: Uplink) => ({ name, index, forwards });
