import type { FastifyRequest } from 'fastify';
import { SliverdError } from '../../errors.ts';
import { noSuchLease } from '../../resources/leases/leases.ts';
import { noSuchLoan } from '../../resources/loans/loans.ts';
import { noSuchTicket } from '../../resources/tickets/issued.ts';
import { protocolOf } from '../../slivers/ports.ts';
import type { SliverRecord } from '../../slivers/record.ts';
import { noSuchSliver } from '../../slivers/store.ts';
import type { Manager, Server } from '../context.ts';
import type { Caller, Title } from './caller.ts';
import { callerOf } from './connections.ts';
import { ADMINISTRATORS_MEMBERS, RIGHTS, type Right } from './rights.ts';

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller;
  }
}

/**
 * The one place where requests are let through or not, before a route sees them. What the table of rights doesn't have is denied, and a
 * route that it doesn't have isn't even registered.
 */
export function addGate(server: Server, manager: Manager): void {
  server.addHook('onRoute', ({ method, url }) => {
    for (const one of [method].flat())
      if (one !== 'HEAD' && !RIGHTS[`${one} ${url}`])
        throw new Error(`${one} ${url} is not in the table of rights (manager/callers/rights.ts)`);
  });
  server.decorateRequest('caller');

  // Before the body is read: who may not ask doesn't get to send a megabyte.
  server.addHook('onRequest', async (request) => {
    const caller = callerOf(request.raw.socket);
    if (!caller) throw new SliverdError('denied', 'nobody knows who asks', { extra: { rule: 'caller' } });
    request.caller = caller;
    const rule = ruleOf(request);
    if (!rule || caller.name === null) return;
    const { about } = rule.right;
    if (about === 'node' || about === 'list' || about === 'new' || about === 'body')
      return hold(request, rule, caller.titles());
    holdFor(request, rule, subjectOf(manager, about, request));
  });

  // What the body names is known only now, and checked to be as the API describes it.
  server.addHook('preHandler', async (request) => {
    const { caller } = request;
    const rule = ruleOf(request);
    if (!rule || caller.name === null) return;
    const body = (request.body ?? {}) as Record<string, unknown>;
    if (rule.right.about === 'body') {
      const name = String(body.sliver);
      holdFor(request, rule, subject(noSuchSliver(name), manager.store.find(name)));
    }
    if (rule.right.about === 'new' && !caller.creates(String(body.name)))
      deny(request, rule.name, `${caller.name} is no authority of slices of that name`);
    if (rule.right.about !== 'new' && rule.name !== 'PATCH /v1/slivers/:name') return;
    for (const member of ADMINISTRATORS_MEMBERS)
      if (body[member] !== undefined)
        deny(request, `${rule.name} ${member}`, `'${member}' is the administrator's to set`);
  });

  function holdFor(request: FastifyRequest, rule: Rule, { records, none }: Subject): void {
    const titles = new Set(records.flatMap((record) => [...request.caller.titlesFor(record)]));
    // Alike whether it is there or not.
    if (titles.size === 0) throw none;
    hold(request, rule, titles);
  }

  function hold(request: FastifyRequest, { name, right }: Rule, has: ReadonlySet<Title>): void {
    if (right.titles.some((title) => has.has(title))) return;
    const may = ['the administrator', ...right.titles].join(', ');
    deny(
      request,
      name,
      `${name} is for: ${may}; ${request.caller.name} is: ${[...has].join(', ') || 'none'}`,
    );
  }

  function deny(request: FastifyRequest, rule: string, why: string): never {
    const slice = request.caller.name ?? '';
    manager.denials.count(slice, rule);
    throw new SliverdError('denied', why, { extra: { rule } });
  }
}

interface Rule {
  readonly name: string;
  readonly right: Right;
}

/** None of a path that isn't there, which is told to everybody. */
function ruleOf(request: FastifyRequest): Rule | undefined {
  const { url } = request.routeOptions;
  if (url === undefined) return undefined;
  const name = `${request.method === 'HEAD' ? 'GET' : request.method} ${url}`;
  // `onRoute` saw to it that there is one.
  return { name, right: RIGHTS[name] ?? { about: 'node', titles: [] } };
}

/** Whom a request is about, and what is answered when there is no such. Of a loan that is two. */
interface Subject {
  readonly records: readonly SliverRecord[];
  readonly none: SliverdError;
}
const subject = (none: SliverdError, ...records: (SliverRecord | undefined)[]): Subject => ({
  records: records.filter((record) => record !== undefined),
  none,
});

function subjectOf(manager: Manager, about: Right['about'], request: FastifyRequest): Subject {
  const { store, ports, sessions, leases, loans, issued } = manager;
  const { name = '', protocol = '', port = '', id = '' } = request.params as Record<string, string>;
  switch (about) {
    case 'port': {
      const owner = ports.reservedBy(protocolOf(protocol), Number(port));
      const none = new SliverdError('not-found', `${protocol}/${port} is not reserved`);
      return subject(none, owner === undefined ? undefined : store.byId(owner));
    }
    case 'session': {
      const slice = sessions?.list().find((one) => one.id === id)?.slice;
      const none = new SliverdError('not-found', `there is no session '${id.slice(0, 60)}'`);
      return subject(none, slice === undefined ? undefined : store.find(slice));
    }
    case 'lease': {
      const { slivers = [] } = leases.schedule.find(id) ?? {};
      return subject(noSuchLease(id), ...slivers.map((sliver) => store.byId(sliver)));
    }
    case 'loan': {
      const { slivers = [] } = loans.schedule.find(id) ?? {};
      return subject(noSuchLoan(id), ...slivers.map((sliver) => store.byId(sliver)));
    }
    case 'ticket': {
      const issuer = issued.find(id)?.issuer;
      return subject(noSuchTicket(id), issuer ? store.find(issuer) : undefined);
    }
    default:
      return subject(noSuchSliver(name), store.find(name));
  }
}
