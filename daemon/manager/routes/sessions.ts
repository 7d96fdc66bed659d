import { Type } from 'typebox';
import type { Session as Known } from '../../access/sessions/record.ts';
import { SliverdError } from '../../errors.ts';
import { seesNamed } from '../callers/caller.ts';
import type { Manager, Server } from '../context.ts';
import { done, type Session, SessionList } from '../schemas.ts';

const Params = Type.Object({ name: Type.String({ maxLength: 256 }) });
const Id = Type.Object({ id: Type.String({ maxLength: 64 }) });
const tags = ['sessions'];

/** Who is logged in by ssh. */
export function sessionRoutes(server: Server, { store, sessions }: Manager): void {
  const list = (slice?: string) => ({ items: (sessions?.list(slice) ?? []).map(shown) });
  const response = { 200: SessionList };
  server.get(
    '/v1/sessions',
    { schema: { summary: 'Who is logged in by ssh, the oldest session first', tags, response } },
    async ({ caller }) => ({ items: list().items.filter(({ sliver }) => seesNamed(caller, store, sliver)) }),
  );
  server.get(
    '/v1/slivers/:name/sessions',
    { schema: { summary: 'Who is logged in to a sliver by ssh', tags, params: Params, response } },
    async ({ params }) => list(store.get(params.name).name),
  );
  server.delete(
    '/v1/sessions/:id',
    {
      schema: {
        summary: 'Ends a session; its person is told',
        tags,
        params: Id,
        response: { 204: done('It is over.') },
      },
    },
    async ({ params }, reply) => {
      if (!sessions) throw new SliverdError('not-found', 'nobody logs in by ssh here (access in node.yaml)');
      await sessions.end(params.id);
      return reply.code(204).send();
    },
  );
}

function shown({ id, slice, since, address, port, credential }: Known): Session {
  return {
    id,
    sliver: slice,
    since: new Date(since).toISOString(),
    address,
    port,
    type: credential?.type ?? 'unknown',
    fingerprint: credential?.fingerprint ?? 'unknown',
    certificate: credential?.certificate ?? null,
  };
}
