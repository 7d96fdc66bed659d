import type { Logger } from 'pino';
import { during } from '../../daemon/errors.ts';
import type { Programs } from '../bpf/programs.ts';
import type { Caps, NetworkLimits, NetworkUsage } from '../network-limits.ts';
import { QUEUES } from '../numbers.ts';
import { type Leaf, Queues } from './queues.ts';
import { Tally } from './tally.ts';
import { Traffic } from './traffic.ts';
import { Way } from './way.ts';

export interface ShapingOptions {
  readonly programs: Programs;
  readonly caps: Caps;
  readonly log: Logger;
}

/**
 * Rates of slivers (docs/decisions/0021-rates.md): packets to the world wait at the uplink, those from it at the carrier, in
 * a class for each sliver. Nothing waits anywhere as long as nothing is bounded.
 */
export class Shaping {
  readonly traffic: Traffic;
  readonly #tally: { readonly up: Tally; readonly down: Tally };
  readonly #up: Way;
  readonly #down: Way;
  #work: Promise<unknown> = Promise.resolve();

  private constructor({ programs, caps, log }: ShapingOptions, leaf: Leaf) {
    this.traffic = new Traffic(programs);
    for (const prefix of caps.exempt) this.traffic.exempt(prefix);
    this.#tally = { up: new Tally(programs, 'up'), down: new Tally(programs, 'down') };
    const { up, down } = this.#tally;
    this.#up = new Way({ name: 'to the world', cap: caps.up, leaf, tally: up, log });
    this.#down = new Way({ name: 'from the world', cap: caps.down, leaf, tally: down, log });
  }

  /** @param spare the index of a link that nothing waits at, to try what the kernel has */
  static async open(options: ShapingOptions, spare: number): Promise<Shaping> {
    const leaf = (await new Queues(spare, QUEUES).has('fq_codel')) ? 'fq_codel' : 'bfifo';
    options.log.info({ discipline: 'htb', leaf }, 'rates of slivers');
    return new Shaping(options, leaf);
  }

  get degraded(): { what: string; why: string; cost: string }[] {
    const found = (way: Way, name: string, verb: string) =>
      way.trouble === undefined
        ? []
        : [
            {
              what: `rates of slivers ${name} the world`,
              why: way.trouble,
              cost: `What slivers ${verb} has no bounds, and is not shared out.`,
            },
          ];
    return [...found(this.#up, 'to', 'send'), ...found(this.#down, 'from', 'receive')];
  }

  /** From now on what leaves by this uplink, and comes by this carrier, is counted and bounded. */
  async shape(uplink: number, carrier: number, unknown: ReadonlySet<number>): Promise<void> {
    await this.#inTurn(async () => {
      await this.#up.begin(uplink, unknown);
      await this.#down.begin(carrier, unknown);
    });
  }

  /** Leaves the uplink as it was. */
  async unshape(): Promise<void> {
    await this.#inTurn(() => this.#up.end());
  }

  /** A sliver's limits, from now on; none: it is gone. @param unknown those that nobody has said the limits of yet */
  async set(id: number, limits: NetworkLimits | undefined, unknown: ReadonlySet<number>): Promise<void> {
    const share = (way: 'up' | 'down') => limits && { ...limits[way], weight: limits.weight };
    await this.#inTurn(async () => {
      const up = await this.#up.set(id, share('up'), unknown);
      this.traffic.wait(id, up, await this.#down.set(id, share('down'), unknown));
    });
  }

  /** A sliver is connected under this id: what is counted of it begins. */
  begin(id: number): void {
    this.traffic.begin(id);
    this.#tally.up.begin(id);
    this.#tally.down.begin(id);
  }

  async usage(id: number): Promise<NetworkUsage> {
    return (await this.usages([id])).get(id) ?? {};
  }

  /** Of several slivers, at the price of one: the kernel tells all classes or none. */
  async usages(ids: readonly number[]): Promise<Map<number, NetworkUsage>> {
    await this.#inTurn(async () => {
      await this.#up.count();
      await this.#down.count();
    });
    const { up, down } = this.#tally;
    const of = (id: number) => ({
      bytes: this.traffic.bytes(id),
      held: { up: up.of(id), down: down.of(id) },
    });
    return new Map(ids.map((id) => [id, of(id)]));
  }

  /** What somebody else took away or changed is as it was. */
  async mend(unknown: ReadonlySet<number>): Promise<void> {
    await this.#inTurn(async () => {
      await this.#up.mend(unknown);
      await this.#down.mend(unknown);
    });
  }

  close(): void {
    this.traffic.close();
    this.#tally.up.close();
    this.#tally.down.close();
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const mine = this.#work.then(() => during('shaping the traffic of slivers', work));
    this.#work = mine.catch(() => {});
    return mine;
  }
}
