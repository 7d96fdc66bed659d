import type { KeyObject } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { type PublicKey, thumbprint } from '../shared/jws.ts';
import { isFor, nodeOf, type Ticket, verified } from './tickets.ts';

export interface Offer extends Ticket {
  /** As nodes.json names it. */
  readonly node: string;
}

const MOST_TICKETS = 1000;

/** What a broker has: the tickets in its folder, of nodes whose keys it knows. */
export class Offers {
  readonly #folder: string;
  readonly #key: KeyObject;
  readonly #home: Readonly<Record<string, PublicKey>>;
  #read: readonly Offer[] = [];
  #at = '';

  /** @param key the broker's own @param home its own node, by name */
  constructor(folder: string, key: KeyObject, home: Readonly<Record<string, PublicKey>>) {
    this.#folder = folder;
    this.#key = key;
    this.#home = home;
  }

  /** Those that are not over, what ends first ahead. */
  now(): Offer[] {
    const changed = (name: string) => statSync(`${this.#folder}/${name}`, { throwIfNoEntry: false })?.mtimeMs;
    const at = `${changed('tickets')} ${changed('nodes.json')}`;
    if (this.#at !== at) [this.#read, this.#at] = [this.#all(), at];
    return this.#read.filter(({ claims }) => claims.exp * 1000 > Date.now());
  }

  /** Those that are none are told, and left where they are. */
  #all(): Offer[] {
    const nodes = { ...this.#home, ...json<PublicKey>(`${this.#folder}/nodes.json`) };
    const known = new Map(Object.entries(nodes).map(([name, node]) => [thumbprint(node), { name, node }]));
    const offers: Offer[] = [];
    for (const name of readdirSync(`${this.#folder}/tickets`).sort().slice(0, MOST_TICKETS))
      try {
        const text = readFileSync(`${this.#folder}/tickets/${name}`, 'utf8');
        const of = known.get(nodeOf(text) ?? '');
        if (!of) throw new Error('it is of a node that nodes.json does not have');
        const ticket = verified(text, of.node);
        if (!isFor(ticket, this.#key)) throw new Error('it is for another key than this broker has');
        offers.push({ ...ticket, node: of.name });
      } catch (error) {
        console.log(`tickets/${name}: ${(error as Error).message}`);
      }
    return offers.sort((one, other) => one.claims.exp - other.claims.exp);
  }
}

/** A file of JSON that may not be there. */
export function json<T>(path: string): Record<string, T> {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new Error(`${path}: ${(error as Error).message}`);
  }
}
