import { type Static, Type } from 'typebox';
import { SliverdError } from '../../errors.ts';
import { Amounts, amountsOf } from '../../resources/amounts.ts';
import { Target } from '../../resources/slices.ts';
import type { Issued } from '../../resources/tickets/issued.ts';
import { PublicKey } from '../../resources/tickets/link.ts';
import { issue, type Ticket, verify } from '../../resources/tickets/ticket.ts';
import { timeText } from '../../resources/time.ts';
import { brokerShare } from '../../slivers/roles.ts';
import { Allowance } from '../callers/allowance.ts';
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
export const BODY_LIMIT = 80 * 1024;

export const IssuedTicket = Type.Object({
  id: Type.String(),
  issuer: nullable(Type.String({ description: "The slice that issued it; null: the node's owner." })),
  holder: Type.String({ description: "The x of the holder's key." }),
  rspec: Amounts,
  from: time('From when it is good'),
  until: time('Until when'),
  slice: nullable(Target),
  issuedAt: time('When it was issued'),
  revoked: Type.Boolean(),
});
export type IssuedTicket = Static<typeof IssuedTicket>;
/** What slices write and tell by it: so many at once, and then one in two seconds. */
const CHANGES = new Allowance(128, 2000);

export function ticketRoutes(server: Server, manager: Manager): void {
  const { identity, events, issued, store, overPromise } = manager;
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
    async ({ body, caller }, reply) => {
      CHANGES.take(caller.name);
      const { to, rspec, slice } = body;
      const seconds = (text: string) => Math.floor(Date.parse(text) / 1000);
      const nbf = body.from === undefined ? Math.floor(Date.now() / 1000) : seconds(body.from);
      const exp = seconds(body.until);
      if (exp <= nbf || exp * 1000 <= Date.now())
        throw new SliverdError(
          'bad-request',
          `until ${body.until}, there is nothing to promise: name a later time`,
        );
      const promise = { rspec, from: nbf * 1000, until: exp * 1000 };
      const { id, ticket } = await issue(identity.key, { rspec, nbf, exp, to, ...(slice ? { slice } : {}) });
      // After it is signed: nobody else's comes between this and that it is known.
      if (caller.name !== null) {
        const { roles } = store.get(caller.name);
        const share = brokerShare(roles, slice);
        if (!share)
          throw new SliverdError('denied', `${caller.name} issues no tickets for ${slice ?? 'all slices'}`, {
            extra: { rule: 'POST /v1/tickets slice' },
          });
        // Of one role, whose share they count for.
        const counts = (one: Issued) => brokerShare(roles, one.slice ?? undefined) === share;
        issued.admit(caller.name, multiplied(share, overPromise), promise, counts);
      }
      issued.add({ id, issuer: caller.name, holder: to.x, ...promise, slice: slice ?? null });
      events.record('ticket.issued', caller.name ?? id, {
        ticket: id,
        to: to.x,
        rspec,
        from: nbf,
        until: exp,
        ...(slice ? { slice } : {}),
      });
      return reply.code(201).send({ id, ticket });
    },
  );

  server.get(
    '/v1/tickets',
    {
      schema: {
        summary: 'Tickets that were issued and are not over for long',
        tags,
        response: { 200: Type.Object({ items: Type.Array(IssuedTicket) }) },
      },
    },
    async ({ caller }) => ({ items: issued.list(caller.name ?? undefined).map(shownIssued) }),
  );

  server.delete(
    '/v1/tickets/:id',
    {
      schema: {
        summary: 'Takes a ticket back: nothing more is redeemed of it; leases that it became go on',
        tags,
        params: Type.Object({ id: Type.String({ maxLength: 64 }) }),
        response: { 200: IssuedTicket },
      },
    },
    async ({ params, caller }) => {
      CHANGES.take(caller.name);
      const revoked = issued.revoke(params.id);
      events.record('ticket.revoked', revoked.issuer ?? params.id, { ticket: params.id });
      return shownIssued(revoked);
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

const multiplied = (share: Amounts, by: number): Amounts =>
  Object.fromEntries(amountsOf(share).map(([key, amount]) => [key, amount * by]));

function shownIssued({ from, until, issuedAt, ...ticket }: Issued): IssuedTicket {
  return { ...ticket, from: timeText(from), until: timeText(until), issuedAt: timeText(issuedAt) };
}

function shown({ ids, holder, rspec, from, until, slice }: Ticket) {
  return {
    ids: [...ids],
    holder: holder ?? null,
    rspec,
    from: timeText(from),
    until: timeText(until),
    slice: slice ?? null,
  };
}
