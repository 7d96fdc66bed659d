import type { Environment } from '../environments/environment.ts';
import type { NodeFacts, NodeStatus } from '../manager/schemas.ts';
import type { Capacity } from '../resources/admission.ts';
import type { Reconciler } from '../slivers/reconciler.ts';
import type { SliverStore } from '../slivers/store.ts';
import type { Config } from './config.ts';
import { degradations } from './degraded.ts';
import type { Finding } from './doctor/index.ts';
import type { Findings } from './findings.ts';
import type { Identity } from './identity.ts';

export interface NodeOptions {
  readonly identity: Identity;
  readonly config: Config;
  readonly version: string;
  readonly capacity: Capacity;
  /** Where ssh comes in. */
  readonly door?: {
    readonly port: number;
    readonly hostKeys: NonNullable<NodeStatus['access']>['hostKeys'];
    readonly finding: Finding;
  };
  /** Who is kept from it for a while. */
  held(): NonNullable<NonNullable<NodeStatus['access']>['held']>;
  /** Bytes that slivers can still write now. */
  diskFree(): number;
  readonly findings: Findings;
  readonly environments: ReadonlyMap<string, Environment>;
  readonly store: SliverStore;
  readonly reconciler: Reconciler;
  /** Undoes what the node made in the kernel beside its slivers. */
  undo(): Promise<void>;
  /** Ends the daemon. */
  end(): void;
}

/** The node as a whole: what it is, what it lacks, and how it goes down. */
export class Node {
  readonly #options: NodeOptions;
  readonly #startedAt = new Date().toISOString();

  constructor(options: NodeOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.config.name;
  }

  /** What a slice decides by, and no more: nothing of others, nor of where things are on the machine. */
  facts(): NodeFacts {
    const { config, version, capacity, environments, findings, door, identity } = this.#options;
    return {
      name: config.name,
      version,
      key: { public: identity.public, thumbprint: identity.thumbprint },
      startedAt: this.#startedAt,
      degraded: degradations(this.#with(findings.current), environments.values()),
      environments: [...environments.keys()],
      access: door ? { port: door.port, hostKeys: door.hostKeys } : null,
      expiry: { days: told(config.expiry.days), graceDays: told(config.expiry.graceDays) },
      capacity: { ...capacity, diskFreeBytes: this.#options.diskFree() },
    };
  }

  /** All that its owner is told. */
  status(): NodeStatus {
    const { config, store, reconciler, held } = this.#options;
    const slivers: Record<string, number> = {};
    for (const record of store.list()) {
      const { state } = reconciler.status(record.id);
      slivers[state] = (slivers[state] ?? 0) + 1;
    }
    const { access, ...facts } = this.facts();
    return {
      ...facts,
      access: access && { ...access, held: held() },
      pid: process.pid,
      slivers,
      stateDirectory: config.stateDirectory,
      cgroup: config.cgroup,
    };
  }

  /** Tries again all that the node needs. */
  async examine(): Promise<Finding[]> {
    return this.#with(await this.#options.findings.examine());
  }

  /** Findings of the machine, and that of the front door. */
  #with(findings: readonly Finding[]): Finding[] {
    const { door } = this.#options;
    return [...findings, ...(door ? [door.finding] : [])];
  }

  /** Stops every sliver and undoes everything; the records and disks stay. Returns how many slivers there are. */
  async down(): Promise<number> {
    await this.#options.findings.idle();
    await this.#options.reconciler.down();
    await this.#options.undo();
    return this.#options.store.list().length;
  }

  end(): void {
    this.#options.end();
  }
}

function told(days: number): number | 'max' {
  return Number.isFinite(days) ? days : 'max';
}
