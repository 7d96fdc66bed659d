import type { QueueClass } from './queues.ts';

/** One way of the node's uplink. Bits per second. */
export interface Line {
  /** What the owner gives of it; `Infinity`: the owner says nothing, and nothing is shared out. */
  readonly cap: number;
}

/** What a sliver may have of a line. */
export interface Share {
  readonly min: number;
  readonly max: number;
  readonly exemptMax: number;
  readonly weight: number;
}

/** The classes that aren't slivers'. */
const ALL = 1;
export const NODE = 2;
const EXEMPT = 3;
/** Of slivers that may send to exempt destinations as they like. */
const FREE = 4;
/** Those of slivers are these and the sliver's id. */
const SLIVER = 0x1000;
const EXEMPT_OF = 0x2000;
export const isExempt = (minor: number): boolean => minor >= EXEMPT_OF;
export const idOf = (minor: number): number | undefined => (minor < SLIVER ? undefined : minor & 0xfff);

/** For what has no bound; more than any link, and what HTB can still reckon with. */
const NO_BOUND = 1e12;
/** A class needs a rate of its own, if only this. */
const LEAST = 8000;
/** What slivers can't take of the node's own traffic, and the weight by which it gets more. */
const NODES_PART = 0.05;
const NODES_WEIGHT = 1000;
/**
 * Bytes in a turn for the lowest weight. HTB sends whole packets, and segments late: with less than the largest that a sender
 * can hand over, turns would be of one packet each, and shares for whoever makes the largest. Who sends little needn't wait
 * for turns: that is within its rate.
 */
const TURN = 65_536;
/** No turn is longer, whatever the weight. */
const LONGEST_TURN = 0.5;

/** What minimum rates of slivers may add up to. */
export function promisable(cap: number): number {
  return cap * (1 - NODES_PART);
}

/**
 * The classes of a line with these slivers, by minor number; none where nothing is bounded, so that nothing waits.
 * Each sliver has its minimum; what is over goes to those who want more, by weight, up to their maximum (HTB).
 */
export function planClasses({ cap }: Line, slivers: ReadonlyMap<number, Share>): Map<number, QueueClass> {
  const plan = new Map<number, QueueClass>();
  const shared = cap < Number.POSITIVE_INFINITY;
  const turn = turnOf(cap, slivers);
  const add = (minor: number, rate: number, ceil: number, weight: number, parent = ALL) => {
    const most = Math.max(whole(ceil), LEAST);
    plan.set(minor, {
      minor,
      parent,
      rate: Math.min(Math.max(whole(rate), LEAST), most),
      ceil: most,
      quantum: turn(weight),
    });
  };
  // HTB would keep each promise, and break the cap: less was promised once than there is now.
  const promised = [...slivers.values()].reduce((sum, { min }) => sum + min, 0);
  const kept = Math.min(1, promisable(cap) / promised);
  for (const [id, { min, max, exemptMax, weight }] of slivers) {
    // Without a cap nothing is shared: who is bounded has all that up to there.
    if (shared) add(SLIVER + id, promised > 0 ? min * kept : 0, Math.min(max, cap), weight);
    else if (bounded(max)) add(SLIVER + id, max, max, weight);
    if (bounded(exemptMax)) add(EXEMPT_OF + id, exemptMax, exemptMax, weight, EXEMPT);
  }
  if (plan.size === 0 && !shared) return plan;
  const group = (minor: number, rate: number) =>
    plan.set(minor, { minor, parent: 0, rate: whole(rate), ceil: whole(rate), quantum: TURN });
  if (shared) add(NODE, cap * NODES_PART, cap, NODES_WEIGHT);
  group(ALL, cap);
  // What is exempt is none of the cap's business.
  group(EXEMPT, Number.POSITIVE_INFINITY);
  add(FREE, NO_BOUND, NO_BOUND, NODES_WEIGHT, EXEMPT);
  return plan;
}

/** Where a sliver's packets wait, to or from the world and the exempt destinations; 0: in no class of its own. */
export function classesOf(plan: ReadonlyMap<number, QueueClass>, id: number): [number, number] {
  const own = plan.has(SLIVER + id) ? SLIVER + id : 0;
  return [own, plan.has(EXEMPT_OF + id) ? EXEMPT_OF + id : own && FREE];
}

/** Bytes that may wait in a class: a tenth of a second's, but for some packets of the largest size. */
export function waiting({ ceil }: QueueClass): number {
  return Math.round(Math.min(Math.max((ceil / 8) * 0.1, 131_072), 8 << 20));
}

/** How many bytes in a turn by weight. */
function turnOf(cap: number, slivers: ReadonlyMap<number, Share>): (weight: number) => number {
  const bytes = Math.min(cap, NO_BOUND) / 8;
  const lowest = Math.min(NODES_WEIGHT, ...[...slivers.values()].map(({ weight }) => weight));
  const longest = Math.min(Math.max(bytes * LONGEST_TURN, TURN), 0x7fff_ffff);
  return (weight) => Math.round(Math.min((TURN * weight) / lowest, longest));
}

const bounded = (rate: number) => rate < Number.POSITIVE_INFINITY;
/** The kernel counts whole bytes. */
const whole = (bits: number) => 8 * Math.floor(Math.min(bits, NO_BOUND) / 8);
