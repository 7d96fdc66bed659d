import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EventLog } from '../../daemon/events/log.ts';
import type { Amounts } from '../../daemon/resources/amounts.ts';
import { type Evidence, testify, verifyEvidence } from '../../daemon/resources/leases/evidence.ts';
import { Leases, Overpromised } from '../../daemon/resources/leases/leases.ts';
import { Redemptions } from '../../daemon/resources/leases/redemptions.ts';
import { delegate, issue, publicKeyOf, thumbprint, verify } from '../../daemon/resources/tickets/ticket.ts';
import { Database } from '../../daemon/store/database.ts';

const key = () => generateKeyPairSync('ed25519').privateKey;
const [node, broker] = [key(), key()];
const public_ = { public: publicKeyOf(node), thumbprint: await thumbprint(publicKeyOf(node)) };
const NBF = Math.floor(Date.now() / 1000) - 10;
const times = { nbf: NBF, exp: NBF + 36_000 };
const sliver = { id: 7, name: 'a_b' };

let folder: string;
let database: Database;
let leases: Leases;
/** What slices that issue tickets may promise, by whom it is for. */
let shares: Record<string, Amounts>;
const open = () =>
  new Leases({
    database,
    events: new EventLog(database),
    share: (_issuer, target) => shares[target ?? ''],
    admit: () => {},
    node: 'test',
    cores: [0, 1],
  });
beforeEach(() => {
  folder = mkdtempSync('/tmp/sliverd-leases-');
  database = new Database(`${folder}/db`);
  shares = {};
  leases = open();
});
afterEach(() => {
  vi.useRealTimers();
  leases.schedule.close();
  database.close();
  rmSync(folder, { recursive: true });
});

/** What the node promised to the broker. */
const promise = (rspec: Amounts, slice?: string) =>
  issue(node, { rspec, ...times, to: publicKeyOf(broker), ...(slice ? { slice } : {}) }).then(
    ({ ticket }) => ticket,
  );
/** A part of it, for the sliver. */
const part = (ticket: string, rspec: Amounts, by: KeyObject = broker) =>
  delegate(ticket, by, { rspec, ...times, slice: sliver.name });
const redeem = async (ticket: string, asked = {}, issuer: string | null = null) =>
  leases.redeem(await verify(ticket, public_, Date.now()), issuer, sliver, asked);
const refusal = async (ticket: string, issuer: string | null = null): Promise<Overpromised> => {
  const error = await redeem(ticket, {}, issuer).catch((error) => error);
  expect(error).toBeInstanceOf(Overpromised);
  return error;
};

describe('evidence', () => {
  it('shows fifty parts, and says how many more there are', async () => {
    const whole = await promise({ 'pids.max': 60 });
    for (let at = 0; at < 60; at++) {
      await redeem(await part(whole, { 'pids.max': 1 }));
    }
    const { evidence } = await refusal(await part(whole, { 'pids.max': 1 }));
    expect(evidence.taken).toHaveLength(50);
    expect(evidence.more).toBe(10);
    const statement = await testify({ key: node, thumbprint: public_.thumbprint }, evidence, Date.now());
    expect(await verifyEvidence(statement, public_)).toMatchObject({ by: publicKeyOf(broker).x, more: 10 });
  });
});

describe('leases that are over', () => {
  it('are kept, but not as many as somebody makes by redeeming for a moment', async () => {
    const whole = await promise({ 'pids.max': 1 });
    vi.useFakeTimers({ toFake: ['Date'] });
    for (let at = 0; at < 67; at++) {
      await redeem(await part(whole, { 'pids.max': 1 }), { until: Date.now() + 10 });
      vi.setSystemTime(Date.now() + 10);
    }
    leases.schedule.look();
    expect(leases.schedule.of(sliver.id)).toHaveLength(64);
    expect(database.sql.prepare('SELECT count(*) AS count FROM schedule').get()).toEqual({ count: 64 });
  });

  it('go with a sliver that is gone, also where nobody lived to tell', async () => {
    const { id } = await redeem(await part(await promise({ 'pids.max': 1 }), { 'pids.max': 1 }));
    const next = open();
    next.schedule.keep((one) => one === sliver.id);
    expect(next.get(id)).toBeDefined();
    next.schedule.keep(() => false);
    expect(() => next.get(id)).toThrow(/no lease/);
    expect(open().schedule.of(sliver.id)).toEqual([]);
  });
});

describe('a slice that issues tickets in two roles', () => {
  it('is not said to have promised too much of one by what it promised of the other', async () => {
    shares = { a_b: { 'pids.max': 1 }, 'a_*': { 'pids.max': 10 } };
    const large = await part(await promise({ 'pids.max': 9 }, 'a_*'), { 'pids.max': 9 });
    const small = async () => part(await promise({ 'pids.max': 1 }, 'a_b'), { 'pids.max': 1 });
    await redeem(large, {}, 'a_broker');
    await redeem(await small(), {}, 'a_broker');
    const { evidence } = await refusal(await small(), 'a_broker');
    expect(evidence).toMatchObject({ by: 'a_broker', promised: 1, taken: [{ amount: 1 }] });
  });
});

it('which tickets were redeemed is known long after their end, and not for ever', () => {
  const day = 86_400_000;
  const first = new Redemptions(database);
  first.add('late', 'x', Date.now() - 399 * day);
  first.add('later', 'x', Date.now() - 401 * day);
  const next = new Redemptions(database);
  expect([next.find('late'), next.find('later')]).toEqual(['x', undefined]);
  next.add('old', 'x', Date.now() - 401 * day);
  for (let at = 0; at < 999; at++) next.add(`${at}`, 'x', Date.now());
  expect(next.find('old')).toBeUndefined();
});

describe('who promised too much', () => {
  const user = key();
  const toUser = (ticket: string, rspec: Amounts) =>
    delegate(ticket, broker, { rspec, ...times, to: publicKeyOf(user) });
  const attest = (evidence: Evidence) =>
    testify({ key: node, thumbprint: public_.thumbprint }, evidence, Date.now());

  it('is whoever signed it twice, and not who gave it that once', async () => {
    shares = { '': { 'pids.max': 3 } };
    const given = await toUser(await promise({ 'pids.max': 3 }), { 'pids.max': 2 });
    await redeem(await part(given, { 'pids.max': 2 }, user), {}, 'a_issuer');
    const { evidence } = await refusal(await part(given, { 'pids.max': 2 }, user), 'a_issuer');
    expect(evidence).toMatchObject({ by: publicKeyOf(user).x, promised: 2 });
    expect(await verifyEvidence(await attest(evidence), public_)).toMatchObject({ promised: 2 });
  });

  it("isn't for a node to say alone", async () => {
    const whole = await promise({ 'pids.max': 3 });
    const given = await toUser(whole, { 'pids.max': 2 });
    await redeem(await part(given, { 'pids.max': 1 }, user));
    const { evidence } = await refusal(await part(whole, { 'pids.max': 3 }));
    await verifyEvidence(await attest(evidence), public_);
    const { taken, wanted } = evidence;
    const [one] = taken as [(typeof taken)[number]];
    for (const lie of [
      { promised: 2 },
      { by: publicKeyOf(user).x },
      // The same twice, and another time.
      { wanted: { ...one, amount: 2 }, taken: [{ ...one, amount: 2 }] },
      { taken: [{ ...one, from: wanted.until, until: wanted.until + 1 }] },
      { taken: [{ ...one, amount: 3 }] },
    ])
      await expect(verifyEvidence(await attest({ ...evidence, ...lie }), public_)).rejects.toMatchObject({
        code: 'bad-evidence',
      });
  });
});
