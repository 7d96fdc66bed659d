import type { Environment } from '../../environments/environment.ts';
import { SliverdError } from '../../errors.ts';
import type { EventLog } from '../../events/log.ts';
import type { SliverRecord } from '../../slivers/record.ts';
import type { SliverStore } from '../../slivers/store.ts';
import type { Database } from '../../store/database.ts';
import type { Sensor, Tuples } from '../sensor.ts';
import { ask } from './ask.ts';
import { tuplesOf } from './response.ts';
import { type Publication, PublishedTable } from './table.ts';

export interface PublishedOptions {
  readonly store: SliverStore;
  readonly database: Database;
  readonly events: EventLog;
  environmentOf(record: SliverRecord): Pick<Environment, 'init'>;
}

/** Sensors of one slice. */
const MOST = 16;
/** Of those, read at once: who is slow is slow for its own readers. */
const AT_ONCE = 2;

/** Sensors that slices publish, each by a program behind a socket in its sliver. Whose they are is part of their names. */
export class PublishedSensors {
  readonly #options: PublishedOptions;
  readonly #table: PublishedTable;
  readonly #busy = new Map<number, number>();

  constructor(options: PublishedOptions) {
    this.#options = options;
    this.#table = new PublishedTable(options.database);
    options.events.listen(({ type, data }) => {
      if (type === 'sliver.deleted') this.#table.forget(Number(data.id));
    });
  }

  /** By name. */
  list(): Sensor[] {
    return this.#table
      .list()
      .flatMap((one) => {
        const record = this.#options.store.byId(one.sliver);
        return record ? [this.#sensor(record, one)] : [];
      })
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** @param name as `ucb_p2ps.temperature` */
  find(name: string): Sensor | undefined {
    const found = this.#find(name);
    return found && this.#sensor(...found);
  }

  /** Another for each time that it was published. */
  edition(name: string): number {
    return this.#find(name)?.[1].edition ?? 0;
  }

  /** Published from now on, in place of what had the name. Durable on return. `no-capacity` beyond 16 of a slice. */
  publish(slice: string, publication: Omit<Publication, 'sliver' | 'edition'>): Sensor {
    const record = this.#options.store.get(slice);
    const had = this.#table.of(record.id);
    if (had.length >= MOST && !had.some(({ name }) => name === publication.name))
      throw new SliverdError('no-capacity', `${slice} publishes ${MOST} sensors already: withdraw one`);
    const one = this.#table.put({ sliver: record.id, ...publication });
    this.#options.events.record('sensor.published', slice, { name: one.name });
    return this.#sensor(record, one);
  }

  /** Durable on return. `not-found` when there is none. */
  withdraw(slice: string, name: string): void {
    const { id } = this.#options.store.get(slice);
    if (!this.#table.remove(id, name))
      throw new SliverdError('not-found', `${slice} publishes no sensor '${name.slice(0, 60)}'`);
    this.#options.events.record('sensor.withdrawn', slice, { name });
  }

  #find(name: string): [SliverRecord, Publication] | undefined {
    const [slice = '', own = ''] = name.split('.');
    const record = this.#options.store.find(slice);
    const one =
      record && this.#table.of(record.id).find((each) => nameOf(slice, each.name) === name && own !== '');
    return record && one && [record, one];
  }

  #sensor(record: SliverRecord, one: Publication): Sensor {
    return {
      name: nameOf(record.name, one.name),
      description: one.description,
      author: record.name,
      columns: [],
      maxAge: one.maxAge,
      read: () => this.#read(record, one),
    };
  }

  async #read(record: SliverRecord, { name, socket }: Publication): Promise<Tuples> {
    const busy = this.#busy.get(record.id) ?? 0;
    if (busy >= AT_ONCE)
      throw new SliverdError(
        'busy',
        `${AT_ONCE} sensors of ${record.name} are being read: ask again in a second`,
      );
    this.#busy.set(record.id, busy + 1);
    try {
      const pid = await this.#options.environmentOf(record).init(record);
      const answer = pid === undefined ? 'its sliver does not run' : await ask(rootOf(pid), socket);
      const tuples = typeof answer === 'string' ? answer : tuplesOf(answer);
      if (typeof tuples !== 'string') return tuples;
      throw new SliverdError('bad-sensor', `reading ${nameOf(record.name, name)}: ${tuples}`);
    } finally {
      const rest = (this.#busy.get(record.id) ?? 1) - 1;
      if (rest > 0) this.#busy.set(record.id, rest);
      else this.#busy.delete(record.id);
    }
  }
}

const nameOf = (slice: string, name: string) => `${slice}.${name}`;
const rootOf = (pid: number) => `/proc/${pid}/root`;
