import { randomBytes } from 'node:crypto';
import { SliverdError } from '../../errors.ts';
import type { EventLog } from '../../events/log.ts';
import type { Database } from '../../store/database.ts';
import { type Amounts, exact, type Holding } from '../amounts.ts';
import { Schedule, stateAt } from '../schedule.ts';
import { accountOf, joined, parseTicket } from '../tickets/link.ts';
import type { Ticket } from '../tickets/ticket.ts';
import { timeText } from '../time.ts';
import { accountsOf, overpromised } from './accounts.ts';
import { type Evidence, evidenceOf } from './evidence.ts';
import { allocate, isExclusive, type Unused } from './exclusive.ts';
import type { Lease } from './lease.ts';
import { Redemptions } from './redemptions.ts';

export interface LeaseOptions {
  readonly database: Database;
  readonly events: EventLog;
  /** What a slice that issues tickets may promise to slices (all: undefined), the same object for each by one role; none: nothing any more. */
  share(issuer: string, target: string | undefined): Amounts | undefined;
  /** The node's name, by which all slices are told of what concerns them. */
  readonly node: string;
  /** The node's cores, as exclusive.ts has them. */
  readonly cores: readonly number[];
  /** Refuses what the node hasn't got. */
  admit(lease: Holding, others: readonly Lease[]): void;
}

/** What is asked of a ticket, in milliseconds since 1970; none: all of its time that is left. */
export interface Asked {
  readonly unused?: Unused | undefined;
  readonly from?: number | undefined;
  readonly until?: number | undefined;
}

/** A sliver needs few, and each is looked at whenever one more is asked for. */
const MOST_OF_A_SLIVER = 64;
const MOST = 4096;

/** What slivers have for a time beyond their own, by tickets that were redeemed. */
export class Leases {
  readonly #options: LeaseOptions;
  readonly #redemptions: Redemptions;
  readonly schedule: Schedule<Lease>;
  /** Asked for whenever a sliver is looked at. */
  #exclusive: { version: number; leases: readonly Lease[] } = { version: -1, leases: [] };

  constructor(options: LeaseOptions) {
    const { database, events } = options;
    this.#options = options;
    this.#redemptions = new Redemptions(database);
    this.schedule = new Schedule<Lease>(database, 'lease', (lease, state) =>
      this.#tell(state === 'active' ? 'lease.started' : 'lease.ended', lease),
    );
    events.listen(({ type, data }) => {
      if (type !== 'sliver.deleted') return;
      for (const lease of this.schedule.of(Number(data.id))) this.schedule.remove(lease);
    });
  }

  /** Leases that have whole cores or the node, over or not. */
  exclusive(): readonly Lease[] {
    if (this.#exclusive.version !== this.schedule.version)
      this.#exclusive = { version: this.schedule.version, leases: this.schedule.list().filter(isExclusive) };
    return this.#exclusive.leases;
  }

  /** Throws `not-found`. */
  get(id: string): Lease {
    const lease = this.schedule.find(id);
    if (lease) return lease;
    throw noSuchLease(id);
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
    const before = this.#redemptions.find(last);
    if (before !== undefined)
      throw new SliverdError(
        'ticket-redeemed',
        `this ticket was redeemed already: it is good once, and became lease ${before}`,
        { extra: { lease: before } },
      );
    const its = this.schedule.of(sliver.id).filter(({ until }) => until > now);
    if (its.length >= MOST_OF_A_SLIVER || this.schedule.list(now).length >= MOST)
      throw new SliverdError(
        'no-capacity',
        `${sliver.name} has as many leases as it may (${MOST_OF_A_SLIVER}), or the node has (${MOST}): give some back, or wait for one to end`,
      );
    const lease: Lease = {
      id: randomBytes(6).toString('hex'),
      ...{ slivers: [sliver.id], name: sliver.name, rspec, redeemedAt: now },
      ...window(Math.max(asked.from ?? now, now), asked.until ?? ticket.until, now, ticket.until),
      latest: ticket.until,
      ticket: joined(links),
      ids: ticket.ids,
      accounts: accountsOf(links),
      ...{ issuer, target: links[0]!.claims.slice ?? null },
      cores: [],
      unused: asked.unused ?? 'idle',
      exclusive: isExclusive({ rspec }),
      told: 'pending',
    };
    const settled = this.#settle(lease);
    this.#options.database.transaction(() => {
      this.#redemptions.add(last, settled.id, ticket.until);
      this.schedule.save(settled);
    });
    this.#tell('lease.redeemed', settled);
    this.#notice(settled);
    this.schedule.look();
    return settled;
  }

  /** Another end, within its ticket's time. Throws as `redeem` does. */
  renew(id: string, until: number): Lease {
    const lease = this.get(id);
    const now = Date.now();
    if (stateAt(lease, now) === 'ended')
      throw new SliverdError('wrong-state', `lease ${id} is over: redeem another ticket`);
    const changed = this.#settle({ ...lease, ...window(lease.from, until, now, lease.latest) });
    this.schedule.save(changed);
    this.#tell('lease.renewed', changed);
    this.#notice(changed);
    this.schedule.look();
    return changed;
  }

  /** Given back before its end; its ticket is used up all the same. */
  end(id: string): void {
    const lease = this.get(id);
    if (stateAt(lease, Date.now()) === 'ended') throw new SliverdError('wrong-state', `lease ${id} is over`);
    this.schedule.remove(lease);
    this.#tell('lease.ended', lease, { early: true });
    this.#notice({ ...lease, until: Date.now() });
  }

  /** In order of arrival: what was had first stays had. */
  #settle(lease: Lease): Lease {
    const links = parseTicket(lease.ticket);
    const others = this.schedule.list().filter(({ id }) => id !== lease.id);
    const { issuer } = lease;
    const shareOf = (one: Lease) => this.#options.share(one.issuer ?? '', one.target ?? undefined);
    const share = issuer === null ? undefined : shareOf(lease);
    if (issuer !== null && !share) throw revoked(`${issuer} may issue none any more`);
    // Of one role: what it promised by another isn't taken from this one's share.
    const sharing = share && {
      share,
      leases: others.filter((one) => one.issuer === issuer && shareOf(one) === share),
    };
    const conflict = overpromised(links, lease, others, sharing);
    if (conflict) {
      const evidence = evidenceOf(links, conflict, lease);
      this.#tell('lease.refused', lease, { key: conflict.key, link: conflict.at + 1 });
      throw new Overpromised(evidence);
    }
    this.#options.admit(lease, others);
    // The first stays with all others; and a lease keeps those it has, as programs may be bound to them.
    const leasable = lease.cores.length > 0 ? lease.cores : this.#options.cores.slice(1);
    return { ...lease, cores: allocate(lease, others, leasable) };
  }

  /** All others have less meanwhile: they are told of it when it is known, and not whose it is. */
  #notice({ rspec, cores, unused, from, until }: Lease): void {
    if (!isExclusive({ rspec })) return;
    const what = rspec.node === undefined ? { cores, unused } : { node: true };
    this.#options.events.record('node.leased', this.#options.node, {
      ...what,
      from: timeText(from),
      until: timeText(until),
    });
  }

  #tell(type: string, { id, name, rspec, from, until }: Lease, more: object = {}): void {
    this.#options.events.record(type, name, {
      lease: id,
      rspec,
      from: timeText(from),
      until: timeText(until),
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
  if (until > latest)
    throw new SliverdError(
      'bad-request',
      `until ${timeText(until)} is more than the ticket has, which ends at ${timeText(latest)}: redeem another for the time after`,
    );
  if (until <= now || until <= from)
    throw new SliverdError(
      'bad-request',
      `until ${timeText(until)}: a lease ends after it begins, and not in the past`,
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
