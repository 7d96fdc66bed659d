import { SliverdError } from '../../errors.ts';
import type { Database } from '../../store/database.ts';
import { type Amounts, amountsOf, exact, peak } from '../amounts.ts';

/** A ticket that the node issued: its first link, as its issuer may look at it again. */
export interface Issued {
  readonly id: string;
  /** The slice that issued it; null: the node's owner. */
  readonly issuer: string | null;
  /** The x of the key it was given to. */
  readonly holder: string;
  readonly rspec: Amounts;
  /** Milliseconds since 1970. */
  readonly from: number;
  readonly until: number;
  readonly slice: string | null;
  readonly issuedAt: number;
  readonly revoked: boolean;
}

/** So long after its end it is known what a ticket was, for who asks late. */
const KEPT = 30 * 86_400_000;
/** Of one issuer: who would have more waits for some to end, or revokes some. */
const MOST = 10_000;

/** All tickets that the node has issued and that are not over for long. */
export class IssuedTickets {
  readonly #database: Database;
  readonly #all = new Map<string, Issued>();

  constructor(database: Database) {
    this.#database = database;
    for (const { ticket, revoked } of database.sql.prepare('SELECT ticket, revoked FROM tickets').all())
      this.#remember({ ...JSON.parse(ticket as string), revoked: revoked === 1 });
  }

  list(issuer?: string): Issued[] {
    return [...this.#all.values()].filter((one) => issuer === undefined || one.issuer === issuer);
  }

  find(id: string): Issued | undefined {
    return this.#all.get(id);
  }

  /**
   * Whether its issuer may promise that too, at any time within. Throws `no-capacity`.
   * @param most all that it may promise at once
   * @param counts which of its tickets are promised of that
   */
  admit(
    issuer: string,
    most: Amounts,
    { rspec, from, until }: Pick<Issued, 'rspec' | 'from' | 'until'>,
    counts: (one: Issued) => boolean = () => true,
  ): void {
    const promised = this.list(issuer).filter((one) => !one.revoked && counts(one));
    for (const [key, wanted] of amountsOf(rspec)) {
      const left = exact((most[key] ?? 0) - peak(promised, key, from, until));
      if (wanted > left)
        throw new SliverdError(
          'no-capacity',
          `${key}: ${wanted} asked for, but of the ${most[key] ?? 0} that ${issuer} may promise at once there is ${Math.max(left, 0)} left: revoke tickets, or promise it for another time`,
          { extra: { wanted, left: Math.max(left, 0) } },
        );
    }
  }

  /** Durable on return. */
  add(ticket: Omit<Issued, 'revoked' | 'issuedAt'>): void {
    this.#forget();
    const its = this.list().filter(({ issuer }) => issuer === ticket.issuer);
    // What can't be redeemed any more gives way to what can.
    const used = its.find(({ revoked, until }) => revoked || until <= Date.now());
    if (its.length >= MOST && used) this.#drop(used.id);
    else if (its.length >= MOST)
      throw new SliverdError(
        'no-capacity',
        `${ticket.issuer ?? 'the node'} has issued ${MOST} tickets that are not over: revoke some`,
      );
    this.#write({ ...ticket, issuedAt: Date.now(), revoked: false });
  }

  /** What was redeemed of it stays until it ends. Throws `not-found`. */
  revoke(id: string): Issued {
    const ticket = this.#all.get(id);
    if (!ticket) throw noSuchTicket(id);
    const revoked = { ...ticket, revoked: true };
    this.#write(revoked);
    return revoked;
  }

  #write(ticket: Issued): void {
    this.#database.sql
      .prepare('INSERT OR REPLACE INTO tickets VALUES (?, ?, ?)')
      .run(ticket.id, ticket.revoked ? 1 : 0, JSON.stringify(ticket));
    this.#remember(ticket);
  }

  #remember(ticket: Issued): void {
    this.#all.set(ticket.id, ticket);
  }

  #forget(): void {
    const before = Date.now() - KEPT;
    for (const { id, until } of this.#all.values()) if (until < before) this.#drop(id);
  }

  #drop(id: string): void {
    this.#all.delete(id);
    this.#database.sql.prepare('DELETE FROM tickets WHERE id = ?').run(id);
  }
}

export const noSuchTicket = (id: string) =>
  new SliverdError(
    'not-found',
    `this node has issued no ticket '${id.slice(0, 60)}', or it is over for long`,
  );
