import { Type } from 'typebox';
import { SliverdError } from '../../errors.ts';
import { Target } from '../../resources/slices.ts';
import { Amounts, PublicKey } from '../../resources/tickets/link.ts';
import { issue, type Ticket, verify } from '../../resources/tickets/ticket.ts';
import type { Manager, Server } from '../context.ts';
import { nullable, time } from '../schemas.ts';

const IssueTicket = Type.Object(
  {
    to: PublicKey,
    rspec: Amounts,
    from: Type.Optional(time('From when there is what it promises; default: now')),
    until: time('Until when'),
    slice: Type.Optional(Target),
  },
  { additionalProperties: false },
);
const VerifiedTicket = Type.Object({
  ids: Type.Array(Type.String(), { description: 'Of each link, the first ahead.' }),
  holder: Type.Union([PublicKey, Type.Null()], {
    description: 'Who may give it on; null: it is for a sliver.',
  }),
  rspec: Amounts,
  from: time('From when it is good'),
  until: time('Until when'),
  slice: nullable(Target),
});
const tags = ['tickets'];
/** Sixteen links, and what JSON makes of them. */
const BODY_LIMIT = 80 * 1024;

export function ticketRoutes(server: Server, { identity, events }: Manager): void {
  server.post(
    '/v1/tickets',
    {
      bodyLimit: BODY_LIMIT,
      schema: {
        summary: 'Promises resources to the holder of a key, who may give them on',
        tags,
        body: IssueTicket,
        response: { 201: Type.Object({ id: Type.String(), ticket: Type.String() }) },
      },
    },
    async ({ body }, reply) => {
      const { to, rspec, slice } = body;
      const seconds = (text: string) => Math.floor(Date.parse(text) / 1000);
      const nbf = body.from === undefined ? Math.floor(Date.now() / 1000) : seconds(body.from);
      const exp = seconds(body.until);
      if (exp <= nbf || exp * 1000 <= Date.now())
        throw new SliverdError(
          'bad-request',
          `until ${body.until}, there is nothing to promise: name a later time`,
        );
      const { id, ticket } = await issue(identity.key, { rspec, nbf, exp, to, ...(slice ? { slice } : {}) });
      events.record('ticket.issued', id, {
        to: to.x,
        rspec,
        from: nbf,
        until: exp,
        ...(slice ? { slice } : {}),
      });
      return reply.code(201).send({ id, ticket });
    },
  );

  server.post(
    '/v1/tickets/verify',
    {
      bodyLimit: BODY_LIMIT,
      schema: {
        summary: 'What a ticket of this node promises, or why it is none',
        tags,
        body: Type.Object({ ticket: Type.String() }, { additionalProperties: false }),
        response: { 200: VerifiedTicket },
      },
    },
    async ({ body }) => shown(await verify(body.ticket, identity, Date.now())),
  );
}

function shown({ ids, holder, rspec, from, until, slice }: Ticket) {
  return {
    ids: [...ids],
    holder: holder ?? null,
    rspec,
    from: new Date(from).toISOString(),
    until: new Date(until).toISOString(),
    slice: slice ?? null,
  };
}
