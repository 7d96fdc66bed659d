import type { Bench } from '../bench.ts';

/** Tries one requirement for real. Returns what it saw, in a few words; throws what is missing. */
export type Probe = (bench: Bench) => Promise<string>;

/** What a probe found wanting, where no error of the kernel's or of a program's says it. */
export function missing(why: string): never {
  throw new Error(why);
}
