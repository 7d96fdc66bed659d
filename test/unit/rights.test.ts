import fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import { Coalesced } from '../../daemon/coalesced.ts';
import type { Event } from '../../daemon/events/event.ts';
import type { EventLog } from '../../daemon/events/log.ts';
import { Allowance } from '../../daemon/manager/callers/allowance.ts';
import { ADMINISTRATOR, Slice } from '../../daemon/manager/callers/caller.ts';
import { OneEach } from '../../daemon/manager/callers/costly.ts';
import { Denials } from '../../daemon/manager/callers/denials.ts';
import { EventView } from '../../daemon/manager/callers/event-view.ts';
import { addGate } from '../../daemon/manager/callers/gate.ts';
import { RIGHTS } from '../../daemon/manager/callers/rights.ts';
import type { Manager, Server } from '../../daemon/manager/context.ts';
import { openApi } from '../../daemon/manager/openapi.ts';
import type { SliverRecord } from '../../daemon/slivers/record.ts';
import { covers } from '../../daemon/slivers/roles.ts';
import type { SliverStore } from '../../daemon/slivers/store.ts';
import { sliverRecord } from '../record.ts';

const storeOf = (...records: SliverRecord[]) =>
  ({ byId: (id: number) => records.find((one) => one.id === id) }) as SliverStore;

describe('the table of rights', () => {
  it('refuses a route that it has not', () => {
    const server = fastify() as unknown as Server;
    addGate(server, {} as Manager);
    expect(() => server.get('/v1/new', async () => '')).toThrow(
      /GET \/v1\/new is not in the table of rights/,
    );
  });

  it('has no route that is gone', async () => {
    const { paths } = (await openApi()) as { paths: Record<string, object> };
    const routes = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`),
    );
    // Neither is in the description: a WebSocket, and the description itself.
    const hidden = ['GET /v1/slivers/:name/exec/stream', 'GET /v1/openapi.json'];
    expect(Object.keys(RIGHTS).toSorted()).toEqual([...routes, ...hidden].toSorted());
  });

  it('knows nobody by a connection that no socket of ours accepted', async () => {
    const server = fastify() as unknown as Server;
    addGate(server, {} as Manager);
    server.get('/v1/node', async () => 'told');
    const answer = await server.inject('/v1/node');
    expect(answer.statusCode).toBe(500); // `denied`, which problems.ts would make 403
    expect(answer.body).not.toContain('told');
  });
});

describe('a caller', () => {
  const own = sliverRecord({ id: 1, name: 'ucb_sa', createdAt: 5 });

  it('is nobody any more when its sliver is gone, being deleted, or another has its number', () => {
    const by = (record?: SliverRecord) => new Slice(storeOf(...(record ? [record] : [])), own);
    expect([...by(own).titlesFor(own)]).toEqual(['self']);
    for (const record of [
      undefined,
      { ...own, desired: 'deleted' as const },
      { ...own, createdAt: 6 },
      { ...own, name: 'x_y' },
    ]) {
      expect(by(record).titles().size).toBe(0);
      expect(by(record).titlesFor(record ?? own).size).toBe(0);
    }
  });

  it('has the roles that its record has now', () => {
    const other = sliverRecord({ id: 2, name: 'mit_x', authority: 'ucb_sa' });
    const with_ = (roles: SliverRecord['roles']) => new Slice(storeOf({ ...own, roles }, other), own);
    expect(with_([]).sees(other)).toBe(false);
    expect(with_([{ role: 'authority', slices: ['ucb_*'] }]).sees(other)).toBe(false);
    expect(with_([{ role: 'flows' }]).sees(other)).toBe(false);
    expect([...with_([{ role: 'control', slices: ['mit_x'] }]).titlesFor(other)]).toEqual(['control']);
    const both = with_([
      { role: 'control', slices: ['mit_x'] },
      { role: 'authority', slices: ['mit_*'] },
    ]);
    expect([...both.titlesFor(other)].toSorted()).toEqual(['authority', 'control']);
    expect([...both.titlesFor({ ...other, authority: null })]).toEqual(['control']);
  });

  it('is the administrator who may all', () => expect(ADMINISTRATOR.titlesFor(own).size).toBeGreaterThan(0));
});

it.each([
  ['ucb_p2ps', 'ucb_p2ps', true],
  ['ucb_p2ps', 'ucb_p2psx', false],
  ['ucb_*', 'ucb_p2ps', true],
  ['ucb_*', 'ucbx_p2ps', false],
  ['*', 'ucb_p2ps', true],
])('%s covers %s: %s', (pattern, name, expected) => {
  expect(covers({ role: 'control', slices: [pattern] }, name)).toBe(expected);
});

it('an allowance is used up, for one slice and not for others', () => {
  const allowance = new Allowance(3, 60_000);
  for (let count = 0; count < 3; count++) allowance.take('a_a');
  expect(() => allowance.take('a_a')).toThrow(/too often/);
  expect(() => allowance.take('a_b')).not.toThrow();
});

it('costly reads are coalesced for each sliver, and a failed one fails those that waited for it', async () => {
  const coalesced = new Coalesced<number, number>();
  let looks = 0;
  const look = async () => ++looks;
  expect(await Promise.all([1, 1, 1, 2].map((id) => coalesced.read(id, look)))).toEqual([1, 1, 1, 2]);
  await expect(coalesced.read(3, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
});

it('a slice has one search under way, and another when that is over', async () => {
  const each = new OneEach();
  const { promise, resolve } = Promise.withResolvers<string>();
  const first = each.run('a_a', () => promise);
  await expect(each.run('a_a', async () => '')).rejects.toMatchObject({ code: 'busy' });
  expect(await each.run('a_b', async () => 'other')).toBe('other');
  resolve('found');
  expect(await first).toBe('found');
  expect(await each.run('a_a', async () => 'again')).toBe('again');
});

it('denials are told once for each slice and rule, and anew of a sliver that comes again', () => {
  const told: unknown[] = [];
  let heard: (event: Event) => void = () => {};
  const events = {
    record: (_type: string, subject: string, data: unknown) => told.push([subject, data]),
    listen: (listener: typeof heard) => {
      heard = listener;
    },
  } as unknown as EventLog;
  const denials = new Denials(events);
  for (let count = 0; count < 5; count++) denials.count('a_a', 'x');
  denials.count('a_a', 'y');
  heard({ id: 1, time: '', type: 'sliver.deleted', subject: 'a_a', data: {} });
  denials.count('a_a', 'x');
  const one = { denied: 1 };
  expect(told).toEqual([
    ['a_a', { rule: 'x', ...one }],
    ['a_a', { rule: 'y', ...one }],
    ['a_a', { rule: 'x', ...one }],
  ]);
});

describe('a page of events', () => {
  const [own, other] = [sliverRecord({ id: 1, name: 'a_own' }), sliverRecord({ id: 2, name: 'a_other' })];
  const store = {
    byId: (id: number) => [own, other].find((one) => one.id === id),
    find: (name: string) => [own, other].find((one) => one.name === name),
    list: () => [own, other],
  } as unknown as SliverStore;
  let asked = 0;
  const events = {
    after(id: number, limit: number, subjects?: readonly string[]) {
      asked++;
      const time = new Date(own.createdAt).toISOString();
      return Array.from({ length: Math.min(limit, 5000 - id) }, (_, index) => ({
        ...{ id: id + index + 1, time, type: 'node.secret', data: {} },
        subject: subjects?.[0] ?? '',
      }));
    },
  } as unknown as EventLog;
  const page = (subject: string | undefined, limit: number) => {
    asked = 0;
    return new EventView(new Slice(store, own), store, 'the-node', subject).page(events, 0, limit);
  };

  it("is not even looked for where it is of another's, who could be found by the time that takes", () => {
    for (const subject of ['a_other', 'a_none']) {
      expect(page(subject, 1)).toEqual([]);
      expect(asked).toBe(0);
    }
  });

  it('costs no more where few are asked for of many that are hidden', () => {
    expect(page('the-node', 1)).toEqual([]);
    expect(asked).toBeLessThan(10);
  });
});
