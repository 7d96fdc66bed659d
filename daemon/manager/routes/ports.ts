import { Type } from 'typebox';
import { type OwnedPort, protocolOf } from '../../slivers/ports.ts';
import { Allowance } from '../callers/allowance.ts';
import { holdNamed, seesNamed } from '../callers/caller.ts';
import type { Manager, Server } from '../context.ts';
import { done, Port, Ports, Protocol, ReservePort } from '../schemas.ts';

const Params = Type.Object({ protocol: Protocol, port: Type.String({ pattern: '^[0-9]{1,5}$' }) });
const tags = ['ports'];

/** A reservation costs its slice nothing, and others a port: whoever needs more asks the administrator. */
const RESERVATIONS = 64;
/** Of holding and releasing together: all that it may hold at once, and then one in two seconds. */
const CHANGES = new Allowance(2 * RESERVATIONS, 2000);
/** No body here is long: whoever may send one may be anybody. */
const BODY_LIMIT = 4096;

export function portRoutes(server: Server, { ports, store }: Manager): void {
  const shown = ({ protocol, since, ...port }: OwnedPort): Port => ({
    ...port,
    protocol: String(protocol),
    since: since.toISOString(),
  });

  server.get(
    '/v1/ports',
    {
      schema: {
        summary: 'Who owns which port of the shared address',
        tags,
        querystring: Type.Object(
          { sliver: Type.Optional(Type.String({ maxLength: 256 })) },
          { additionalProperties: false },
        ),
        response: { 200: Ports },
      },
    },
    async ({ query, caller }) => {
      holdNamed(caller, store, query.sliver);
      const items = ports.list(query.sliver).filter(({ sliver }) => seesNamed(caller, store, sliver));
      return { had: ports.had, items: items.map(shown) };
    },
  );

  server.post(
    '/v1/ports',
    {
      bodyLimit: BODY_LIMIT,
      schema: {
        summary: 'Holds a port for a sliver, whether it runs or not',
        tags,
        body: ReservePort,
        response: { 201: Port },
      },
    },
    async ({ body, caller }, reply) => {
      const most = caller.name === null ? undefined : RESERVATIONS;
      CHANGES.take(caller.name);
      const port = ports.reserve(body.sliver, protocolOf(body.protocol), body.port, most);
      return reply.code(201).send(shown(port));
    },
  );

  server.delete(
    '/v1/ports/:protocol/:port',
    {
      schema: {
        summary: 'Ends a reservation; sockets that hold the port go on',
        tags,
        params: Params,
        response: { 204: done('It is free.') },
      },
    },
    async ({ params, caller }, reply) => {
      CHANGES.take(caller.name);
      ports.release(protocolOf(params.protocol), Number(params.port));
      return reply.code(204).send();
    },
  );

  server.post(
    '/v1/ports/:protocol/:port/revoke',
    {
      schema: {
        summary: 'Takes a port from whoever has it, ends its sockets, and tells what it was',
        tags,
        params: Params,
        response: { 200: Type.Object({ revoked: Type.Union([Port, Type.Null()]) }) },
      },
    },
    async ({ params }) => {
      const before = await ports.revoke(protocolOf(params.protocol), Number(params.port));
      return { revoked: before ? shown(before) : null };
    },
  );
}
