import { SliverdError } from '../../daemon/errors.ts';
import { QUEUES } from '../numbers.ts';
import { idOf, NODE, waiting } from './plan.ts';
import { type Leaf, type QueueClass, Queues } from './queues.ts';
import type { Tally } from './tally.ts';

/** Keeps the queues of one link as they are planned; without a plan the link is as it was. */
export class Shaper {
  readonly #queues: Queues;
  readonly #leaf: Leaf;
  readonly #tally: Tally;
  /** What is there, as far as nobody else has changed it: classes, or no queues of ours; undefined: to be looked at. */
  #present: Map<number, QueueClass> | 'none' | undefined;

  constructor(link: number, leaf: Leaf, tally: Tally) {
    this.#queues = new Queues(link, QUEUES);
    this.#leaf = leaf;
    this.#tally = tally;
  }

  /**
   * Makes what differs. Throws `in-use` where the link has queues of its owner's, which stay.
   * @param unknown slivers that nobody spoke of yet: what an earlier daemon made for them stays
   */
  async apply(plan: ReadonlyMap<number, QueueClass>, unknown: ReadonlySet<number>): Promise<void> {
    const found = this.#present ?? (await this.#look());
    this.#present = undefined; // as long as it is not done
    const present = found === 'none' ? undefined : found;
    const stays = (minor: number) => plan.has(minor) || unknown.has(idOf(minor) ?? 0);
    const wanted = plan.size > 0 || (present?.size && unknown.size > 0);
    if (!wanted) {
      if (present) await this.#end();
      this.#present = 'none';
      return;
    }
    if (!present) await this.#begin();
    const now = present ?? new Map<number, QueueClass>();
    for (const one of inOrder(plan)) {
      let before = now.get(one.minor);
      if (same(before, one)) continue;
      if (before && (before.parent !== one.parent || owes(before, one))) {
        await this.#count();
        await this.#queues.remove(one.minor);
        before = undefined;
      }
      await this.#queues.set(one);
      if (hasLeaf(one)) await this.#queues.setLeaf(one.minor, this.#leaf, waiting(one));
      if (!before) this.#tally.fresh(one.minor);
      now.set(one.minor, one);
    }
    const gone = plan.size > 0 ? [...now.keys()].filter((minor) => !stays(minor)) : [];
    if (gone.length > 0) await this.#count();
    for (const minor of gone.sort((a, b) => b - a)) {
      await this.#queues.remove(minor);
      now.delete(minor);
    }
    this.#present = now;
  }

  /** Looks at what is there, and makes it what it should be. */
  async mend(plan: ReadonlyMap<number, QueueClass>, unknown: ReadonlySet<number>): Promise<void> {
    this.#present = undefined;
    await this.apply(plan, unknown);
  }

  async remove(): Promise<void> {
    if ((await this.#look()) !== 'none') await this.#end();
  }

  /** Brings the tally up to what the queues have counted by now. */
  async count(): Promise<void> {
    if (this.#present && this.#present !== 'none') await this.#count();
  }

  async #end(): Promise<void> {
    await this.#count();
    await this.#queues.end();
  }

  async #count(): Promise<void> {
    for (const [minor, held] of await this.#queues.held()) this.#tally.add(minor, held);
  }

  async #look(): Promise<Map<number, QueueClass> | 'none'> {
    const root = await this.#queues.root();
    if (root?.handle !== this.#queues.handle) return 'none';
    const classes = await this.#queues.classes();
    // One without the leaf that we gave it is as good as another one's.
    return new Map(
      classes.map(({ leaf, ...one }) => [one.minor, leaf || !hasLeaf(one) ? one : { ...one, quantum: 0 }]),
    );
  }

  async #begin(): Promise<void> {
    const root = await this.#queues.root();
    if (root && root.handle !== 0)
      throw new SliverdError(
        'in-use',
        `it has queues of its owner's (${root.kind} ${(root.handle >>> 16).toString(16)}:)`,
      );
    await this.#queues.begin(NODE);
  }
}

function inOrder(classes: ReadonlyMap<number, QueueClass>): QueueClass[] {
  return [...classes.values()].sort((a, b) => a.minor - b.minor);
}

function hasLeaf({ parent }: QueueClass): boolean {
  return parent !== 0;
}

/** The largest that a sender can hand over, in bits, and the seconds for which nobody minds waiting for one. */
const LARGEST = 65_536 * 8;
const SOON = 0.05;

/**
 * Whether what one packet too large cost at the old rate would keep the class waiting at the new one: HTB counts debts in time, up
 * to a minute, and keeps them when a class changes. One made anew owes nothing; the little that waited in it is lost.
 */
function owes(before: QueueClass, after: QueueClass): boolean {
  return (['rate', 'ceil'] as const).some(
    (which) => after[which] > 2 * before[which] && LARGEST / before[which] > SOON,
  );
}

function same(a: QueueClass | undefined, b: QueueClass): boolean {
  return (
    a !== undefined &&
    a.parent === b.parent &&
    a.rate === b.rate &&
    a.ceil === b.ceil &&
    a.quantum === b.quantum
  );
}
