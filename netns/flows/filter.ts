import type { Flow } from './flow.ts';

/** What flows are asked for; all that is given must hold. Source is who began a flow, as seen outside. */
export interface Filter {
  readonly source?: End;
  readonly destination?: End;
  readonly protocol?: number;
  /** The id of a sliver: flows of its own, and of others to it. */
  readonly sliver?: number;
  /** Milliseconds since 1970: flows that were there at some time between these. */
  readonly from?: number;
  readonly to?: number;
}

export interface End {
  readonly address?: Uint8Array;
  readonly port?: number;
}

/** The same for flows of one direction, in terms of how they are kept. */
export interface Variant {
  readonly inbound: boolean;
  readonly local: End;
  readonly remote: End;
}

const NOBODY: End = {};

/** One for each direction: who began a flow is the local side of what went out, and the remote one of what came in. */
export function variants({ source = NOBODY, destination = NOBODY }: Filter): Variant[] {
  return [
    { inbound: false, local: source, remote: destination },
    { inbound: true, local: destination, remote: source },
  ];
}

/** Whether a flow that is at hand is asked for; what segments answer is asked by SQL (segment.ts). */
export function matches(filter: Filter, flow: Flow): boolean {
  const { protocol, sliver, from = -Infinity, to = Infinity } = filter;
  const [out, into] = variants(filter);
  const ends = flow.inbound ? into : out;
  return (
    fits(ends?.remote, flow.remote, flow.remotePort) &&
    fits(ends?.local, flow.local, flow.localPort) &&
    (protocol === undefined || flow.protocol === protocol) &&
    (sliver === undefined || flow.sliver === sliver || flow.peer === sliver) &&
    flow.end >= from &&
    flow.start <= to
  );
}

function fits({ address, port }: End = NOBODY, thatAddress: Uint8Array, thatPort: number): boolean {
  return (
    (!address || Buffer.compare(address, thatAddress) === 0) && (port === undefined || port === thatPort)
  );
}
