import { randomBytes } from 'node:crypto';
import { SliverdError } from '../../errors.ts';
import type { EventLog } from '../../events/log.ts';
import type { Database } from '../../store/database.ts';
import type { Amounts } from '../amounts.ts';
import type { RSpec } from '../rspec.ts';
import { Schedule, stateAt } from '../schedule.ts';
import { timeText } from '../time.ts';
import { type Loan, uncovered, unlendable } from './loan.ts';

/** A lender or borrower. */
export interface Party {
  readonly id: number;
  readonly name: string;
  readonly rspec: RSpec;
  /** Milliseconds since 1970. */
  readonly expiresAt: number | null;
}

export interface LoanOptions {
  readonly database: Database;
  readonly events: EventLog;
}

/** Of one sliver, lent, and as many borrowed. */
const MOST_OF_A_SLIVER = 64;

/** What slivers of the node lend each other. */
export class Loans {
  readonly #options: LoanOptions;
  readonly schedule: Schedule<Loan>;

  constructor(options: LoanOptions) {
    this.#options = options;
    this.schedule = new Schedule<Loan>(options.database, 'loan', (loan, state) =>
      this.#tell(state === 'active' ? 'loan.started' : 'loan.ended', loan),
    );
    options.events.listen(({ type, subject, data }) => {
      if (type === 'sliver.deleted')
        for (const loan of this.schedule.of(Number(data.id))) this.#end(loan, `${subject} is gone`);
      // Whoever doesn't run any more takes back what runs on elsewhere.
      if (type === 'sliver.expired')
        for (const loan of this.schedule.list())
          if (loan.lender === subject) this.#end(loan, `${subject} expired`);
    });
  }

  /** Throws `not-found`. */
  get(id: string): Loan {
    const loan = this.schedule.find(id);
    if (loan) return loan;
    throw noSuchLoan(id);
  }

  /** Durable on return. Throws `no-capacity` with what it can't lend, and why. @param until milliseconds since 1970 */
  lend(lender: Party, borrower: Party, rspec: Amounts, until: number): Loan {
    const from = Date.now();
    const { expiresAt } = lender;
    if (lender.id === borrower.id)
      throw new SliverdError('bad-request', `${lender.name} has that already: lend it to another`);
    if (until <= from) throw new SliverdError('bad-request', `until ${timeText(until)} is in the past`);
    if (expiresAt !== null && until > expiresAt)
      throw new SliverdError(
        'bad-request',
        `until ${timeText(until)}: ${lender.name} itself ends at ${timeText(expiresAt)}, and lends no longer than that`,
      );
    // Apart: whoever is given what it didn't ask for can lend all the same.
    for (const [side, { id, name }] of [lender, borrower].entries()) {
      const its = this.schedule.of(id).filter((loan) => loan.slivers[side] === id);
      if (its.filter((loan) => stateAt(loan, from) !== 'ended').length >= MOST_OF_A_SLIVER)
        throw new SliverdError(
          'no-capacity',
          `${name} has ${MOST_OF_A_SLIVER} loans already that it ${side === 0 ? 'gave' : 'was given'}: end some first`,
        );
    }
    const loan: Loan = {
      id: randomBytes(6).toString('hex'),
      ...{ lender: lender.name, borrower: borrower.name, slivers: [lender.id, borrower.id] },
      ...{ rspec, from, until, told: 'pending' },
    };
    const why = unlendable(lender.rspec, loan, this.#lent(lender.id));
    if (why) throw new SliverdError('no-capacity', `${lender.name} can't lend that: ${why}`);
    this.schedule.save(loan);
    this.schedule.look();
    return loan;
  }

  /** Refuses an RSpec of a lender that wouldn't have what it has lent. */
  admit(lender: number, rspec: RSpec): void {
    const loan = uncovered(rspec, this.#lent(lender));
    if (loan)
      throw new SliverdError(
        'in-use',
        `${loan.lender} has lent ${Object.keys(loan.rspec).join(', ')} to ${loan.borrower}, more than would be left: end the loan first (sliverctl loan end ${loan.id})`,
        { extra: { loan: loan.id } },
      );
  }

  /** Before its time, by either side. */
  end(id: string, by: string): void {
    const loan = this.get(id);
    if (stateAt(loan, Date.now()) === 'ended') throw new SliverdError('wrong-state', `loan ${id} is over`);
    this.#end(loan, `ended by ${by}`);
  }

  #lent(lender: number): Loan[] {
    return this.schedule
      .of(lender)
      .filter(({ slivers, until }) => slivers[0] === lender && until > Date.now());
  }

  #end(loan: Loan, why: string): void {
    const running = stateAt(loan, Date.now()) !== 'ended';
    this.schedule.remove(loan);
    if (running) this.#tell('loan.ended', loan, { why });
  }

  #tell(type: string, { id, lender, borrower, rspec, until }: Loan, more: object = {}): void {
    const data = { loan: id, lender, borrower, rspec, until: timeText(until), ...more };
    for (const subject of [lender, borrower]) this.#options.events.record(type, subject, data);
  }
}

export const noSuchLoan = (id: string) =>
  new SliverdError('not-found', `there is no loan '${id.slice(0, 60)}', or it is over for long`);
