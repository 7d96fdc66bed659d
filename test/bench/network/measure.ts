import { type Summary, summarise } from '../statistics.ts';
import type { Place, Probe } from './probe.ts';

/** Somebody who serves: a sliver, the node itself, a published port. */
export interface Service {
  readonly name: string;
  /** On whose way the times are, for people. */
  readonly includes: string;
  readonly address: string;
  readonly port: number;
  /** Where a program of its own may listen; a peer's ports are published ahead of time. */
  readonly place?: Place;
}

export const MEASURES = ['exchange', 'connect', 'in', 'out', 'accept'] as const;
export type Measure = (typeof MEASURES)[number];

export interface NetworkLevel {
  readonly slivers: number;
  readonly services: Record<string, Partial<Record<Measure, Summary>>>;
  /** Connections refused of those that were begun as listen() returned. */
  refused: number;
  begun: number;
  /** Milliseconds that attaching the last sliver takes. */
  attach?: Summary;
}

const [EXCHANGES, MILLISECONDS, ACCEPTS] = [2000, 150, 50];
const FIRST_PORT = 20_000;

/** Everything of every service in turn, again and again, as of measureRounds (../measure.ts). */
export async function measureServices(
  probe: Probe,
  outside: number,
  services: readonly Service[],
  { slivers, rounds, say }: { slivers: number; rounds: number; say(text: string): void },
): Promise<NetworkLevel> {
  const samples = new Map(
    services.map(({ name }) => [name, { exchange: [], connect: [], in: [], out: [], accept: [] }]),
  ) as Map<string, Record<Measure, number[]>>;
  const world = { pid: outside };
  const level = { slivers, services: {}, refused: 0, begun: 0 } as NetworkLevel;
  const ways: Record<Measure, (service: Service, round: number) => Promise<number | undefined>> = {
    exchange: async ({ address, port }) =>
      ((await probe.run(world, 'exchange', address, port, EXCHANGES))[0] ?? 0) / 1000,
    connect: async ({ address, port }) => (await probe.run(world, 'connect', address, port, MILLISECONDS))[0],
    in: async ({ address, port }) => gigabits(await probe.run(world, 'store', address, port, MILLISECONDS)),
    out: async ({ address, port }) => gigabits(await probe.run(world, 'fetch', address, port, MILLISECONDS)),
    accept: async ({ address, place }, round) => {
      if (!place) return undefined;
      const first = FIRST_PORT + round * ACCEPTS;
      const [nanoseconds = 0, refused = 0] = await probe.run(
        place,
        ...['accept', `/proc/${outside}/ns/net`, address, first, ACCEPTS],
      );
      level.refused += refused;
      level.begun += ACCEPTS;
      return nanoseconds / 1000;
    },
  };
  for (let round = 0; round <= rounds; round++) {
    say(`network, ${slivers} slivers: round ${round} of ${rounds}`);
    for (const measure of MEASURES) {
      const turn = round % services.length; // whoever comes second finds caches warm
      for (const service of [...services.slice(turn), ...services.slice(0, turn)]) {
        const value = await ways[measure](service, round);
        if (round > 0 && value !== undefined) samples.get(service.name)?.[measure].push(value);
      }
    }
  }
  for (const [name, measures] of samples)
    level.services[name] = Object.fromEntries(
      MEASURES.filter((measure) => measures[measure].length > 0).map((measure) => [
        measure,
        summarise(measures[measure]),
      ]),
    );
  return level;
}

const gigabits = ([bytes = 0]: number[]) => (bytes * 8) / 1e9;
