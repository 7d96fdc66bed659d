import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, request, TestNode, until } from './harness.ts';
import { importSmallImage } from './image.ts';

const MAIN = new URL('../../daemon/cli/main.ts', import.meta.url).pathname;
const HOUR = 3_600_000;
const soon = (milliseconds: number) => new Date(Date.now() + milliseconds).toISOString();
let node: TestNode;
const ids = new Map<string, number>();
const create = async (name: string, more: object = {}) => {
  const { id } = await node.ok('POST', '/v1/slivers', { name, image: 'small', ...more });
  ids.set(name, id);
};
const as = (caller: string, method: string, path: string, body?: unknown): Promise<Answer> =>
  request(`${node.run}/slivers/${ids.get(caller)}/inside/manager.sock`, method, path, body);
const lend = (sliver: string, to: string, rspec: object, time = HOUR) =>
  as(sliver, 'POST', '/v1/loans', { sliver, to, rspec, until: soon(time) });
const pids = async (...names: string[]) => {
  const found = [];
  for (const name of names)
    found.push((await node.ok('GET', `/v1/slivers/${name}/effective-rspec`))['pids.max']);
  return found;
};
const loans = async () => (await node.ok('GET', '/v1/loans')).items;

beforeAll(async () => {
  node = await TestNode.start();
  await importSmallImage(node);
  for (const name of ['a_lender', 'a_borrower', 'a_third']) await create(name);
});
afterAll(() => node?.stop());

describe('a loan', () => {
  it('moves resources at once, by who has them, and back by either side', async () => {
    const { pid } = await node.ok('GET', '/v1/slivers/a_borrower');
    for (const side of ['a_lender', 'a_borrower']) {
      const { status, body } = await lend('a_lender', 'a_borrower', { 'pids.max': 500 });
      expect({ status, state: body.state }).toEqual({ status: 201, state: 'active' });
      expect(await pids('a_lender', 'a_borrower', 'a_third')).toEqual([524, 1524, 1024]);
      expect((await as('a_third', 'GET', '/v1/loans')).body.items).toEqual([]);
      expect(await as('a_third', 'DELETE', `/v1/loans/${body.id}`)).toMatchObject({ status: 404 });
      expect((await as(side, 'DELETE', `/v1/loans/${body.id}`)).status).toBe(204);
      expect(await pids('a_lender', 'a_borrower')).toEqual([1024, 1024]);
    }
    expect(await node.ok('GET', '/v1/slivers/a_borrower')).toMatchObject({ pid });
    const { items } = await node.ok('GET', '/v1/events?subject=a_borrower&limit=9999');
    const told = items.filter(({ type }: { type: string }) => type.startsWith('loan.'));
    expect(told.map(({ type }: { type: string }) => type)).toEqual(
      Array(2).fill(['loan.started', 'loan.ended']).flat(),
    );
    expect(told.at(-1).data).toMatchObject({ lender: 'a_lender', why: 'ended by a_borrower' });
  });

  it('ends by the clock, and survives a crash until then', async () => {
    expect((await lend('a_lender', 'a_borrower', { 'pids.max': 10 }, 5000)).status).toBe(201);
    await node.kill();
    await node.launch();
    expect(await pids('a_lender', 'a_borrower')).toEqual([1014, 1034]);
    await until(async () => (await loans()).length === 0, 'it to end');
    expect(await pids('a_lender', 'a_borrower')).toEqual([1024, 1024]);
  });

  it.each([
    ['more than it has to spare', { 'pids.max': 961 }, 507, /960 left to lend: 64 stays with it/],
    ['what has no bound', { 'cpu.max': 1 }, 507, /without bound/],
    ['its disk', { 'disk.bytes': 4096 }, 507, /can't be lent/],
    ['nothing', {}, 400, /rspec/],
    ['less than nothing', { 'pids.max': -5 }, 400, /pids.max/],
    ['what is no amount', { 'cpuset.cpus': '0' }, 400, /cpuset.cpus/],
  ])('of %s is refused, with the reason', async (_what, rspec, status, why) => {
    const answer = await lend('a_lender', 'a_borrower', rspec);
    expect(answer.status, JSON.stringify(answer.body)).toBe(status);
    expect(answer.body.detail).toMatch(why);
  });

  it.each([
    ['to itself', 'a_lender', HOUR, 400],
    ['to nobody', 'no_such', HOUR, 404],
    ['for a time that is past', 'a_borrower', -HOUR, 400],
  ])('%s is refused', async (_what, to, time, status) => {
    expect((await lend('a_lender', to, { 'pids.max': 1 }, time)).status).toBe(status);
  });

  it("of another's is refused as if it weren't there", async () => {
    const body = { sliver: 'a_lender', to: 'a_third', rspec: { 'pids.max': 1 }, until: soon(HOUR) };
    expect(await as('a_third', 'POST', '/v1/loans', body)).toMatchObject({ status: 404 });
  });

  it('is not lent on, and binds the lender', async () => {
    expect((await lend('a_lender', 'a_borrower', { 'pids.max': 900 })).status).toBe(201);
    expect(await lend('a_borrower', 'a_third', { 'pids.max': 961 })).toMatchObject({ status: 507 });
    expect((await lend('a_borrower', 'a_third', { 'pids.max': 960 })).status).toBe(201);
    expect(await pids('a_lender', 'a_borrower', 'a_third')).toEqual([124, 964, 1984]);
    expect(await lend('a_lender', 'a_third', { 'pids.max': 61 })).toMatchObject({ status: 507 });
    const change = (most: number) =>
      node.request('PATCH', '/v1/slivers/a_lender', { rspec: { 'pids.max': most } });
    expect(await change(900)).toMatchObject({ status: 409, body: { code: 'in-use' } });
    expect((await change(2048)).status).toBe(200);
    expect(await pids('a_lender')).toEqual([1148]);
    expect((await change(1024)).status).toBe(200);
  });

  it('ends with its lender, also in the middle of a chain', async () => {
    await node.ok('DELETE', '/v1/slivers/a_borrower');
    expect(await loans()).toEqual([]);
    expect(await pids('a_lender', 'a_third')).toEqual([1024, 1024]);
    await create('a_borrower');
    expect(await pids('a_borrower')).toEqual([1024]);
  });

  it('lasts no longer than its lender', async () => {
    await create('a_short', { expiresAt: soon(60_000) });
    expect(await lend('a_short', 'a_third', { 'pids.max': 100 })).toMatchObject({ status: 400 });
    expect((await lend('a_short', 'a_third', { 'pids.max': 100 }, 50_000)).status).toBe(201);
    expect(await pids('a_third')).toEqual([1124]);
    await node.ok('PATCH', '/v1/slivers/a_short', { expiresAt: soon(1000) });
    await until(async () => (await loans()).length === 0, 'it to end');
    expect(await pids('a_third')).toEqual([1024]);
  });

  it('is made and ended by sliverctl', () => {
    const ctl = (...words: string[]) =>
      spawnSync(process.execPath, [MAIN, '--socket', `${node.run}/admin.sock`, ...words], {
        encoding: 'utf8',
      });
    const made = ctl('--json', 'loan', 'make', 'a_lender', 'a_third', 'pids.max=5', '--until', '1h');
    expect(made).toMatchObject({ status: 0, stderr: '' });
    const { id } = JSON.parse(made.stdout);
    expect(ctl('loan', 'list', '--sliver', 'a_third').stdout).toMatch(
      new RegExp(`${id} +a_lender +a_third .*pids.max=5`),
    );
    expect(ctl('loan', 'end', id)).toMatchObject({ status: 0 });
    expect(ctl('loan', 'end', id)).toMatchObject({ status: 3 });
  });
});
