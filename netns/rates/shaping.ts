import type { Logger } from 'pino';
import { during, explain } from '../../daemon/errors.ts';
import { closeFd } from '../../daemon/kernel/syscalls.ts';
import { attachToLink, detachFromLink, isAttachedToLink } from '../bpf/filters.ts';
import type { Programs } from '../bpf/programs.ts';
import type { NetworkLimits } from '../network-limits.ts';
import { QUEUES } from '../numbers.ts';
import { classesOf, planClasses } from './plan.ts';
import { type Leaf, Queues } from './queues.ts';
import { Shaper } from './shaper.ts';
import { Traffic } from './traffic.ts';

/** What the owner gives of the uplink, in bits per second. */
export interface Caps {
  readonly up: number;
}

export interface ShapingOptions {
  readonly programs: Programs;
  readonly caps: Caps;
  readonly log: Logger;
}

/**
 * Rates of slivers (docs/decisions/0021-rates.md): packets to the world wait at the uplink, in a class for each sliver.
 * Nothing waits anywhere as long as nothing is bounded.
 */
export class Shaping {
  readonly traffic: Traffic;
  readonly #options: ShapingOptions;
  readonly #toWorld: number;
  readonly #limits = new Map<number, NetworkLimits>();
  readonly #leaf: Leaf;
  #uplink = 0;
  #up: Shaper | undefined;
  #work: Promise<unknown> = Promise.resolve();
  /** Why the uplink's queues aren't as planned. */
  #trouble: string | undefined;

  private constructor(options: ShapingOptions, leaf: Leaf) {
    this.#options = options;
    this.#leaf = leaf;
    this.traffic = new Traffic(options.programs);
    this.#toWorld = options.programs.openProgram('to_world');
  }

  /** @param spare the index of a link that nothing waits at, to try what the kernel has */
  static async open(options: ShapingOptions, spare: number): Promise<Shaping> {
    const leaf = (await new Queues(spare, QUEUES).has('fq_codel')) ? 'fq_codel' : 'bfifo';
    options.log.info({ discipline: 'htb', leaf }, 'rates of slivers');
    return new Shaping(options, leaf);
  }

  get degraded(): { what: string; why: string; cost: string }[] {
    if (!this.#trouble) return [];
    return [
      {
        what: 'rates of slivers',
        why: this.#trouble,
        cost: 'What slivers send to the world has no bounds, and is not shared out.',
      },
    ];
  }

  /** From now on what leaves by this link is counted, and bounded. */
  async shape(uplink: number, unknown: ReadonlySet<number>): Promise<void> {
    this.#uplink = uplink;
    this.#up = new Shaper(uplink, this.#leaf);
    await attachToLink(uplink, 'egress', this.#toWorld, 'to_world');
    await this.#apply(unknown);
  }

  /** Leaves the uplink as it was. */
  async unshape(): Promise<void> {
    await this.#inTurn(async () => {
      await this.#up?.remove();
      await detachFromLink(this.#uplink, 'egress');
    });
  }

  /** A sliver's limits, from now on. @param unknown those that nobody has said the limits of yet */
  async set(id: number, limits: NetworkLimits, unknown: ReadonlySet<number>): Promise<void> {
    this.#limits.set(id, limits);
    await this.#apply(unknown);
  }

  async forget(id: number, unknown: ReadonlySet<number>): Promise<void> {
    if (this.#limits.delete(id)) await this.#apply(unknown);
  }

  /** What somebody else took away or changed is as it was. */
  async mend(unknown: ReadonlySet<number>): Promise<void> {
    await this.#inTurn(async () => {
      if (!(await isAttachedToLink(this.#uplink, 'egress', this.#toWorld)))
        await attachToLink(this.#uplink, 'egress', this.#toWorld, 'to_world');
      await this.#tried(() => this.#up?.mend(unknown));
    });
  }

  close(): void {
    this.traffic.close();
    closeFd(this.#toWorld);
  }

  #apply(unknown: ReadonlySet<number>): Promise<void> {
    return this.#inTurn(async () => {
      const { caps } = this.#options;
      const shares = [...this.#limits].map(([id, { up, weight }]) => [id, { ...up, weight }] as const);
      const plan = planClasses({ cap: caps.up }, new Map(shares));
      await this.#tried(() => this.#up?.apply(plan, unknown));
      for (const id of this.#limits.keys()) this.traffic.wait(id, classesOf(plan, id), [0, 0]);
    });
  }

  /** What fails is said, and tried again with the next change: a sliver that can't be bounded runs all the same. */
  async #tried(work: () => Promise<void> | undefined): Promise<void> {
    try {
      await work();
      this.#trouble = undefined;
    } catch (error) {
      const why = explain(error);
      if (why !== this.#trouble) this.#options.log.warn({ err: error }, 'rates of slivers do not hold');
      this.#trouble = why;
    }
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const mine = this.#work.then(() => during('shaping the traffic of slivers', work));
    this.#work = mine.catch(() => {});
    return mine;
  }
}
