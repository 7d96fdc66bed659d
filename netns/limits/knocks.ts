import { addressText, packAddress, unmapped } from '../address.ts';
import { idIn, type SliverPrefix } from '../ipv6/prefix.ts';
import type { Nftables } from '../nftables.ts';
import { ID_MASK, internalId, internalOf, markOf } from '../numbers.ts';
import { TABLE, table } from '../ruleset/expressions.ts';

/** A source that is refused for a while, for it connects to the node's ssh again and again and doesn't log in. */
export interface Held {
  /** An address, or an IPv6 network of 64 bits; of a sliver, its internal address. */
  readonly source: string;
  /** Connections that were refused since it is held. */
  readonly refused: number;
  /** For so long it will be. */
  readonly seconds: number;
}

/** Logins within so many milliseconds are forgiven together. */
const TOGETHER = 100;

/** Who knocks at the node's ssh and doesn't come in, as the rules count (netns/ruleset/knocks.ts). */
export class Knocks {
  readonly #nft: Nftables;
  readonly #prefix: () => SliverPrefix | undefined;
  readonly #came = new Set<string>();

  /** @param prefix of slivers' IPv6 addresses, as it is now */
  constructor(nft: Nftables, prefix: () => SliverPrefix | undefined) {
    this.#nft = nft;
    this.#prefix = prefix;
  }

  /** Somebody has logged in from there: what is counted against it is forgotten. */
  forgive(address: string): void {
    if (this.#came.size === 0) setTimeout(() => this.#forgive(), TOGETHER).unref();
    this.#came.add(address);
  }

  held(): Held[] {
    return ['', '6', '_sliver'].flatMap((of) => {
      const found = this.#nft.elements('set', { ...table, name: `held${of}` }) as { elem: Element }[];
      return found.map(({ elem: { val, counter, expires } }) => ({
        source: typeof val === 'number' ? internalOf(val & ID_MASK) : of === '6' ? `${val}/64` : val,
        refused: counter.packets - 1, // the first is the one that it is held for
        seconds: expires,
      }));
    });
  }

  /** What isn't there can't be deleted, so that each is added first. */
  #forgive(): void {
    const elements = [...this.#came].flatMap((address) => this.#elements(address));
    this.#came.clear();
    const commands = ['add', 'delete'].flatMap((verb) =>
      elements.map((element) => `${verb} element inet ${TABLE} ${element}`),
    );
    try {
      this.#nft.applyText(commands.join('\n'));
    } catch {
      // Somebody took the sets away, and with them all that was counted.
    }
  }

  /** What an address may be counted by. */
  #elements(address: string): string[] {
    const bytes = packAddress(address);
    if (!bytes) return []; // of a link, as fe80::1%eth0
    const plain = unmapped(bytes);
    const id = internalId(plain) ?? idIn(this.#prefix(), address);
    const both = (of: string, key: string | number) => [`knocks${of} { ${key} }`, `held${of} { ${key} }`];
    if (id !== undefined) return both('_sliver', markOf(id));
    if (plain.length === 4) return both('', addressText(plain));
    return both('6', addressText(Buffer.concat([plain.subarray(0, 8), Buffer.alloc(8)])));
  }
}

interface Element {
  readonly val: string | number;
  readonly counter: { readonly packets: number };
  readonly expires: number;
}
