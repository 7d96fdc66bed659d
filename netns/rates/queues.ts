import { during } from '../../daemon/errors.ts';
import { attribute, attributesOf } from '../attributes.ts';
import { netlinkIn } from '../namespace.ts';
import type { Held } from '../network-limits.ts';

const [RTM_NEWQDISC, RTM_DELQDISC, RTM_GETQDISC] = [36, 37, 38];
const [RTM_NEWTCLASS, RTM_DELTCLASS, RTM_GETTCLASS] = [40, 41, 42];
const [REPLACE, CREATE, EXCL, DUMP] = [0x100, 0x400, 0x200, 0x300];
const [TCA_KIND, TCA_OPTIONS, TCA_STATS2] = [1, 2, 7];
const TCA_STATS_QUEUE = 3;
const [HTB_PARMS, HTB_INIT, HTB_RATE64, HTB_CEIL64] = [1, 2, 6, 7];
const FQ_CODEL_LIMIT = 2;
const ROOT = 0xffffffff;
const ETHERNET = 1;
const U32_MAX = 0xffffffff;

/** A class of HTB: what is sent in it, and with how much of what its parent has over. Bits per second, bytes. */
export interface QueueClass {
  readonly minor: number;
  /** Minor number of its parent; 0: it has none. */
  readonly parent: number;
  readonly rate: number;
  readonly ceil: number;
  /** Bytes in its turn. */
  readonly quantum: number;
}

export interface Qdisc {
  readonly kind: string;
  readonly handle: number;
}

/** How packets wait in a class: each flow for itself where the kernel has it, first come first served elsewhere. */
export type Leaf = 'fq_codel' | 'bfifo';

/** The queues of one link of this process's network namespace, by rtnetlink: no process for each. */
export class Queues {
  readonly #link: number;
  readonly #handle: number;

  /** @param major of our own */
  constructor(link: number, major: number) {
    this.#link = link;
    this.#handle = major << 16;
  }

  /** What is at the link's root; the kernel's own choice has no handle. */
  async root(): Promise<Qdisc | undefined> {
    // Of all links: asked for one, older kernels don't answer.
    const all = await this.#dump(RTM_GETQDISC, 0);
    const found = all.find((data) => data.readInt32LE(4) === this.#link && data.readUInt32LE(12) === ROOT);
    if (!found) return undefined;
    const kind = attributesOf(found.subarray(20)).get(TCA_KIND)?.toString().replace('\0', '') ?? '';
    return { kind, handle: found.readUInt32LE(8) };
  }

  get handle(): number {
    return this.#handle;
  }

  /** Puts HTB at the root, where there is none of ours; what says nothing of itself waits in the class `standard`. */
  async begin(standard: number): Promise<void> {
    const init = words(3, 10, standard, 0, 0); // struct tc_htb_glob: version, rate2quantum, defcls
    await this.#ask(
      RTM_NEWQDISC,
      [this.#message(this.#handle, ROOT), kind('htb'), options([HTB_INIT, init])],
      {
        flags: CREATE | REPLACE,
      },
    );
  }

  /** Takes ours from the root: the kernel puts what it had there by itself. */
  async end(): Promise<void> {
    await this.#ask(RTM_DELQDISC, [this.#message(this.#handle, ROOT)], { missing: true });
  }

  /** The classes that are there. */
  async classes(): Promise<(QueueClass & { leaf: boolean })[]> {
    const all = await this.#dump(RTM_GETTCLASS, this.#handle);
    return all.flatMap((data) => {
      const parms = attributesOf(attributesOf(data.subarray(20)).get(TCA_OPTIONS) ?? Buffer.alloc(0));
      const opt = parms.get(HTB_PARMS);
      if (!opt) return [];
      const parent = data.readUInt32LE(12);
      const wide = (type: number, at: number) =>
        8 * Number(parms.get(type)?.readBigUInt64LE() ?? opt.readUInt32LE(at));
      return {
        minor: data.readUInt32LE(8) & 0xffff,
        parent: parent === ROOT ? 0 : parent & 0xffff,
        rate: wide(HTB_RATE64, 8),
        ceil: wide(HTB_CEIL64, 20),
        quantum: opt.readUInt32LE(32),
        leaf: data.readUInt32LE(16) !== 0,
      };
    });
  }

  /** What classes did to packets since they were made, by minor number. */
  async held(): Promise<Map<number, Held>> {
    const classes = await this.#dump(RTM_GETTCLASS, this.#handle);
    const leaves = (await this.#dump(RTM_GETQDISC, 0)).filter((data) => data.readInt32LE(4) === this.#link);
    // The leaf drops, and tells HTB of some of that only.
    const dropped = new Map(leaves.map((data) => [data.readUInt32LE(12), statistics(data).drops]));
    return new Map(
      classes.map((data) => {
        const handle = data.readUInt32LE(8);
        return [handle & 0xffff, { times: statistics(data).overlimits, dropped: dropped.get(handle) ?? 0 }];
      }),
    );
  }

  /** Makes a class, or changes the one that is there. */
  async set(one: QueueClass): Promise<void> {
    const { minor, parent, rate, ceil, quantum } = one;
    const spec = (bits: number) => {
      const ratespec = Buffer.alloc(12);
      ratespec.writeUInt8(ETHERNET, 1);
      ratespec.writeUInt32LE(Math.min(bits / 8, U32_MAX), 8);
      return ratespec;
    };
    const wide = (bits: number) => {
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64LE(BigInt(bits / 8));
      return bytes;
    };
    const parms = Buffer.concat([spec(rate), spec(ceil), words(ticks(rate), ticks(ceil), quantum, 0, 0)]);
    const at = this.#message(this.#handle | minor, parent ? this.#handle | parent : this.#handle);
    const wides: [number, Buffer][] = [
      [HTB_RATE64, wide(rate)],
      [HTB_CEIL64, wide(ceil)],
    ];
    const all = options([HTB_PARMS, parms], ...wides.filter((_, i) => ([rate, ceil][i] ?? 0) / 8 > U32_MAX));
    await this.#ask(RTM_NEWTCLASS, [at, kind('htb'), all], { flags: CREATE });
  }

  async remove(minor: number): Promise<void> {
    await this.#ask(RTM_DELTCLASS, [this.#message(this.#handle | minor, 0)], { missing: true });
  }

  /** How packets wait in a class. @param bytes as many at most, where they wait in one line */
  async setLeaf(minor: number, leaf: Leaf, bytes: number): Promise<void> {
    const given =
      leaf === 'bfifo' ? attribute(TCA_OPTIONS, words(bytes)) : options([FQ_CODEL_LIMIT, words(1000)]);
    const at = this.#message(minor << 16, this.#handle | minor);
    await this.#ask(RTM_NEWQDISC, [at, kind(leaf), given], { flags: CREATE | REPLACE });
  }

  /** Whether the kernel has this kind, by trying it at the root, where it leaves nothing. For a link that is nobody's. */
  async has(leaf: Leaf): Promise<boolean> {
    try {
      await this.#ask(RTM_NEWQDISC, [this.#message(this.#handle, ROOT), kind(leaf)], {
        flags: CREATE | EXCL,
      });
    } catch {
      return false;
    }
    await this.end();
    return true;
  }

  #message(handle: number, parent: number): Buffer {
    const message = Buffer.alloc(20); // struct tcmsg
    message.writeInt32LE(this.#link, 4);
    message.writeUInt32LE(handle >>> 0, 8);
    message.writeUInt32LE(parent >>> 0, 12);
    return message;
  }

  async #ask(type: number, data: Buffer[], { flags = 0, missing = false }): Promise<void> {
    const { socket } = netlinkIn('/proc/self/ns/net');
    try {
      await during(`shaping link ${this.#link}`, () => socket.request(type, data, { flags }));
    } catch (error) {
      if (!missing || !/ENOENT|EINVAL|ENODEV/.test(String((error as Error).cause))) throw error;
    } finally {
      socket.close();
    }
  }

  async #dump(type: number, parent: number): Promise<Buffer[]> {
    const { socket } = netlinkIn('/proc/self/ns/net');
    try {
      const [all] = await socket.request(type, this.#message(0, parent), { flags: DUMP });
      return all.map(({ data }) => data);
    } finally {
      socket.close();
    }
  }
}

/** struct gnet_stats_queue of a class or a discipline. */
function statistics(data: Buffer): { drops: number; overlimits: number } {
  const all = attributesOf(attributesOf(data.subarray(20)).get(TCA_STATS2) ?? Buffer.alloc(0));
  const queue = all.get(TCA_STATS_QUEUE) ?? Buffer.alloc(20);
  return { drops: queue.readUInt32LE(8), overlimits: queue.readUInt32LE(16) };
}

/** How long what may go at once takes, in the kernel's ticks of 64 ns: two milliseconds' worth, two packets at least. */
function ticks(bits: number): number {
  const bytes = Math.max(3200, (bits / 8) * 0.002);
  return Math.min(U32_MAX, Math.round(((bytes * 8) / bits) * (1e9 / 64)));
}

function words(...values: number[]): Buffer {
  return Buffer.from(new Uint32Array(values).buffer);
}

function kind(name: string): Buffer {
  return attribute(TCA_KIND, Buffer.from(`${name}\0`));
}

function options(...all: [number, Buffer][]): Buffer {
  return attribute(TCA_OPTIONS, Buffer.concat(all.map(([type, value]) => attribute(type, value))));
}
