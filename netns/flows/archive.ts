import { existsSync } from 'node:fs';
import type { Filter } from './filter.ts';
import type { Flow } from './flow.ts';
import { type Gap, Journal } from './journal.ts';
import { openFlows } from './open.ts';
import { Segment } from './segment.ts';
import { journalPath, segmentNumbers, segmentPath } from './shelf.ts';

/** A flow, and whether it goes on. */
export interface FoundFlow extends Flow {
  readonly open: boolean;
}

export interface Answer {
  /** Those that go on first, then the latest end first. */
  readonly flows: FoundFlow[];
  /** Of when there may be others that nobody recorded. */
  readonly gaps: Gap[];
  /** Whether there are more than were asked for. */
  readonly more: boolean;
  /** What is older wasn't looked at, since it took too long: ask for it by this. */
  readonly next?: number | undefined;
}

export interface Page {
  /** From an earlier answer: only what is older. */
  readonly after?: number | undefined;
  /** After so many milliseconds no more segment is begun. */
  readonly patience?: number;
}

const GAPS = 100;
const PATIENCE = 1000;

/** Looks for flows in what a recorder has kept, and in what the kernel has open. @param filters of which one must hold */
export function findFlows(
  folder: string,
  filters: readonly Filter[],
  limit: number,
  { after, patience = PATIENCE }: Page = {},
): Answer {
  const began = performance.now();
  const open = after === undefined ? openFlows(filters, limit + 1) : [];
  const ended: Flow[] = [];
  let looked: number | undefined;
  let next: number | undefined;
  for (const number of segmentNumbers(folder).reverse()) {
    if (after !== undefined && number >= after) continue;
    const wanted = limit + 1 - open.length - ended.length;
    if (wanted <= 0) break;
    if (looked !== undefined && performance.now() - began > patience) {
      next = looked;
      break;
    }
    looked = number;
    const segment = openSegment(segmentPath(folder, number));
    if (!segment) continue; // it was the oldest, and is gone
    try {
      const found = filters.flatMap((filter) => segment.find(filter, wanted));
      ended.push(...found.sort((a, b) => b.end - a.end).slice(0, wanted));
    } finally {
      segment.close();
    }
  }
  const flows = [
    ...open.map((flow) => ({ ...flow, open: true })),
    ...ended.map((flow) => ({ ...flow, open: false })),
  ];
  const from = Math.min(...filters.map((filter) => filter.from ?? 0));
  const to = Math.max(...filters.map((filter) => filter.to ?? Number.MAX_SAFE_INTEGER));
  return { flows: flows.slice(0, limit), gaps: gapsIn(folder, from, to), more: flows.length > limit, next };
}

function openSegment(path: string): Segment | undefined {
  try {
    return Segment.read(path);
  } catch (error) {
    if (existsSync(path)) throw error;
    return undefined;
  }
}

function gapsIn(folder: string, from: number, to: number): Gap[] {
  if (!existsSync(journalPath(folder))) return [];
  const journal = Journal.read(journalPath(folder));
  try {
    return journal.gaps(from, to, GAPS);
  } finally {
    journal.close();
  }
}
