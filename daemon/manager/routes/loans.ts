import { type Static, Type } from 'typebox';
import { Amounts } from '../../resources/amounts.ts';
import type { Loan } from '../../resources/loans/loan.ts';
import { stateAt } from '../../resources/schedule.ts';
import { timeText } from '../../resources/time.ts';
import { noSuchSliver } from '../../slivers/store.ts';
import { Allowance } from '../callers/allowance.ts';
import { holdNamed, seesNamed } from '../callers/caller.ts';
import type { Manager, Server } from '../context.ts';
import { done, time } from '../schemas.ts';

const Name = Type.String({ maxLength: 256 });
const Lend = Type.Object(
  {
    sliver: Type.String({ maxLength: 256, description: 'Who lends.' }),
    to: Type.String({ maxLength: 256, description: 'The sliver of this node that gets it.' }),
    rspec: Amounts,
    until: time('Until when'),
  },
  { additionalProperties: false },
);
const ShownLoan = Type.Object({
  id: Type.String(),
  lender: Type.String(),
  borrower: Type.String(),
  rspec: Amounts,
  from: time('Since when'),
  until: time('Until when'),
  state: Type.Enum(['pending', 'active', 'ended'], { description: 'As the clock has it.' }),
});
export type ShownLoan = Static<typeof ShownLoan>;
const Params = Type.Object({ id: Type.String({ maxLength: 64 }) });
const tags = ['loans'];
const BODY_LIMIT = 4096;
/** Each is written to the disk, and told twice: so many at once, and then one in two seconds. */
const CHANGES = new Allowance(128, 2000);

export function loanRoutes(server: Server, { loans, store }: Manager): void {
  const live = (name: string) => {
    const record = store.get(name);
    if (record.desired === 'deleted') throw noSuchSliver(name);
    return record;
  };

  server.get(
    '/v1/loans',
    {
      schema: {
        summary: 'What slivers have of each other for a time, by when that began',
        tags,
        querystring: Type.Object({ sliver: Type.Optional(Name) }, { additionalProperties: false }),
        response: { 200: Type.Object({ items: Type.Array(ShownLoan) }) },
      },
    },
    async ({ query, caller }) => {
      holdNamed(caller, store, query.sliver);
      const items = loans.schedule
        .list()
        .map(shown)
        .filter(
          ({ lender, borrower }) => query.sliver === undefined || [lender, borrower].includes(query.sliver),
        )
        .filter(({ lender, borrower }) => [lender, borrower].some((name) => seesNamed(caller, store, name)));
      return { items };
    },
  );

  server.post(
    '/v1/loans',
    {
      bodyLimit: BODY_LIMIT,
      schema: {
        summary: "Lends of a sliver's own resources to another of this node",
        tags,
        body: Lend,
        response: { 201: ShownLoan },
      },
    },
    async ({ body, caller }, reply) => {
      CHANGES.take(caller.name);
      const [lender, borrower] = [live(body.sliver), live(body.to)];
      return reply.code(201).send(shown(loans.lend(lender, borrower, body.rspec, Date.parse(body.until))));
    },
  );

  server.get(
    '/v1/loans/:id',
    { schema: { summary: 'One loan', tags, params: Params, response: { 200: ShownLoan } } },
    async ({ params }) => shown(loans.get(params.id)),
  );

  server.delete(
    '/v1/loans/:id',
    {
      schema: {
        summary: 'Takes it back, or gives it back',
        tags,
        params: Params,
        response: { 204: done('It is over.') },
      },
    },
    async ({ params, caller }, reply) => {
      CHANGES.take(caller.name);
      loans.end(params.id, caller.name ?? 'the administrator');
      return reply.code(204).send();
    },
  );
}

function shown(loan: Loan): ShownLoan {
  const { id, lender, borrower, rspec, from, until } = loan;
  return {
    id,
    lender,
    borrower,
    rspec,
    from: timeText(from),
    until: timeText(until),
    state: stateAt(loan, Date.now()),
  };
}
