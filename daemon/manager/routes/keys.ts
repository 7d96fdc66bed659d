import { Type } from 'typebox';
import { parseKeyLine } from '../../slivers/keys/line.ts';
import { fingerprintOf } from '../../slivers/keys/set.ts';
import type { SliverRecord } from '../../slivers/record.ts';
import type { Manager, Server } from '../context.ts';
import { Revocations, Revoke, SetKeys, type SliceKey, SliceKeys } from '../schemas.ts';

const Params = Type.Object({ name: Type.String({ maxLength: 256 }) });
const OneKey = Type.Object({
  name: Type.String({ maxLength: 256 }),
  fingerprint: Type.String({ maxLength: 128, description: 'SHA256:…, percent-encoded.' }),
});
const tags = ['keys'];

/** Who may log in. What an answer says holds: the file that sshd reads is on the disk. */
export function keyRoutes(server: Server, { store, slivers }: Manager): void {
  const path = '/v1/slivers/:name/keys';
  const response = { 200: SliceKeys };
  server.get(
    path,
    { schema: { summary: 'The keys that may log in to a sliver', tags, params: Params, response } },
    async ({ params }) => shown(store.get(params.name)),
  );
  server.put(
    path,
    { schema: { summary: 'These keys instead of those', tags, params: Params, body: SetKeys, response } },
    async ({ params, body }) => shown(await slivers.setKeys(params.name, body.keys)),
  );
  server.post(
    path,
    {
      schema: {
        summary: 'These keys too; of those that are there, options and comment are replaced',
        tags,
        params: Params,
        body: SetKeys,
        response,
      },
    },
    async ({ params, body }) => shown(await slivers.addKeys(params.name, body.keys)),
  );
  server.delete(
    `${path}/:fingerprint`,
    { schema: { summary: 'Takes a key away', tags, params: OneKey, response } },
    async ({ params }) => shown(slivers.removeKey(params.name, params.fingerprint)),
  );

  const revocations = '/v1/slivers/:name/revocations';
  const answer = { 200: Revocations };
  server.get(
    revocations,
    { schema: { summary: 'What lets nobody in to a sliver', tags, params: Params, response: answer } },
    async ({ params }) => revokedShown(store.get(params.name)),
  );
  for (const [method, summary] of [
    ['put', 'Revokes these certificates and keys for a sliver, and no others'],
    ['post', 'Revokes these certificates and keys for a sliver too'],
  ] as const)
    server[method](
      revocations,
      { schema: { summary, tags, params: Params, body: Revoke, response: answer } },
      async ({ params, body }) =>
        revokedShown(await slivers.revoke(params.name, body.items, method === 'put')),
    );
}

function revokedShown({ revoked }: SliverRecord): Revocations {
  return {
    items: revoked.items.map((item) =>
      'authority' in item ? { ...item, authority: fingerprintOf(item.authority) ?? item.authority } : item,
    ),
  };
}

function shown(record: SliverRecord): SliceKeys {
  return { items: record.keys.map(keyShown) };
}

function keyShown(line: string): SliceKey {
  const key = parseKeyLine(line);
  if ('wrong' in key)
    return { fingerprint: null, type: 'unknown', bits: 0, options: [], comment: '', authority: false, line };
  const { fingerprint, type, bits, options, comment, authority } = key;
  return { fingerprint, type, bits, options: [...options], comment, authority, line };
}
