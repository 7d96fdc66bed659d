import type { Database } from '../store/database.ts';
import type { Holding } from './amounts.ts';

export type State = 'pending' | 'active' | 'ended';

/** Resources that change hands for a time. */
export interface Timed extends Holding {
  readonly id: string;
  /** Slivers that have less while it is active, and then those that have more, by id. */
  readonly slivers: readonly number[];
  /** Whether all others of the node have less while it is active. */
  readonly exclusive?: boolean;
  /** What was told of it last. */
  readonly told: State;
}

export const stateAt = ({ from, until }: Omit<Holding, 'rspec'>, now: number): State =>
  now < from ? 'pending' : now < until ? 'active' : 'ended';

/**
 * Is told of slivers that have more or less than before.
 * @param ended of what is over, who has less now first
 * @param begun of what begins, who has less first
 * @param everybody whether all others of the node have more or less too
 */
export type Changed = (ended: readonly number[], begun: readonly number[], everybody: boolean) => void;

/** So long what ended can be looked at, and a clock that was wrong be set right. */
const KEPT = 86_400_000;
/** And so many of a sliver, which could have them begin and end in a moment, again and again. */
const MOST_KEPT = 64;
/** The longest that a timer is trusted with. */
const LOOK = 600_000;
/** After what couldn't be told, as on a disk that is full. */
const AGAIN = 10_000;

/**
 * What begins and ends by the clock, kept in the database. Which of it is active is the clock's to say, and nothing else's: a daemon that was
 * down and a clock that was set come to the same. Kept beside is only what was told.
 */
export class Schedule<Item extends Timed> {
  readonly #database: Database;
  readonly #kind: string;
  readonly #begun: (item: Item, state: State) => void;
  readonly #all = new Map<string, Item>();
  readonly #bySliver = new Map<number, Map<string, Item>>();
  #timer: NodeJS.Timeout | undefined;
  #changed: Changed | undefined;
  #version = 0;

  /**
   * @param kind of its items, as in `lease`
   * @param tell is called once of each item that became active or ended, however long ago that was
   */
  constructor(database: Database, kind: string, tell: (item: Item, state: State) => void) {
    this.#database = database;
    this.#kind = kind;
    this.#begun = tell;
    for (const { item } of database.sql.prepare('SELECT item FROM schedule WHERE kind = ?').all(kind))
      this.#remember(JSON.parse(item as string));
  }

  /** Those that are not over, by when they begin. */
  list(now = Date.now()): Item[] {
    return [...this.#all.values()].filter(({ until }) => until > now).sort((a, b) => a.from - b.from);
  }

  find(id: string): Item | undefined {
    return this.#all.get(id);
  }

  /** Those of a sliver, those that are over too. */
  of(sliver: number): Item[] {
    return [...(this.#bySliver.get(sliver)?.values() ?? [])];
  }

  /** Durable on return. What it changes for slivers comes with `look`. */
  save(item: Item): void {
    this.#database.sql
      .prepare('INSERT OR REPLACE INTO schedule VALUES (?, ?, ?)')
      .run(this.#kind, item.id, JSON.stringify(item));
    this.#remember(item);
  }

  /** Takes one away before its end. */
  remove(item: Item): void {
    this.#database.sql.prepare('DELETE FROM schedule WHERE kind = ? AND id = ?').run(this.#kind, item.id);
    this.#forget(item);
    this.#changed?.([...item.slivers].reverse(), [], item.exclusive === true);
  }

  /** Another number whenever anything is another. */
  get version(): number {
    return this.#version;
  }

  /** Drops what slivers had that are gone: the daemon may have died after one went and before that was told. */
  keep(isThere: (sliver: number) => boolean): void {
    for (const item of [...this.#all.values()])
      if (!item.slivers.every(isThere) && !tried(() => this.remove(item))) this.#forget(item);
  }

  watch(changed: Changed): void {
    this.#changed = changed;
    this.look();
  }

  /** Tells what the clock began and ended since the last look. What can't be told now, as on a full disk, holds all the same. */
  look(): void {
    const now = Date.now();
    const [ended, begun]: [number[], number[]] = [[], []];
    let [exclusive, all] = [false, true];
    for (const item of [...this.#all.values()]) {
      const state = stateAt(item, now);
      if (item.told !== state) {
        exclusive ||= item.exclusive === true;
        if (state === 'active') begun.push(...item.slivers);
        else ended.push(...[...item.slivers].reverse());
        all = tried(() => this.#told(item, state)) && all;
      }
      if (item.until + KEPT < now) all = tried(() => this.remove(item)) && all;
    }
    for (const sliver of new Set(ended)) all = tried(() => this.#forgetOf(sliver, now)) && all;
    if (ended.length + begun.length > 0) this.#changed?.(ended, begun, exclusive);
    const times = [...this.#all.values()].flatMap(({ from, until }) => [from, until]);
    const next = Math.min(
      all ? LOOK : AGAIN,
      ...times.filter((time) => time > now).map((time) => time - now),
    );
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.look(), next).unref();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#changed = undefined;
  }

  /** The event first: a crash in between has it told twice, not never. */
  #told(item: Item, state: State): void {
    if (state !== 'pending') this.#begun(item, state);
    this.save({ ...item, told: state });
  }

  #forget(item: Item): void {
    this.#version++;
    this.#all.delete(item.id);
    for (const sliver of item.slivers) {
      const of = this.#bySliver.get(sliver);
      of?.delete(item.id);
      if (of?.size === 0) this.#bySliver.delete(sliver);
    }
  }

  #forgetOf(sliver: number, now: number): void {
    const over = this.of(sliver).filter((item) => stateAt(item, now) === 'ended');
    over.sort((a, b) => b.until - a.until);
    for (const item of over.slice(MOST_KEPT)) this.remove(item);
  }

  #remember(item: Item): void {
    this.#version++;
    this.#all.set(item.id, item);
    for (const sliver of item.slivers) {
      const of = this.#bySliver.get(sliver) ?? new Map<string, Item>();
      this.#bySliver.set(sliver, of.set(item.id, item));
    }
  }
}

/** @returns whether it could be done */
function tried(work: () => void): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}
