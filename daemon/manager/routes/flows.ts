import { Type } from 'typebox';
import { addressText, packAddress, unmapped } from '../../../netns/address.ts';
import { SliverdError } from '../../errors.ts';
import type { NamedFlow } from '../../slivers/flows.ts';
import type { Manager, Server } from '../context.ts';
import { protocolName, protocolNumber } from '../protocols.ts';
import { Flow, FlowGap, FlowQuery, nullable } from '../schemas.ts';

const LIMIT = 100;

export function flowRoutes(server: Server, { flows }: Manager): void {
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
    async ({ query }) => {
      const { from, to } = query;
      const found = await flows.find(
        {
          source: end('source', query.source, query.sourcePort),
          destination: end('destination', query.destination, query.destinationPort),
          ...(query.protocol ? { protocol: protocolNumber(query.protocol) } : {}),
          ...(from ? { from: Date.parse(from) } : {}),
          ...(to ? { to: Date.parse(to) } : {}),
        },
        Number(query.limit ?? LIMIT),
        query.sliver,
        query.after === undefined ? undefined : Number(query.after),
      );
      return {
        items: found.flows.map(shown),
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

const timeText = (milliseconds: number) => new Date(milliseconds).toISOString();
