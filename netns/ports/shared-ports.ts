import type { Denial } from './denials.ts';
import type { Protocol } from './layout.ts';

export interface PortEntry {
  protocol: Protocol;
  /** 0 for a protocol without ports. */
  port: number;
  /** 0 is the node itself. */
  sliver: number;
  since: Date;
  /** A reservation stands with and without sockets. */
  by: 'bind' | 'reservation' | 'node';
  /** How many hold it now, where the kernel counts them. */
  sockets: number;
}

/** Who owns each port of the shared address. */
export interface SharedPorts {
  /** How a sliver comes by one: by binding it, or else by reservation only. */
  readonly had: 'bind' | 'reservation';
  /** Why not by binding it. */
  readonly why?: string;
  list(): PortEntry[];
  /** Holds a port for a sliver, whether it runs or not. `in-use` (with `owner`) when it is another's. */
  reserve(id: number, protocol: Protocol, port: number): void;
  /** Ends a reservation; sockets that hold the port go on. What wasn't reserved is no error, another's is `in-use`. */
  release(id: number, protocol: Protocol, port: number): void;
  /** Takes a port from whoever has it, by bind or by reservation. @returns whose it was, if anybody's */
  revoke(protocol: Protocol, port: number): Promise<PortEntry | undefined>;
  /** The node's own from now on, whether a socket of it is there or not. `in-use` when a sliver has it: revoke it first. */
  keep(protocol: Protocol, port: number): void;
  /** Denied binds, where there are any. One listener. */
  onDenied(told: (denial: Denial) => void): void;
}
