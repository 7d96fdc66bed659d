/** What a sliver may have of the network, in numbers. A bound that is `Infinity` doesn't bind. */
export interface NetworkLimits {
  /** From the sliver to the world. */
  readonly up: Rates;
  /** From the world to the sliver. */
  readonly down: Rates;
  /** Share of what minimum rates leave, under contention; 100 is usual. */
  readonly weight: number;
  readonly flows: FlowLimits;
}

/** What it may begin. */
export interface FlowLimits {
  /** Most connections at once, from and to it. */
  readonly connections: number;
  /** Destinations in the world that it reaches anew, as many at once and as many a minute. */
  readonly destinationsPerMinute: number;
}

/** Bits per second. */
export interface Rates {
  readonly min: number;
  readonly max: number;
  /** To or from the owner's exempt destinations. */
  readonly exemptMax: number;
}

/** What the owner gives of the uplink. */
export interface Caps {
  /** Bits per second to the world, of slivers and the node together. */
  readonly up: number;
  /** Bits per second from the world to slivers. */
  readonly down: number;
  /** Prefixes (`192.0.2.0/24`, `2001:db8::/32`) whose traffic the caps don't hold back. */
  readonly exempt: readonly string[];
}
export const NO_CAPS: Caps = { up: Number.POSITIVE_INFINITY, down: Number.POSITIVE_INFINITY, exempt: [] };

const FREE: Rates = { min: 0, max: Number.POSITIVE_INFINITY, exemptMax: Number.POSITIVE_INFINITY };
export const NO_LIMITS: NetworkLimits = {
  up: FREE,
  down: FREE,
  weight: 100,
  flows: { connections: Number.POSITIVE_INFINITY, destinationsPerMinute: Number.POSITIVE_INFINITY },
};

/** What went through a sliver's network since it was connected; what this node can't tell is absent. */
export interface NetworkUsage {
  /** Bytes between it and the world, as on the link, with all headers; exempt destinations apart. */
  readonly bytes?: Bytes;
  /** What its rates did to its packets. */
  readonly held?: { readonly up: Held; readonly down: Held };
}

/** Packets of a sliver that weren't let through, by why. */
export interface Refused {
  /** Of connections beyond `net.connections`. */
  readonly connections: number;
  /** Of connections that it began faster than it may fill that. */
  readonly rate: number;
  /** To destinations beyond `net.destinations.minute`. */
  readonly destinations: number;
  /** To what the owner of the node wants nobody to reach (`network.refuse`). */
  readonly owner: number;
  /** From addresses that aren't its own. */
  readonly spoofed: number;
}

export interface Held {
  /** How often it had sent, or got, what it may for the moment, and the next packet had to wait. */
  readonly times: number;
  /** Packets that found too many waiting. */
  readonly dropped: number;
}

/** Bytes between slivers and the world, exempt destinations apart, by sliver's id. They outlive the daemon. */
export interface TrafficCounters {
  /** Those that began anew, as after a reboot, have another. */
  readonly name: string;
  /** Grows, whoever has the id. */
  total(id: number): { up: number; down: number };
  /** What it was when the sliver was connected. */
  base(id: number): { up: number; down: number };
  /** From now on the id is another one's, or nobody's. */
  begin(id: number): void;
}

export interface Bytes {
  readonly up: number;
  readonly down: number;
  readonly exemptUp: number;
  readonly exemptDown: number;
}
