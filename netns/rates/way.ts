import type { Logger } from 'pino';
import { explain } from '../../daemon/errors.ts';
import { classesOf, planClasses, type Share } from './plan.ts';
import type { Leaf } from './queues.ts';
import { Shaper } from './shaper.ts';
import type { Tally } from './tally.ts';

export interface WayOptions {
  /** For people. */
  readonly name: string;
  /** Bits per second of all slivers together. */
  readonly cap: number;
  readonly leaf: Leaf;
  readonly tally: Tally;
  readonly log: Logger;
}

/**
 * Traffic one way, to the world or from it: it waits at one link, in a class for each sliver that is bounded. Which class that is
 * a program at the link's egress says (netns/bpf/traffic.h, links.h), which netns/ports/ledger.ts attaches.
 */
export class Way {
  readonly #options: WayOptions;
  readonly #shares = new Map<number, Share>();
  #shaper: Shaper | undefined;
  /** Why the queues aren't as planned. */
  trouble: string | undefined;

  constructor(options: WayOptions) {
    this.#options = options;
  }

  /** From now on it is this link. @param unknown slivers that nobody has said the share of yet */
  async begin(link: number, unknown: ReadonlySet<number>): Promise<void> {
    this.#shaper = new Shaper(link, this.#options.leaf, this.#options.tally);
    await this.mend(unknown);
  }

  /** Leaves the link as it was. */
  async end(): Promise<void> {
    await this.#shaper?.remove();
  }

  /** @returns the classes of the sliver, and 0, 0 if it has none: to and from the world, and exempt destinations */
  async set(
    id: number,
    share: Share | undefined,
    unknown: ReadonlySet<number>,
  ): Promise<readonly [number, number]> {
    if (share) this.#shares.set(id, share);
    else this.#shares.delete(id);
    const plan = planClasses({ cap: this.#options.cap }, this.#shares);
    await this.#tried(() => this.#shaper?.apply(plan, unknown));
    return share ? classesOf(plan, id) : [0, 0];
  }

  /** Brings the tally up to now. */
  async count(): Promise<void> {
    await this.#shaper?.count().catch(() => {}); // it is gone, and comes back
  }

  /** What somebody else took away or changed is as it was. */
  async mend(unknown: ReadonlySet<number>): Promise<void> {
    const plan = planClasses({ cap: this.#options.cap }, this.#shares);
    await this.#tried(() => this.#shaper?.mend(plan, unknown));
  }

  /** What fails is said, and tried again with the next change: a sliver that can't be bounded runs all the same. */
  async #tried(work: () => Promise<void> | undefined): Promise<void> {
    try {
      await work();
      this.trouble = undefined;
    } catch (error) {
      const why = explain(error);
      const { name, log } = this.#options;
      if (why !== this.trouble) log.warn({ err: error }, `rates of slivers ${name} do not hold`);
      this.trouble = why;
    }
  }
}
