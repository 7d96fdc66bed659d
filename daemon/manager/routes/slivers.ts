import { Type } from 'typebox';
import { SliverdError } from '../../errors.ts';
import type { SliverRecord } from '../../slivers/record.ts';
import type { Action } from '../../slivers/service.ts';
import { type Manager, respondAsync, type Server } from '../context.ts';
import { ChangeSliver, CreateSliver, Sliver } from '../schemas.ts';

const Params = Type.Object({ name: Type.String({ maxLength: 256 }) });
const ACTIONS: readonly Action[] = ['start', 'stop', 'restart', 'freeze', 'thaw', 'reset'];
const tags = ['slivers'];

export function sliverRoutes(server: Server, manager: Manager): void {
  const { store, slivers, reconciler } = manager;
  const shown = (record: SliverRecord) => sliverShown(manager, record);

  /** Waits for the record to become true, unless the client doesn't want to; answers with what is then. */
  const settle = async (
    record: SliverRecord,
    headers: Record<string, string | string[] | undefined>,
  ): Promise<Sliver> => {
    const settled = reconciler.reconcile(record.id);
    if (respondAsync(headers)) {
      settled.catch(() => {}); // told by the sliver's cause
      return shown(store.byId(record.id) ?? record);
    }
    try {
      await settled;
    } catch (cause) {
      const now = shown(store.byId(record.id) ?? record);
      throw new SliverdError(
        'not-settled',
        `${record.name} is not ${record.desired} yet, and will be tried again`,
        {
          cause,
          extra: { sliver: now },
        },
      );
    }
    return shown(store.byId(record.id) ?? record);
  };

  const Page = Type.Object(
    {
      limit: Type.Optional(
        Type.String({ pattern: '^[1-9][0-9]{0,3}$', description: 'At most so many (1 to 9999).' }),
      ),
      after: Type.Optional(
        Type.String({ maxLength: 256, description: 'Those whose name comes after this one.' }),
      ),
    },
    { additionalProperties: false },
  );
  server.get(
    '/v1/slivers',
    {
      schema: {
        summary: 'All slivers, by name, in pages',
        tags,
        querystring: Page,
        response: {
          200: Type.Object({ items: Type.Array(Sliver), next: Type.Union([Type.String(), Type.Null()]) }),
        },
      },
    },
    async ({ query }) => {
      const limit = Number(query.limit ?? 1000);
      const rest = store.list().filter((record) => query.after === undefined || record.name > query.after);
      const items = rest.slice(0, limit).map(shown);
      return { items, next: rest.length > limit ? (items.at(-1)?.name ?? null) : null };
    },
  );

  server.post(
    '/v1/slivers',
    {
      schema: {
        summary:
          'Creates a sliver; waits until it is as desired, or answers 202 at once (Prefer: respond-async)',
        tags,
        body: CreateSliver,
        response: { 201: Sliver, 202: Sliver },
      },
    },
    async ({ body, headers }, reply) => {
      const sliver = await settle(await slivers.create(body), headers);
      return reply.code(respondAsync(headers) ? 202 : 201).send(sliver);
    },
  );

  server.get(
    '/v1/slivers/:name',
    {
      schema: {
        summary: 'One sliver, with its effective state and the cause of it',
        tags,
        params: Params,
        response: { 200: Sliver },
      },
    },
    async ({ params }) => shown(store.get(params.name)),
  );

  server.patch(
    '/v1/slivers/:name',
    {
      schema: {
        summary: 'Changes a sliver; limits take effect without a restart',
        tags,
        params: Params,
        body: ChangeSliver,
        response: { 200: Sliver, 202: Sliver },
      },
    },
    async ({ params, body, headers }, reply) => {
      const sliver = await settle(await slivers.change(params.name, body), headers);
      return reply.code(respondAsync(headers) ? 202 : 200).send(sliver);
    },
  );

  server.delete(
    '/v1/slivers/:name',
    { schema: { summary: 'Deletes a sliver and its disk', tags, params: Params } },
    async ({ params, headers }, reply) => {
      await settle(slivers.delete(params.name), headers);
      return reply.code(respondAsync(headers) ? 202 : 204).send();
    },
  );

  for (const action of ACTIONS)
    server.post(
      `/v1/slivers/:name/${action}`,
      { schema: { summary: SUMMARY[action], tags, params: Params, response: { 200: Sliver, 202: Sliver } } },
      async ({ params, headers }, reply) => {
        const sliver = await settle(slivers.act(params.name, action), headers);
        return reply.code(respondAsync(headers) ? 202 : 200).send(sliver);
      },
    );

  server.get(
    '/v1/slivers/:name/usage',
    { schema: { summary: 'What it has used since its start, and pressure', tags, params: Params } },
    async ({ params }) => {
      const record = store.get(params.name);
      const usage = await slivers.environmentOf(record).usage(record);
      return {
        ...usage,
        network: usage.network && { ...usage.network, refused: manager.refusals.of(record.id) },
      };
    },
  );

  server.get(
    '/v1/slivers/:name/log',
    { schema: { summary: 'The last 64 KiB of what its init and initscript wrote', tags, params: Params } },
    async ({ params }, reply) => {
      const record = store.get(params.name);
      return reply.type('text/plain; charset=utf-8').send(await slivers.environmentOf(record).log(record));
    },
  );
}

const SUMMARY: Record<Action, string> = {
  start: 'Starts it; a running one is left alone, a frozen one thawed',
  stop: 'Stops it: its processes are asked to end, then killed. Its disk stays.',
  restart: 'Stops and starts it',
  freeze: 'Suspends all its processes',
  thaw: 'Lets them go on',
  reset: 'Gives it a clean file system; its name, keys and resources stay',
};

function sliverShown({ reconciler, network }: Manager, record: SliverRecord): Sliver {
  const status = reconciler.status(record.id);
  const time = (milliseconds: number | null) =>
    milliseconds === null ? null : new Date(milliseconds).toISOString();
  return {
    name: record.name,
    id: record.id,
    environment: record.environment,
    image: { name: record.imageName, digest: record.imageDigest },
    profile: record.profile,
    rspec: record.rspec,
    keys: [...record.keys],
    initscript: record.initscript,
    createdAt: new Date(record.createdAt).toISOString(),
    expiresAt: time(record.expiresAt),
    desired: record.desired,
    state: status.state,
    since: new Date(status.since).toISOString(),
    doing: status.doing,
    pid: status.pid,
    addresses: network.addresses(record.id),
    cause: status.cause,
  };
}
