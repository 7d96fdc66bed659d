import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Coalesced } from '../../coalesced.ts';
import { SliverdError } from '../../errors.ts';
import { RSpec } from '../../resources/rspec.ts';
import type { SliverRecord } from '../../slivers/record.ts';
import type { Action } from '../../slivers/service.ts';
import type { Caller } from '../callers/caller.ts';
import { type Manager, respondAsync, type Server } from '../context.ts';
import { ChangeSliver, CreateSliver, done, Sliver } from '../schemas.ts';

const Params = Type.Object({ name: Type.String({ maxLength: 256 }) });
const ACTIONS: readonly Action[] = ['start', 'stop', 'restart', 'freeze', 'thaw', 'reset'];
const tags = ['slivers'];

export function sliverRoutes(server: Server, manager: Manager): void {
  const { store, slivers, reconciler } = manager;
  const usages = new Coalesced<number, object>();
  const shown = (record: SliverRecord, caller: Caller) => sliverShown(manager, record, caller);

  /** Waits for the record to become true, unless the client doesn't want to; answers with what is then. */
  const settle = async (
    record: SliverRecord,
    { headers, caller }: Pick<FastifyRequest, 'headers' | 'caller'>,
  ): Promise<Sliver> => {
    const settled = reconciler.reconcile(record.id);
    if (respondAsync(headers)) {
      settled.catch(() => {}); // told by the sliver's cause
      return shown(store.byId(record.id) ?? record, caller);
    }
    try {
      await settled;
    } catch (cause) {
      const now = shown(store.byId(record.id) ?? record, caller);
      throw new SliverdError(
        'not-settled',
        `${record.name} is not ${record.desired} yet, and will be tried again`,
        {
          cause,
          extra: { sliver: now },
        },
      );
    }
    return shown(store.byId(record.id) ?? record, caller);
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
    async ({ query, caller }) => {
      const limit = Number(query.limit ?? 1000);
      const rest = store
        .list()
        .filter((record) => caller.sees(record) && (query.after === undefined || record.name > query.after));
      const items = rest.slice(0, limit).map((record) => shown(record, caller));
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
    async (request, reply) => {
      const { body, headers, caller } = request;
      const sliver = await settle(await slivers.create(body, caller.name), request);
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
    async ({ params, caller }) => shown(store.get(params.name), caller),
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
    async (request, reply) => {
      const { params, body, headers } = request;
      const before = store.get(params.name);
      const changed = await slivers.change(params.name, body, request.caller.name);
      // What may no longer be goes on nowhere: who still may connects again.
      if (body.roles) manager.disconnect(changed);
      const had = before.authority === null ? undefined : store.find(before.authority);
      if (had && before.authority !== changed.authority) manager.disconnect(had);
      const sliver = await settle(changed, request);
      return reply.code(respondAsync(headers) ? 202 : 200).send(sliver);
    },
  );

  server.delete(
    '/v1/slivers/:name',
    {
      schema: {
        summary: 'Deletes a sliver and its disk',
        tags,
        params: Params,
        response: { 202: done('It will be gone.'), 204: done('It is gone.') },
      },
    },
    async (request, reply) => {
      const { params, headers } = request;
      await settle(slivers.delete(params.name), request);
      return reply.code(respondAsync(headers) ? 202 : 204).send();
    },
  );

  for (const action of ACTIONS)
    server.post(
      `/v1/slivers/:name/${action}`,
      { schema: { summary: SUMMARY[action], tags, params: Params, response: { 200: Sliver, 202: Sliver } } },
      async (request, reply) => {
        const { params, headers } = request;
        const sliver = await settle(slivers.act(params.name, action), request);
        return reply.code(respondAsync(headers) ? 202 : 200).send(sliver);
      },
    );

  server.get(
    '/v1/self',
    { schema: { summary: 'The sliver that asks', tags, response: { 200: Sliver } } },
    async ({ caller }) => {
      if (caller.name === null)
        throw new SliverdError(
          'not-found',
          'the administrator is no sliver: /v1/self is for those who ask from one',
        );
      return shown(store.get(caller.name), caller);
    },
  );

  server.get(
    '/v1/slivers/:name/rspec',
    {
      schema: {
        summary: 'Its resources, as its record says',
        tags,
        params: Params,
        response: { 200: RSpec },
      },
    },
    async ({ params }) => store.get(params.name).rspec,
  );

  server.get(
    '/v1/slivers/:name/effective-rspec',
    {
      schema: {
        summary:
          'Its resources as they are now: with leases and loans, and less where it has had most of its day',
        tags,
        params: Params,
        response: { 200: RSpec },
      },
    },
    async ({ params }) => {
      const record = manager.effective.of(store.get(params.name));
      const day = manager.days.usage(record);
      const max = (way: 'up' | 'down') => day?.[way].slowedTo ?? record.rspec[`net.${way}.max`];
      return { ...record.rspec, 'net.up.max': max('up'), 'net.down.max': max('down') };
    },
  );

  server.get(
    '/v1/slivers/:name/usage',
    {
      schema: {
        summary: 'What it has used since its start, and pressure',
        tags,
        params: Params,
        response: {
          200: Type.Object(
            {},
            {
              additionalProperties: true,
              description: 'Counters; what the node has no count of is missing.',
            },
          ),
        },
      },
    },
    async ({ params, caller }) => {
      const record = manager.effective.of(store.get(params.name));
      const look = async () => {
        const usage = await slivers.environmentOf(record).usage(record);
        return {
          ...usage,
          network: usage.network && { ...usage.network, refused: manager.refusals.of(record.id) },
        };
      };
      return caller.name === null ? look() : usages.read(record.id, look);
    },
  );

  server.get(
    '/v1/slivers/:name/log',
    {
      schema: {
        summary: 'The last 64 KiB of what its init and initscript wrote',
        tags,
        params: Params,
        response: { 200: { content: { 'text/plain': { schema: Type.String() } } } },
      },
    },
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

function sliverShown({ reconciler, network, expiry }: Manager, record: SliverRecord, caller: Caller): Sliver {
  const status = reconciler.status(record.id);
  const left = expiry.left(record);
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
    deletedAfterSeconds: left === null ? null : Math.ceil(left / 1000),
    desired: record.desired,
    state: status.state,
    since: new Date(status.since).toISOString(),
    doing: status.doing,
    // The host's number of a process is no slice's business.
    pid: caller.name === null ? status.pid : null,
    roles: [...record.roles],
    authority: record.authority,
    addresses: network.addresses(record.id),
    cause: status.cause,
  };
}
