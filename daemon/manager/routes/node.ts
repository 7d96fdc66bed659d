import { Type } from 'typebox';
import type { Manager, Server } from '../context.ts';
import { NodeStatus } from '../schemas.ts';

export function nodeRoutes(server: Server, { node }: Manager): void {
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
    { schema: { summary: 'Tries what a node needs from its kernel and host', tags: ['node'] } },
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
