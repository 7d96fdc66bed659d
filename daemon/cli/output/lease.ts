import type { ShownLease } from '../../manager/routes/leases.ts';
import type { ShownLoan } from '../../manager/routes/loans.ts';
import type { IssuedTicket } from '../../manager/routes/tickets.ts';
import { formatValue } from '../values/rspec.ts';
import { formatTime } from '../values/time.ts';
import { properties, table } from './table.ts';

const resources = (rspec: object) =>
  Object.entries(rspec).map(([key, value]) => `${key}=${formatValue(key, value)}`);

export function leaseTable(leases: readonly ShownLease[], colour: boolean): string {
  return table(
    ['LEASE', 'SLIVER', 'STATE', 'FROM', 'UNTIL', 'RESOURCES'],
    leases.map((lease) => [
      lease.id,
      lease.sliver,
      { text: lease.state, style: lease.state === 'active' ? 'green' : 'dim' },
      formatTime(lease.from),
      formatTime(lease.until),
      resources(lease.rspec).join(' '),
    ]),
    { colour },
  );
}

export function leaseText(lease: ShownLease, colour: boolean): string {
  return properties(
    [
      ['Lease', lease.id],
      ['Sliver', lease.sliver],
      ['State', lease.state],
      ['Resources', resources(lease.rspec)],
      ['Cores', lease.cores.length === 0 ? null : `${lease.cores.join(', ')} (${lease.unused} while unused)`],
      ['From', formatTime(lease.from)],
      ['Until', `${formatTime(lease.until)}, ${formatTime(lease.latest)} at the latest`],
      ['Redeemed', formatTime(lease.redeemedAt)],
      ['Issued by', lease.issuer ?? "the node's owner"],
      ['Tickets', lease.tickets],
    ],
    colour,
  );
}

export function loanTable(loans: readonly ShownLoan[], colour: boolean): string {
  return table(
    ['LOAN', 'LENDER', 'BORROWER', 'SINCE', 'UNTIL', 'RESOURCES'],
    loans.map((loan) => [
      loan.id,
      loan.lender,
      loan.borrower,
      formatTime(loan.from),
      formatTime(loan.until),
      resources(loan.rspec).join(' '),
    ]),
    { colour },
  );
}

export function issuedTable(tickets: readonly IssuedTicket[], colour: boolean): string {
  return table(
    ['TICKET', 'BY', 'FROM', 'UNTIL', 'SLICE', 'RESOURCES', 'REVOKED'],
    tickets.map((ticket) => [
      ticket.id,
      ticket.issuer ?? 'the owner',
      formatTime(ticket.from),
      formatTime(ticket.until),
      ticket.slice ?? 'any',
      resources(ticket.rspec).join(' '),
      ticket.revoked ? 'yes' : 'no',
    ]),
    { colour },
  );
}
