import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import type { Flow } from './flow.ts';
import { Segment } from './segment.ts';

export interface Budget {
  /** Of all files together. */
  readonly bytes: number;
  /** Flows that ended so long ago are not kept. */
  readonly days: number;
}

/** The budget is in so many parts: what is lost at once when it is full. */
const PARTS = 16;
const DAY = 86_400_000;

const NAME = /^(\d{8})\.db$/;
export const segmentPath = (folder: string, number: number) =>
  `${folder}/${String(number).padStart(8, '0')}.db`;

export const journalPath = (folder: string) => `${folder}/journal.db`;

/** Numbers of the segments there are, the oldest first. */
export function segmentNumbers(folder: string): number[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .flatMap((name) => NAME.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

/** All that is kept, in segments of which the newest is written; the oldest go when there are too many bytes. */
export class Shelf {
  readonly #folder: string;
  readonly #budget: Budget;
  #number: number;
  #segment: Segment | undefined;

  constructor(folder: string, budget: Budget) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#folder = folder;
    this.#budget = budget;
    this.#number = segmentNumbers(folder).at(-1) ?? 1;
  }

  /** Throws when the disk takes no more; then none of them is kept. */
  add(flows: readonly Flow[]): void {
    this.#segment ??= Segment.write(segmentPath(this.#folder, this.#number));
    this.#segment.add(flows);
  }

  /** Begins a new segment when the last is long enough, and removes what is over the budget. */
  tidy(): void {
    if (this.#segment && bytesOf(this.#folder, this.#number) > this.#budget.bytes / PARTS) {
      this.#segment.seal();
      this.#segment = undefined;
      this.#number++;
    }
    const old = segmentNumbers(this.#folder).filter((number) => number !== this.#number);
    let bytes = [...old, this.#number].reduce((sum, number) => sum + bytesOf(this.#folder, number), 0);
    for (const number of old) {
      // The one that is written may grow to its size meanwhile.
      if (bytes <= this.#budget.bytes - this.#budget.bytes / PARTS) break;
      bytes -= bytesOf(this.#folder, number);
      this.#remove(number);
    }
  }

  /** Removes what ended too long ago. Only for a clock that can be trusted. */
  expire(now: number): void {
    for (const number of segmentNumbers(this.#folder)) {
      if (number === this.#number) return;
      const segment = Segment.read(segmentPath(this.#folder, number));
      const latest = segment?.latest ?? 0;
      segment?.close();
      if (latest >= now - this.#budget.days * DAY) return;
      this.#remove(number);
    }
  }

  close(): void {
    this.#segment?.close();
    this.#segment = undefined;
  }

  #remove(number: number): void {
    for (const suffix of SUFFIXES) rmSync(segmentPath(this.#folder, number) + suffix, { force: true });
  }
}

const SUFFIXES = ['', '-wal', '-shm', '-journal'];

function bytesOf(folder: string, number: number): number {
  return SUFFIXES.reduce(
    (sum, suffix) =>
      sum + (statSync(segmentPath(folder, number) + suffix, { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
}
