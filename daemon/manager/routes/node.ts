import { type Static, Type } from 'typebox';
import { Coalesced } from '../../coalesced.ts';
import { ADMITTED } from '../../resources/admission.ts';
import { Amounts } from '../../resources/amounts.ts';
import type { ResourceSum } from '../../slivers/admission.ts';
import type { Manager, Server } from '../context.ts';
import { Finding, NodeStatus } from '../schemas.ts';

const Amount = Type.Number({ description: 'In the units of the RSpec.' });
const Holdings = Type.Object({
  resources: Type.Array(
    Type.Object({
      key: Type.Enum([...ADMITTED]),
      of: Type.Optional(Type.Number({ description: 'All that can be promised; none: it has no bound.' })),
      slivers: Type.Number({ description: 'By the records of slivers.' }),
      leased: Type.Number({ description: 'By leases, now.' }),
      leasedLater: Type.Number({ description: 'By leases, at most at once from now on.' }),
      left: Type.Optional(Type.Number({ description: 'For who asks now.' })),
    }),
  ),
  slivers: Type.Array(
    Type.Object({
      name: Type.String(),
      own: Type.Record(Type.String(), Type.Union([Amount, Type.Literal('max')])),
      leased: Type.Partial(Amounts),
      borrowed: Type.Partial(Amounts),
      lent: Type.Partial(Amounts),
    }),
  ),
});
export type Holdings = Static<typeof Holdings>;

export function nodeRoutes(server: Server, { node, store, admission }: Manager): void {
  // All slices are told the same sums, and thousands of leases take a while to be summed.
  const sums = new Coalesced<string, ResourceSum[]>();
  server.get(
    '/v1/holdings',
    {
      schema: {
        summary: 'Who holds what, by records, leases and loans, and what is left',
        tags: ['node'],
        response: { 200: Holdings },
      },
    },
    async ({ caller }) => ({
      resources:
        caller.name === null ? admission.sums() : await sums.read('sums', async () => admission.sums()),
      slivers: store
        .list()
        .filter((record) => caller.sees(record))
        .map((record) => admission.holding(record)),
    }),
  );

  server.get(
    '/v1/node',
    {
      schema: {
        summary: 'The node: identity, capacity, what is degraded',
        tags: ['node'],
        response: { 200: NodeStatus },
      },
    },
    async ({ caller }) => (caller.name === null ? node.status() : node.facts()),
  );

  server.get(
    '/v1/node/doctor',
    {
      schema: {
        summary: 'Tries what a node needs from its kernel and host',
        tags: ['node'],
        response: { 200: Type.Object({ findings: Type.Array(Finding) }) },
      },
    },
    async () => ({ findings: await node.examine() }),
  );

  server.post(
    '/v1/node/down',
    {
      schema: {
        summary:
          'Stops all slivers, undoes everything in the kernel, and ends the daemon. Records and disks stay.',
        tags: ['node'],
        response: { 200: Type.Object({ stopped: Type.Integer() }) },
      },
    },
    async (_request, reply) => {
      const stopped = await node.down();
      reply.raw.once('close', () => node.end());
      return { stopped };
    },
  );

  server.get('/v1/openapi.json', { schema: { hide: true } }, async () => server.swagger());
}
