import { Type } from 'typebox';
import { addressText, packAddress, unmapped } from '../../../netns/address.ts';
import { SliverdError } from '../../errors.ts';
import { timeText } from '../../resources/time.ts';
import type { NamedFlow } from '../../slivers/flows.ts';
import { noSuchSliver } from '../../slivers/store.ts';
import { type Caller, seesNamed } from '../callers/caller.ts';
import { OneEach } from '../callers/costly.ts';
import type { Manager, Server } from '../context.ts';
import { protocolName, protocolNumber } from '../protocols.ts';
import { Flow, FlowGap, FlowQuery, nullable } from '../schemas.ts';

const LIMIT = 100;

export function flowRoutes(server: Server, { flows, store }: Manager): void {
  const searches = new OneEach();
  /** Whose flows a caller is answered with, and from when: those of an earlier slice of a name are not the later one's. */
  const scope = (caller: Caller, asked: string | undefined): { slice?: string; from?: number } => {
    if (caller.titles().has('flows')) return asked === undefined ? {} : { slice: asked };
    const slice = asked ?? caller.name ?? '';
    const record = store.find(slice);
    if (!record || !caller.sees(record)) throw noSuchSliver(slice);
    return { slice, from: record.createdAt };
  };
  /** Who the other end was is told to those alone who may see it. */
  const masked = (caller: Caller, flow: NamedFlow): NamedFlow => {
    if (caller.titles().has('flows')) return flow;
    const own = seesNamed(caller, store, flow.slice);
    return {
      ...flow,
      slice: own ? flow.slice : null,
      peer: seesNamed(caller, store, flow.peer) ? flow.peer : null,
      inside: own ? flow.inside : null,
    };
  };

  server.get(
    '/v1/flows',
    {
      schema: {
        summary: "Which slice's a flow was: those that go on first, then the latest end first",
        tags: ['flows'],
        querystring: FlowQuery,
        response: {
          200: Type.Object({
            items: Type.Array(Flow),
            gaps: Type.Array(FlowGap, { description: 'Of when there may be others.' }),
            more: Type.Boolean({ description: 'Whether there are more than `limit`.' }),
            next: nullable(
              Type.String({
                description: "What is older wasn't looked at: ask again, with this as `after`.",
              }),
            ),
          }),
        },
      },
    },
    async ({ query, caller }) => {
      const { slice, from: since } = scope(caller, query.sliver);
      const { to } = query;
      const times = [query.from && Date.parse(query.from), since].filter((time) => typeof time === 'number');
      const search = () =>
        flows.find(
          {
            source: end('source', query.source, query.sourcePort),
            destination: end('destination', query.destination, query.destinationPort),
            ...(query.protocol ? { protocol: protocolNumber(query.protocol) } : {}),
            ...(times.length > 0 ? { from: Math.max(...times) } : {}),
            ...(to ? { to: Date.parse(to) } : {}),
          },
          Number(query.limit ?? LIMIT),
          slice,
          query.after === undefined ? undefined : Number(query.after),
        );
      const found = await (caller.name === null ? search() : searches.run(caller.name, search));
      return {
        items: found.flows.map((flow) => shown(masked(caller, flow))),
        gaps: found.gaps.map((gap) => ({ ...gap, from: timeText(gap.from), to: timeText(gap.to) })),
        more: found.more,
        next: found.next === undefined ? null : String(found.next),
      };
    },
  );
}

function end(name: string, text: string | undefined, port: string | undefined) {
  const address = text === undefined ? undefined : packAddress(text);
  if (text !== undefined && !address)
    throw new SliverdError('bad-request', `${name}: '${text}' is not an IPv4 or IPv6 address`);
  return {
    ...(address ? { address: unmapped(address) } : {}),
    ...(port === undefined ? {} : { port: Number(port) }),
  };
}

function shown(flow: NamedFlow): Flow {
  const local = { address: addressText(flow.local), port: flow.localPort };
  const remote = { address: addressText(flow.remote), port: flow.remotePort };
  const names: Record<number, string> = { 6: 'tcp', 17: 'udp' };
  return {
    slice: flow.slice,
    peer: flow.peer,
    protocol: names[flow.protocol] ?? String(flow.protocol),
    protocolName: protocolName(flow.protocol),
    source: flow.inbound ? remote : local,
    destination: flow.inbound ? local : remote,
    inside: flow.inside,
    inbound: flow.inbound,
    sent: flow.sent,
    received: flow.received,
    start: flow.start ? timeText(flow.start) : null,
    end: flow.open ? null : timeText(flow.end),
  };
}
