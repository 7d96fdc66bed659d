import { mkdtempSync, rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { EventLog } from '../../daemon/events/log.ts';
import type { Amounts } from '../../daemon/resources/amounts.ts';
import { type Loan, uncovered, unlendable } from '../../daemon/resources/loans/loan.ts';
import { Loans, type Party } from '../../daemon/resources/loans/loans.ts';
import { DEFAULT_RSPEC, type RSpec } from '../../daemon/resources/rspec.ts';
import { Database } from '../../daemon/store/database.ts';

const loan = (rspec: Amounts, from = 0, until = 10): Loan => ({
  ...{ id: 'x', lender: 'a_b', borrower: 'a_c', slivers: [1, 2], told: 'pending' },
  ...{ rspec, from, until },
});

describe('what a sliver is promised of the network', () => {
  const own: RSpec = { ...DEFAULT_RSPEC, 'net.up.min': 8e6, 'net.up.max': 10e6 };

  it('is not kept beside what was lent of its most', () => {
    expect(unlendable(own, loan({ 'net.up.max': 2e6 }), [])).toBeUndefined();
    expect(unlendable(own, loan({ 'net.up.max': 3e6 }), [])).toMatch(/less than its net.up.min/);
    const both = loan({ 'net.up.max': 3e6, 'net.up.min': 2e6 });
    expect(unlendable(own, both, [])).toBeUndefined();
    expect(unlendable(own, loan({ 'net.up.max': 2e6 }), [both])).toMatch(/net.up.min/);
    expect(unlendable(own, loan({ 'net.up.max': 2e6 }, 10, 20), [both])).toBeUndefined();
    expect(unlendable(own, loan({ 'net.up.max': 2e6, 'net.up.min': 2e6 }), [both])).toBeUndefined();
  });

  it('does not grow past what is left of that either', () => {
    const lent = [loan({ 'net.up.max': 2e6 })];
    expect(uncovered(own, lent)).toBeUndefined();
    expect(uncovered({ ...own, 'net.up.min': 9e6 }, lent)).toBe(lent[0]);
    expect(uncovered({ ...own, 'net.up.max': 'max' }, [])).toBeUndefined();
  });
});

it('who is given all that it may be lends all the same', () => {
  const folder = mkdtempSync('/tmp/sliverd-loans-');
  const database = new Database(`${folder}/db`);
  const loans = new Loans({ database, events: new EventLog(database) });
  try {
    const [giver, given, third] = ['a_a', 'a_b', 'a_c'].map((name, id) => ({
      ...{ id: id + 1, name, rspec: DEFAULT_RSPEC, expiresAt: null },
    })) as [Party, Party, Party];
    const lend = (from: Party, to: Party) => loans.lend(from, to, { 'pids.max': 1 }, Date.now() + 60_000);
    for (let at = 0; at < 64; at++) lend(giver, given);
    expect(() => lend(giver, third)).toThrow(/a_a has 64 loans already that it gave/);
    expect(() => lend(third, given)).toThrow(/a_b has 64 loans already that it was given/);
    expect(lend(given, third)).toMatchObject({ lender: 'a_b' });
    expect(lend(third, giver)).toMatchObject({ borrower: 'a_a' });
  } finally {
    loans.schedule.close();
    database.close();
    rmSync(folder, { recursive: true });
  }
});
