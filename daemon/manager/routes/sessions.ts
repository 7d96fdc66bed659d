import { Type } from 'typebox';
import type { Session as Known } from '../../access/sessions/record.ts';
import type { Manager, Server } from '../context.ts';
import { type Session, SessionList } from '../schemas.ts';

const Params = Type.Object({ name: Type.String({ maxLength: 256 }) });
const tags = ['sessions'];

/** Who is logged in by ssh. */
export function sessionRoutes(server: Server, { store, sessions }: Manager): void {
  const list = (slice?: string) => ({ items: (sessions?.list(slice) ?? []).map(shown) });
  const response = { 200: SessionList };
  server.get(
    '/v1/sessions',
    { schema: { summary: 'Who is logged in by ssh, the oldest session first', tags, response } },
    async () => list(),
  );
  server.get(
    '/v1/slivers/:name/sessions',
    { schema: { summary: 'Who is logged in to a sliver by ssh', tags, params: Params, response } },
    async ({ params }) => list(store.get(params.name).name),
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
