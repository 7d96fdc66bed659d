import { type Static, Type } from 'typebox';
import { SliverdError } from '../../errors.ts';
import { Amounts } from '../../resources/amounts.ts';
import { testify } from '../../resources/leases/evidence.ts';
import type { Lease } from '../../resources/leases/lease.ts';
import { Overpromised, revoked } from '../../resources/leases/leases.ts';
import { stateAt } from '../../resources/schedule.ts';
import type { Issued } from '../../resources/tickets/issued.ts';
import { verify } from '../../resources/tickets/ticket.ts';
import { timeText } from '../../resources/time.ts';
import { noSuchSliver } from '../../slivers/store.ts';
import { Allowance } from '../callers/allowance.ts';
import { holdNamed, seesNamed } from '../callers/caller.ts';
import type { Manager, Server } from '../context.ts';
import { done, nullable, time } from '../schemas.ts';
import { BODY_LIMIT } from './tickets.ts';

const RedeemTicket = Type.Object(
  {
    sliver: Type.String({ maxLength: 256, description: 'Who gets it: the one that the ticket is for.' }),
    ticket: Type.String(),
    from: Type.Optional(time('From when; default: now')),
    until: Type.Optional(time("Until when; default: the ticket's end")),
    unused: Type.Optional(
      Type.Enum(['idle', 'shared'], {
        description:
          'What becomes of its cores (cpu.cores) while it has nothing to do: nobody uses them (default), or all others do.',
      }),
    ),
  },
  { additionalProperties: false },
);
export const ShownLease = Type.Object({
  id: Type.String(),
  sliver: Type.String(),
  rspec: Amounts,
  from: time('From when it is had'),
  until: time('Until when'),
  latest: time('Until when its ticket would have it'),
  cores: Type.Array(Type.Integer(), { description: 'Those that it has alone, by number.' }),
  unused: Type.Enum(['idle', 'shared']),
  state: Type.Enum(['pending', 'active', 'ended'], { description: 'As the clock has it.' }),
  redeemedAt: time('When its ticket was redeemed'),
  issuer: nullable(Type.String({ description: "The slice that issued the ticket; null: the node's owner." })),
  tickets: Type.Array(Type.String(), { description: "Of each of its ticket's links, the first ahead." }),
});
export type ShownLease = Static<typeof ShownLease>;
const Params = Type.Object({ id: Type.String({ maxLength: 64 }) });
const tags = ['leases'];
/** Each is written to the disk, and told: of all that it changes, so many at once, and then one in two seconds. */
const CHANGES = new Allowance(128, 2000);

export function leaseRoutes(server: Server, { identity, leases, issued, store }: Manager): void {
  server.get(
    '/v1/leases',
    {
      schema: {
        summary: 'Leases that are not over, by when they begin',
        tags,
        querystring: Type.Object(
          { sliver: Type.Optional(Type.String({ maxLength: 256 })) },
          { additionalProperties: false },
        ),
        response: { 200: Type.Object({ items: Type.Array(ShownLease) }) },
      },
    },
    async ({ query, caller }) => {
      holdNamed(caller, store, query.sliver);
      const items = leases.schedule
        .list()
        .filter(({ name }) => query.sliver === undefined || name === query.sliver)
        // Who promised it sees what became of it.
        .filter(({ name, issuer }) => issuer === caller.name || seesNamed(caller, store, name));
      return { items: items.map(shown) };
    },
  );

  server.post(
    '/v1/leases',
    {
      bodyLimit: BODY_LIMIT,
      schema: {
        summary:
          'Redeems a ticket: its resources, for the sliver that it is for, until they end by the clock',
        tags,
        body: RedeemTicket,
        response: { 201: ShownLease },
      },
    },
    async ({ body, caller }, reply) => {
      CHANGES.take(caller.name);
      const ticket = await verify(body.ticket, identity, Date.now());
      const sliver = store.get(body.sliver);
      if (sliver.desired === 'deleted') throw noSuchSliver(body.sliver);
      const first = good(ticket.ids);
      try {
        const lease = leases.redeem(ticket, first.issuer, sliver, {
          unused: body.unused,
          ...(body.from === undefined ? {} : { from: Date.parse(body.from) }),
          ...(body.until === undefined ? {} : { until: Date.parse(body.until) }),
        });
        return reply.code(201).send(shown(lease));
      } catch (error) {
        throw await attested(error);
      }
    },
  );

  server.get(
    '/v1/leases/:id',
    {
      schema: {
        summary: 'One lease; for a day after its end too',
        tags,
        params: Params,
        response: { 200: ShownLease },
      },
    },
    async ({ params }) => shown(leases.get(params.id)),
  );

  server.patch(
    '/v1/leases/:id',
    {
      schema: {
        summary: "Another end, within its ticket's time",
        tags,
        params: Params,
        body: Type.Object({ until: time('Until when') }, { additionalProperties: false }),
        response: { 200: ShownLease },
      },
    },
    async ({ params, body, caller }) => {
      CHANGES.take(caller.name);
      const [lease, until] = [leases.get(params.id), Date.parse(body.until)];
      // Who took it back has promised the time after to others.
      if (until > lease.until) good(lease.ids);
      try {
        return shown(leases.renew(lease.id, until));
      } catch (error) {
        throw await attested(error);
      }
    },
  );

  server.delete(
    '/v1/leases/:id',
    {
      schema: {
        summary: 'Gives it back before its end',
        tags,
        params: Params,
        response: { 204: done('It is over.') },
      },
    },
    async ({ params, caller }, reply) => {
      CHANGES.take(caller.name);
      leases.end(params.id);
      return reply.code(204).send();
    },
  );

  /** The ticket that the node issued, of which there may be more. Throws `ticket-revoked`. @param ids of its links */
  function good([first = '']: readonly string[]): Issued {
    const ticket = issued.find(first);
    if (!ticket) throw revoked('the node knows nothing of having issued it');
    if (ticket.revoked) throw revoked('who issued it took it back');
    return ticket;
  }

  /** What whoever lost can show to others, signed by the node. */
  async function attested(error: unknown): Promise<unknown> {
    if (!(error instanceof Overpromised)) return error;
    const evidence = await testify(identity, error.evidence, Date.now());
    return new SliverdError(error.code, error.message, { cause: error.cause, extra: { evidence } });
  }
}

function shown(lease: Lease): ShownLease {
  return {
    id: lease.id,
    sliver: lease.name,
    rspec: lease.rspec,
    from: timeText(lease.from),
    until: timeText(lease.until),
    latest: timeText(lease.latest),
    cores: [...lease.cores],
    unused: lease.unused,
    state: stateAt(lease, Date.now()),
    redeemedAt: timeText(lease.redeemedAt),
    issuer: lease.issuer,
    tickets: [...lease.ids],
  };
}
