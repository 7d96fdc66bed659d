import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { Logger } from 'pino';
import type { SliverNetwork } from '../../netns/sliver-network.ts';
import type { Sessions } from '../access/sessions/sessions.ts';
import type { EventLog } from '../events/log.ts';
import type { ImageStore } from '../images/store.ts';
import type { Config } from '../node/config.ts';
import type { Identity } from '../node/identity.ts';
import type { Node } from '../node/node.ts';
import type { Leases } from '../resources/leases/leases.ts';
import type { Loans } from '../resources/loans/loans.ts';
import type { IssuedTickets } from '../resources/tickets/issued.ts';
import type { Sensors } from '../sensors/sensors.ts';
import type { Admission } from '../slivers/admission.ts';
import type { Days } from '../slivers/days/days.ts';
import type { EffectiveSlivers } from '../slivers/effective.ts';
import type { Expiry } from '../slivers/expiry/expiry.ts';
import type { Flows } from '../slivers/flows.ts';
import type { Ports } from '../slivers/ports.ts';
import type { Reconciler } from '../slivers/reconciler.ts';
import type { Refusals } from '../slivers/refusals.ts';
import type { SliverService } from '../slivers/service.ts';
import type { SliverStore } from '../slivers/store.ts';
import type { Denials } from './callers/denials.ts';

/** What the routes work with. */
export interface Manager {
  readonly node: Node;
  readonly identity: Identity;
  readonly store: SliverStore;
  readonly slivers: SliverService;
  readonly reconciler: Reconciler;
  readonly images: ImageStore;
  readonly network: Pick<SliverNetwork, 'addresses'>;
  readonly ports: Ports;
  readonly flows: Flows;
  readonly refusals: Refusals;
  readonly days: Pick<Days, 'usage'>;
  readonly expiry: Pick<Expiry, 'left'>;
  /** None where nobody logs in by ssh. */
  readonly sessions: Sessions | undefined;
  readonly issued: IssuedTickets;
  readonly leases: Leases;
  readonly loans: Loans;
  readonly admission: Admission;
  readonly effective: EffectiveSlivers;
  /** By how much slices that issue tickets may promise more than their share: 1 is not at all. */
  readonly overPromise: number;
  readonly sensors: Sensors;
  /** Whose sensors the owner lets slices read (node.yaml). */
  readonly readers: Config['sensors'];
  readonly events: EventLog;
  readonly denials: Denials;
  /** Ends what a slice has under way by its socket. */
  disconnect(sliver: { id: number }): void;
  readonly log: Logger;
}

export type Server = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

/** Whether a client wants its answer at once and not when the work is done (RFC 7240). */
export function respondAsync(headers: Record<string, string | string[] | undefined>): boolean {
  return /(^|[,;\s])respond-async([,;\s]|$)/i.test(String(headers.prefer ?? ''));
}
