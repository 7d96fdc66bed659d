import fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import { Allowance } from '../../daemon/manager/callers/allowance.ts';
import { ADMINISTRATOR, Slice } from '../../daemon/manager/callers/caller.ts';
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
