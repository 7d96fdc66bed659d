import { mkdtempSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Issued, IssuedTickets } from '../../daemon/resources/tickets/issued.ts';
import { Database } from '../../daemon/store/database.ts';

const HOUR = 3_600_000;
let folder: string;
let database: Database;
beforeEach(() => {
  folder = mkdtempSync('/tmp/sliverd-issued-');
  database = new Database(`${folder}/db`);
});
afterEach(() => {
  database.close();
  rmSync(folder, { recursive: true });
});
const now = Date.now();
const ticket = (id: string, cores: number, more: Partial<Issued> = {}) => ({
  ...{ id, issuer: 'a_broker', holder: 'x', rspec: { 'cpu.max': cores }, slice: null },
  ...{ from: now, until: now + HOUR },
  ...more,
});

it('what a slice has issued counts while it lasts, and until it is taken back', () => {
  const issued = new IssuedTickets(database);
  issued.add(ticket('one', 2));
  issued.add(ticket('other', 9, { issuer: 'b_broker' }));
  const admit = (cores: number, more: Partial<Issued> = {}) =>
    issued.admit('a_broker', { 'cpu.max': 3 }, ticket('next', cores, more));
  admit(1);
  expect(() => admit(1.5)).toThrow(/of the 3 that a_broker may promise at once there is 1 left/);
  admit(3, { from: now + HOUR, until: now + 2 * HOUR });
  expect(() => issued.admit('a_broker', {}, ticket('next', 1))).toThrow(/of the 0/);
  issued.revoke('one');
  admit(3);
});

it('what counts for another role of the slice does not for this one', () => {
  const issued = new IssuedTickets(database);
  issued.add(ticket('one', 2, { slice: 'a_one' }));
  const admit = (slice: string) =>
    issued.admit('a_broker', { 'cpu.max': 2 }, ticket('next', 1), (one) => one.slice === slice);
  admit('a_two');
  expect(() => admit('a_one')).toThrow(/there is 0 left/);
});

it('tickets that are taken back make room for others', () => {
  database.transaction(() => {
    const insert = database.sql.prepare('INSERT INTO tickets VALUES (?, 0, ?)');
    for (let at = 0; at < 10_000; at++) insert.run(`t${at}`, JSON.stringify(ticket(`t${at}`, 0.01)));
  });
  const issued = new IssuedTickets(database);
  expect(() => issued.add(ticket('next', 1))).toThrow(/revoke some/);
  issued.revoke('t5');
  issued.add(ticket('next', 1));
  expect(issued.find('t5')).toBeUndefined();
  expect(() => issued.add(ticket('later', 1))).toThrow(/revoke some/);
});

it('is known to the next daemon, with what was taken back, until it is over for long', () => {
  const first = new IssuedTickets(database);
  first.add(ticket('kept', 1));
  first.add(ticket('old', 1, { until: now - 31 * 24 * HOUR }));
  first.revoke('kept');
  const second = new IssuedTickets(database);
  expect(second.find('kept')).toMatchObject({ revoked: true, rspec: { 'cpu.max': 1 } });
  second.add(ticket('new', 1));
  expect(second.find('old')).toBeUndefined();
  expect(new IssuedTickets(database).list('a_broker').map(({ id }) => id)).toEqual(['kept', 'new']);
});
