import { Coalesced } from '../coalesced.ts';
import { SliverdError } from '../errors.ts';
import type { PublishedSensors } from './published/published.ts';
import { Reading } from './reading.ts';
import type { Sensor } from './sensor.ts';

export function noSuchSensor(name: string): SliverdError {
  return new SliverdError(
    'not-found',
    `there is no sensor '${name.slice(0, 60)}' on this node: GET /v1/sensors lists them`,
  );
}

/** Those of slices that are kept at once; the oldest go. Each may have 256 kB. */
const PUBLISHED_KEPT = 32;

/**
 * All sensors: the node's own and those that slices publish. However many ask, each is read once in its `maxAge`
 * (docs/decisions/0034-sensors.md).
 */
export class Sensors {
  readonly own: readonly Sensor[];
  readonly published: PublishedSensors;
  readonly #own = new Coalesced<string, Reading>();
  readonly #published = new Coalesced<string, Reading>(PUBLISHED_KEPT);

  constructor(own: readonly Sensor[], published: PublishedSensors) {
    this.own = own;
    this.published = published;
  }

  /** The node's own first, then those of slices by name. */
  list(): Sensor[] {
    return [...this.own, ...this.published.list()];
  }

  find(name: string): Sensor {
    const found = this.own.find((sensor) => sensor.name === name) ?? this.published.find(name);
    if (found) return found;
    throw noSuchSensor(name);
  }

  read(sensor: Sensor): Promise<Reading> {
    const { author, name, maxAge } = sensor;
    const readings = author === null ? this.#own : this.#published;
    // Who publishes anew under a name isn't answered with what was before.
    const key = author === null ? name : `${name} ${this.published.edition(name)}`;
    return readings.read(key, () => Reading.of(sensor), maxAge * 1000);
  }
}
