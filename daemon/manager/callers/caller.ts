import type { SliverRecord } from '../../slivers/record.ts';
import { covers, type Role } from '../../slivers/roles.ts';
import { noSuchSliver, type SliverStore } from '../../slivers/store.ts';

/** By what a caller may do something: roles of its record, and `self`, which every slice has. */
export const TITLES = ['self', 'control', 'authority', 'broker', 'flows'] as const;
export type Title = (typeof TITLES)[number];

/**
 * Who asks. A value on each request, by which the same routes serve all callers: they ask it what it may see. It never remembers a
 * record: rights that are taken away are gone for what comes next, also of a stream that is open.
 */
export interface Caller {
  /** The slice, by name; null is the node's administrator, who may all. */
  readonly name: string | null;
  /** All titles that it holds, whatever for. */
  titles(): ReadonlySet<Title>;
  /** Those by which it may do something with a sliver; none: to this caller there is no such sliver. */
  titlesFor(record: SliverRecord): ReadonlySet<Title>;
  sees(record: SliverRecord): boolean;
  /** Whether it may make a sliver of that name. */
  creates(name: string): boolean;
}

/** The same of a sliver by its name, or of what is no sliver's. All that there is, is the administrator's to see. */
export function seesNamed(caller: Caller, store: SliverStore, name: string | null | undefined): boolean {
  if (caller.name === null) return true;
  const record = name ? store.find(name) : undefined;
  return record !== undefined && caller.sees(record);
}

/** A list that is asked for of one sliver: who may not see that is answered as if it weren't there. */
export function holdNamed(caller: Caller, store: SliverStore, name: string | undefined): void {
  if (name !== undefined && !seesNamed(caller, store, name)) throw noSuchSliver(name);
}

export const ADMINISTRATOR: Caller = {
  name: null,
  titles: () => new Set(TITLES),
  titlesFor: () => new Set(TITLES),
  sees: () => true,
  creates: () => true,
};

/** Who speaks by the socket of a sliver: known by which socket that is, and nothing that the guest says or is. */
export class Slice implements Caller {
  readonly name: string;
  readonly #store: SliverStore;
  readonly #id: number;
  readonly #createdAt: number;

  constructor(store: SliverStore, { id, name, createdAt }: Pick<SliverRecord, 'id' | 'name' | 'createdAt'>) {
    this.name = name;
    this.#store = store;
    this.#id = id;
    this.#createdAt = createdAt;
  }

  /** Its own record as it is now; none when it is gone, or another has its id. */
  get record(): SliverRecord | undefined {
    const record = this.#store.byId(this.#id);
    const same = record?.name === this.name && record.createdAt === this.#createdAt;
    return same && record.desired !== 'deleted' ? record : undefined;
  }

  get roles(): readonly Role[] {
    return this.record?.roles ?? [];
  }

  titles(): ReadonlySet<Title> {
    if (!this.record) return new Set();
    return new Set<Title>(['self', ...this.roles.map(({ role }) => role)]);
  }

  titlesFor(record: SliverRecord): ReadonlySet<Title> {
    const titles = new Set<Title>();
    if (!this.record) return titles;
    if (record.id === this.#id) titles.add('self');
    // Its own are those that it made: two authorities of overlapping names don't touch each other's.
    if (record.authority === this.name && this.creates(record.name)) titles.add('authority');
    if (this.roles.some((role) => role.role === 'control' && covers(role, record.name)))
      titles.add('control');
    return titles;
  }

  sees(record: SliverRecord): boolean {
    return this.titlesFor(record).size > 0;
  }

  creates(name: string): boolean {
    return this.roles.some((role) => role.role === 'authority' && covers(role, name));
  }
}
