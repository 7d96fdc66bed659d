import type { Readable, Writable } from 'node:stream';
import type { Logger } from 'pino';
import type { NetworkUsage, Refused } from '../../netns/network-limits.ts';
import type { SliverRecord } from '../slivers/record.ts';

/**
 * How a sliver is executed, behind one small interface: `namespaces` (crun) and `docker` (an engine that the owner
 * runs already). An environment observes and acts; what should be is decided above it (slivers/plan.ts).
 *
 * Work is cut into named steps, so that a cause can name one and the fault-injection test can kill the daemon at
 * each. A step is idempotent: run again after a crash anywhere, it leads to the same end.
 */
export const PHASES = ['provision', 'start', 'apply', 'freeze', 'thaw', 'stop', 'discard'] as const;
export type Phase = (typeof PHASES)[number];

export interface Step {
  readonly name: string;
  /** What a person waits for, as in "making the disk". */
  readonly doing: string;
  act(sliver: SliverRecord, log: Logger): Promise<void>;
}

/** What exists of one sliver. */
export interface Observed {
  /**
   * `absent`: nothing runs and nothing of a run is left. `partial`: a start or stop was cut short, or the init
   * died; the `stop` phase clears it.
   */
  readonly container: 'absent' | 'partial' | 'running' | 'frozen';
  /** Of the container, when it runs: the record's numbers at its start. */
  readonly run?: number;
  readonly disk?: number;
  /** The init, as the host sees it. */
  readonly pid?: number;
  /** When it came to run, or to be frozen: milliseconds since 1970. */
  readonly since?: number;
  /** Complete writable layers, by generation. */
  readonly disks: readonly number[];
  /** Unfinished or unwanted pieces of disks that `discard` clears. */
  readonly debris: boolean;
}

/** Totals since the sliver's start; a value the kernel does not give is absent. Bytes, microseconds, counts. */
/** What a slice has had of today from and to the world, exempt destinations apart. */
export interface DayUsage {
  readonly up: DayWay;
  readonly down: DayWay;
  /** When the day ends (RFC 3339, UTC). */
  readonly ends: string;
}
export interface DayWay {
  readonly bytes: number;
  /** Of so many; absent: it may have as many as it likes. */
  readonly of?: number;
  /** Bits per second that it is slowed to, so that the rest lasts. */
  readonly slowedTo?: number;
}

export interface Usage {
  cpuMicroseconds?: number;
  cpuThrottledMicroseconds?: number;
  memoryBytes?: number;
  memoryPeakBytes?: number;
  memoryEvents?: Record<string, number>;
  processes?: number;
  pidsRefused?: number;
  io?: { readBytes: number; writeBytes: number; reads: number; writes: number };
  diskBytes?: number;
  diskInodes?: number;
  /** What the node itself has used for its sessions by ssh: sshd's processes, beside what runs inside. */
  sessions?: Pick<Usage, 'cpuMicroseconds' | 'memoryBytes' | 'processes'>;
  /** What was refused is of its whole life. */
  network?: NetworkUsage & { day?: DayUsage; refused?: Refused };
  /** Pressure stall information: share of time (percent, 10 s average) that some or all tasks waited. */
  pressure?: Record<'cpu' | 'memory' | 'io', { some: number; full: number }>;
}

/** Who a program may be told to run as. */
export const USER = '^([0-9]{1,5}(:[0-9]{1,5})?|[A-Za-z_][A-Za-z0-9_.-]{0,31}[$]?)$';

export interface ExecRequest {
  readonly argv: readonly string[];
  readonly env?: Record<string, string>;
  readonly cwd?: string;
  /** A name in its /etc/passwd, `uid` or `uid:gid` as numbers inside (USER). */
  readonly user?: string;
  /** A terminal of this size; absent: three separate streams. */
  readonly terminal?: { columns: number; rows: number };
}

export interface ExecProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** With a terminal there is one stream only. */
  readonly stderr: Readable | null;
  resize(columns: number, rows: number): void;
  /** Ends what was started, as a hang-up does. */
  kill(signal: NodeJS.Signals): void;
  /** Nobody reads it any more: hangs up, and lets go of it, so that nothing of ours stays with one that goes on. */
  abandon(): void;
  /** Settles once the process has ended and its output has been handed over. */
  readonly ended: Promise<{ exitCode: number } | { signal: string }>;
}

export interface Environment {
  readonly name: string;
  /** What it can't give on this node, as far as it knows by now: a promise that does not hold is said. */
  readonly degraded?: readonly { what: string; why: string; cost: string }[];
  readonly phases: Readonly<Record<Phase, readonly Step[]>>;
  observe(sliver: SliverRecord): Promise<Observed>;
  usage(sliver: SliverRecord): Promise<Usage>;
  /**
   * Where what it uses is counted, at the price of a file or two; undefined where that is out of sight.
   * @param pid the init, as the host sees it
   */
  cgroup(sliver: SliverRecord, pid: number): string | undefined;
  /** Its init as the host sees it, looked up now: another has its number once it is gone. Undefined where it doesn't run, or out of sight. */
  init(sliver: SliverRecord): Promise<number | undefined>;
  exec(sliver: SliverRecord, request: ExecRequest): Promise<ExecProcess>;
  /** The last bytes of what the initscript and the init wrote, at most 64 KiB. */
  log(sliver: SliverRecord): Promise<string>;
  /** Calls back when a sliver may have changed by itself (its init died); returns what ends the watching. */
  watch(sliver: SliverRecord, changed: () => void): () => void;
  /** Removes whatever belongs to this node but to none of these slivers; returns what it removed, for the log. */
  sweep(known: ReadonlySet<number>): Promise<string[]>;
  close(): Promise<void>;
}
