import type { Event } from '../../events/event.ts';
import type { EventLog } from '../../events/log.ts';
import type { SliverStore } from '../../slivers/store.ts';
import type { Caller } from './caller.ts';

/** What of the node every slice is told; others of its events are its owner's. */
const EVERYBODYS = new Set(['node.started', 'node.clock', 'node.ports', 'node.leased']);

/** Read at a time, however few are asked for: what isn't shown costs no question each. */
const STEP = 1000;

/** The events that a caller may see, of those that it asks for; asked anew for each, as rights change while a stream is open. */
export class EventView {
  readonly #caller: Caller;
  readonly #store: SliverStore;
  readonly #node: string;
  readonly #subject: string | undefined;
  /** Slivers that it saw, of whose end it is told, though they are gone by then. */
  #seen = new Set<string>();

  /** @param subject those of this one alone */
  constructor(caller: Caller, store: SliverStore, node: string, subject: string | undefined) {
    this.#caller = caller;
    this.#store = store;
    this.#node = node;
    this.#subject = subject;
    this.#look();
  }

  shows(event: Event): boolean {
    const { subject, type } = event;
    if (this.#subject !== undefined && subject !== this.#subject) return false;
    if (this.#caller.name === null) return true;
    if (this.#caller.titles().size === 0) return false;
    if (type.startsWith('node.')) return EVERYBODYS.has(type);
    if (type.startsWith('image.')) return false;
    const record = this.#store.find(subject);
    if (!record) return type === 'sliver.deleted' && this.#seen.delete(subject);
    if (!this.#caller.sees(record)) return false;
    this.#seen.add(subject);
    // A name may have been another's before.
    return Date.parse(event.time) >= record.createdAt;
  }

  /** So many kept events after an id. */
  page(events: EventLog, after: number, limit: number): Event[] {
    const found: Event[] = [];
    const subjects = this.#subjects;
    // Those of others are neither shown nor looked for: the time that takes would tell of them.
    if (subjects?.length === 0) return found;
    const step = this.#caller.name === null ? limit : STEP;
    for (let at = after; found.length < limit; ) {
      const some = events.after(at, step, subjects);
      found.push(...some.filter((event) => this.shows(event)));
      at = some.at(-1)?.id ?? at;
      if (some.length < step) break;
    }
    return found.slice(0, limit);
  }

  get #subjects(): string[] | undefined {
    const asked = this.#subject;
    if (this.#caller.name === null) return asked === undefined ? undefined : [asked];
    const its = [this.#node, ...this.#look()];
    return asked === undefined ? its : its.filter((one) => one === asked);
  }

  #look(): Set<string> {
    if (this.#caller.name === null) return this.#seen;
    const seen = this.#store.list().filter((record) => this.#caller.sees(record));
    this.#seen = new Set(seen.map(({ name }) => name));
    return this.#seen;
  }
}
