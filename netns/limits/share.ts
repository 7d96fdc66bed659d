import type { FlowLimits } from '../network-limits.ts';
import { openChain } from '../ruleset/flows.ts';

/** Of the table that the kernel keeps connections in, what slivers' open ones may take; half as much again may be closing. */
const SLIVERS_PART = 0.5;
/** Connections that it may begin in a second, of those that it may have; and at once after a pause. */
const BEGIN_PART = 1 / 40;
const BURST_PART = 1 / 4;
const FASTEST = 100;
const LEAST = 16;
/** Refusals that are told in a second: the kernel sends a thousand ICMP errors, and another's must be among them. */
const TOLD = 10;

/**
 * By how much limits are divided so that all of them together leave the node its part of the table.
 * @param before what it was; whoever gets another limit is counted anew, so that it mustn't change as slivers come and go
 */
export function divisor(slivers: Iterable<FlowLimits>, places: number, before = 1): number {
  let sum = 0;
  for (const { connections } of slivers) if (Number.isFinite(connections)) sum += connections;
  const pool = places * SLIVERS_PART;
  const needed = sum <= pool ? 1 : 2 ** Math.ceil(Math.log2(sum / pool));
  return needed > before || needed * 4 <= before ? needed : before;
}

/** How many connections a sliver gets; undefined: as many as it likes. */
export function openOf({ connections }: FlowLimits, divided: number): number | undefined {
  return Number.isFinite(connections) ? Math.max(LEAST, Math.floor(connections / divided)) : undefined;
}

/** What a sliver has in each set of netns/ruleset/flows.ts, in nft's words. */
export function elementsOf(limits: FlowLimits, divided: number): Record<string, string> {
  const open = openOf(limits, divided);
  const { destinationsPerMinute: reached } = limits;
  return {
    told: `limit rate ${TOLD}/second burst ${TOLD} packets`,
    ...(open !== undefined && { open: `: jump ${openChain(open)}`, begun: begunOf(open) }),
    ...(Number.isFinite(reached) && {
      reached: `limit rate over ${reached}/minute burst ${reached} packets`,
      bounded: '',
    }),
  };
}

function begunOf(open: number): string {
  const rate = Math.min(FASTEST, Math.max(LEAST, Math.floor(open * BEGIN_PART)));
  const burst = Math.max(LEAST, Math.floor(open * BURST_PART));
  return `limit rate over ${rate}/second burst ${burst} packets`;
}
