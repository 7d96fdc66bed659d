import { randomBytes } from 'node:crypto';
import { SliverdError } from '../../errors.ts';
import type { EventLog } from '../../events/log.ts';
import type { Database } from '../../store/database.ts';
import { type Amounts, exact, type Holding } from '../amounts.ts';
import { accountOf, joined, parseTicket } from '../tickets/link.ts';
import type { Ticket } from '../tickets/ticket.ts';
import { accountsOf, overpromised } from './accounts.ts';
import { type Evidence, evidenceOf } from './evidence.ts';
import { type Lease, stateAt } from './lease.ts';
import { LeaseTable } from './table.ts';

export interface LeaseOptions {
  readonly database: Database;
  readonly events: EventLog;
  /** What a slice that issues tickets may promise to slices (all: undefined); none: nothing any more. */
  share(issuer: string, target: string | undefined): Amounts | undefined;
  /** Refuses what the node hasn't got. */
  admit(lease: Holding, others: readonly Lease[]): void;
}

/** What is asked of a ticket, in milliseconds since 1970; none: all of its time that is left. */
export interface Asked {
  readonly from?: number | undefined;
  readonly until?: number | undefined;
}

/** A sliver needs few, and each is looked at whenever one more is asked for. */
const MOST_OF_A_SLIVER = 64;
const MOST = 4096;
/** So long what ended can be looked at, and a clock that was wrong be set right. */
const KEPT = 86_400_000;
/** So long after its end a redeemed ticket is known, whatever the clock says meanwhile. */
const REMEMBERED = 400 * 86_400_000;
/** The longest that a timer is trusted with. */
const LOOK = 600_000;

/** What slivers have for a time beyond their own. Which of them is active is the clock's to say, and nothing else's. */
export class Leases {
  readonly #options: LeaseOptions;
  readonly #table: LeaseTable;
  readonly #all = new Map<string, Lease>();
  readonly #bySliver = new Map<number, Map<string, Lease>>();
  #timer: NodeJS.Timeout | undefined;
  #changed: ((slivers: readonly number[]) => void) | undefined;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#table = new LeaseTable(options.database);
    for (const lease of this.#table.list()) this.#remember(lease);
    options.events.listen(({ type, data }) => {
      if (type !== 'sliver.deleted') return;
      for (const lease of this.#of(Number(data.id))) this.#drop(lease);
    });
  }

  /** Those that are not over, by when they begin. */
  list(now = Date.now()): Lease[] {
    return [...this.#all.values()].filter(({ until }) => until > now).sort((a, b) => a.from - b.from);
  }

  /** Throws `not-found`. */
  get(id: string): Lease {
    const lease = this.#all.get(id);
    if (lease) return lease;
    throw noSuchLease(id);
  }

  find(id: string): Lease | undefined {
    return this.#all.get(id);
  }

  /** What a sliver has of leases at a time. */
  amounts(sliver: number, now: number): Amounts[] {
    return this.#of(sliver)
      .filter((lease) => stateAt(lease, now) === 'active')
      .map(({ rspec }) => rspec);
  }

  /**
   * Gives a sliver what a verified ticket has for it. Durable on return. Throws `ticket-not-final`, `ticket-wrong-sliver`, `ticket-redeemed`,
   * `no-capacity`, and `Overpromised`, which has what a loser can show.
   */
  redeem(ticket: Ticket, issuer: string | null, sliver: { id: number; name: string }, asked: Asked): Lease {
    const { links, rspec } = ticket;
    const now = Date.now();
    final(ticket, sliver.name);
    const last = accountOf(links[links.length - 1]!);
    const before = this.#table.redeemed(last);
    if (before !== undefined)
      throw new SliverdError(
        'ticket-redeemed',
        `this ticket was redeemed already: it is good once, and became lease ${before}`,
        {
          extra: { lease: before },
        },
      );
    if (
      this.#of(sliver.id).filter(({ until }) => until > now).length >= MOST_OF_A_SLIVER ||
      this.list(now).length >= MOST
    )
      throw new SliverdError(
        'no-capacity',
        `${sliver.name} has as many leases as it may (${MOST_OF_A_SLIVER}): give some back, or wait for one to end`,
      );
    const lease: Lease = {
      id: randomBytes(6).toString('hex'),
      ...{ sliver: sliver.id, name: sliver.name, rspec, redeemedAt: now },
      ...window(Math.max(asked.from ?? now, now), asked.until ?? ticket.until, now, ticket.until),
      latest: ticket.until,
      ticket: joined(links),
      accounts: accountsOf(links),
      issuer,
      told: 'pending',
    };
    this.#settle(lease);
    this.#table.redeem(lease, last, ticket.until);
    this.#remember(lease);
    this.#tell('lease.redeemed', lease);
    this.look();
    return lease;
  }

  /** Another end, within its ticket's time. Throws as `redeem` does. */
  renew(id: string, until: number): Lease {
    const lease = this.get(id);
    const now = Date.now();
    if (stateAt(lease, now) === 'ended')
      throw new SliverdError('wrong-state', `lease ${id} is over: redeem another ticket`);
    const changed: Lease = { ...lease, ...window(lease.from, until, now, lease.latest) };
    this.#settle(changed);
    this.#save(changed);
    this.#tell('lease.renewed', changed);
    this.look();
    return changed;
  }

  /** Given back before its end; its ticket is used up all the same. */
  end(id: string): Lease {
    const lease = this.get(id);
    this.#drop(lease);
    this.#tell('lease.ended', lease, { early: true });
    this.#changed?.([lease.sliver]);
    return lease;
  }

  /** @param changed is told of slivers that have more or less than before: those that have less first */
  watch(changed: (slivers: readonly number[]) => void): void {
    this.#changed = changed;
    this.look();
  }

  /** What the clock began and ended since the last look, however long ago that was; also when the clock was set. */
  look(): void {
    const now = Date.now();
    const changes: Lease[] = [];
    for (const lease of this.#all.values()) {
      const state = stateAt(lease, now);
      if (lease.told === state) continue;
      const told = { ...lease, told: state };
      this.#save(told);
      changes.push(told);
      if (state !== 'pending') this.#tell(state === 'active' ? 'lease.started' : 'lease.ended', told);
    }
    for (const lease of this.#all.values()) if (lease.until + KEPT < now) this.#drop(lease);
    this.#table.forget(now - REMEMBERED);
    const order = ['ended', 'pending', 'active'];
    changes.sort((a, b) => order.indexOf(a.told) - order.indexOf(b.told));
    if (changes.length > 0) this.#changed?.([...new Set(changes.map(({ sliver }) => sliver))]);
    this.#wake(now);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#changed = undefined;
  }

  #wake(now: number): void {
    clearTimeout(this.#timer);
    const times = [...this.#all.values()]
      .flatMap(({ from, until }) => [from, until])
      .filter((time) => time > now);
    this.#timer = setTimeout(() => this.look(), Math.min(LOOK, ...times.map((time) => time - now))).unref();
  }

  /** In order of arrival: what was had first stays had. */
  #settle(lease: Lease): void {
    const links = parseTicket(lease.ticket);
    const others = this.list().filter(({ id }) => id !== lease.id);
    const { issuer } = lease;
    const share = issuer === null ? undefined : this.#options.share(issuer, links[0]!.claims.slice);
    if (issuer !== null && !share) throw revoked(`${issuer} may issue none any more`);
    const conflict = overpromised(links, lease, others, share);
    if (conflict) {
      const evidence = evidenceOf(links, conflict, issuer);
      this.#tell('lease.refused', lease, { key: conflict.key, link: conflict.at + 1 });
      throw new Overpromised(evidence);
    }
    this.#options.admit(lease, others);
  }

  #of(sliver: number): Lease[] {
    return [...(this.#bySliver.get(sliver)?.values() ?? [])];
  }

  #save(lease: Lease): void {
    this.#table.save(lease);
    this.#remember(lease);
  }

  #remember(lease: Lease): void {
    this.#all.set(lease.id, lease);
    const of = this.#bySliver.get(lease.sliver) ?? new Map<string, Lease>();
    this.#bySliver.set(lease.sliver, of.set(lease.id, lease));
  }

  #drop(lease: Lease): void {
    this.#table.remove(lease.id);
    this.#all.delete(lease.id);
    const of = this.#bySliver.get(lease.sliver);
    of?.delete(lease.id);
    if (of?.size === 0) this.#bySliver.delete(lease.sliver);
  }

  #tell(type: string, { id, name, rspec, from, until }: Lease, more: object = {}): void {
    const time = (milliseconds: number) => new Date(milliseconds).toISOString();
    this.#options.events.record(type, name, {
      lease: id,
      rspec,
      from: time(from),
      until: time(until),
      ...more,
    });
  }
}

export const noSuchLease = (id: string) =>
  new SliverdError('not-found', `there is no lease '${id.slice(0, 60)}', or it is over for long`);

function final({ holder, slice }: Ticket, name: string): void {
  if (holder)
    throw new SliverdError(
      'ticket-not-final',
      `this ticket is for whoever holds a key, and for no sliver yet: the holder gives it to one first (sliverctl ticket delegate --slice ${name}, without --to)`,
    );
  if (slice !== name)
    throw new SliverdError(
      'ticket-wrong-sliver',
      `this ticket is for a sliver of ${slice}, and not for ${name}'s`,
    );
}

function window(from: number, until: number, now: number, latest: number): { from: number; until: number } {
  const time = (milliseconds: number) => new Date(milliseconds).toISOString();
  if (until > latest)
    throw new SliverdError(
      'bad-request',
      `until ${time(until)} is more than the ticket has, which ends at ${time(latest)}: redeem another for the time after`,
    );
  if (until <= now || until <= from)
    throw new SliverdError(
      'bad-request',
      `until ${time(until)}: a lease ends after it begins, and not in the past`,
    );
  return { from, until };
}

/** Whoever lost can show by whom: what the links are that were signed for more than there was. */
export class Overpromised extends SliverdError {
  readonly evidence: Evidence;

  constructor(evidence: Evidence) {
    const { key, promised, wanted, taken, by } = evidence;
    const had = exact(taken.reduce((sum, { amount }) => sum + amount, 0));
    super(
      'over-promised',
      `${key} = ${wanted.amount} asked for, but of the ${promised} that ${by} could give on, others have redeemed parts of ${had} first: ask them for another ticket, and show the evidence`,
    );
    this.evidence = evidence;
  }
}

export const revoked = (why: string) =>
  new SliverdError('ticket-revoked', `this ticket is good no more: ${why}. Ask whoever gave it to you`);
