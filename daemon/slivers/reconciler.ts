import type { Logger } from 'pino';
import type { Environment, Observed, Phase } from '../environments/environment.ts';
import { explain, SliverdError } from '../errors.ts';
import type { EventLog } from '../events/log.ts';
import type { Cause, SliverState } from '../manager/schemas.ts';
import { isExpired, plan, wants } from './plan.ts';
import type { SliverRecord } from './record.ts';
import type { SliverStore } from './store.ts';
import { Turns } from './turns.ts';

/** What is known of a sliver beside its record; in memory, since a daemon that starts anew looks for itself. */
export interface Status {
  state: SliverState;
  since: number;
  doing: string | null;
  pid: number | null;
  cause: Cause | null;
}

const FIRST_RETRY = 1000;
const LAST_RETRY = 300_000;
/** So long nothing that nobody told us of goes unseen, such as a limit changed by hand. */
const LOOK_AT_ALL = 60_000;
/** Phases at a time, over all slivers: the rest of the node has work to do as well. */
const AT_ONCE = 4;
/** So long a sliver keeps others waiting at most, in milliseconds, when it and as many as may go at once hang. */
const PATIENCE = 10_000;
const ROUNDS = 4;

export interface ReconcilerOptions {
  readonly store: SliverStore;
  readonly environments: ReadonlyMap<string, Environment>;
  /** A sliver with what it has for a time, as by a lease: what environments are told. */
  effective(record: SliverRecord): SliverRecord;
  readonly events: EventLog;
  readonly log: Logger;
  /** Called around every step; the fault-injection test kills the daemon in it. */
  readonly onStep?: (when: 'before' | 'after', phase: Phase, step: string, sliver: SliverRecord) => void;
}

/** Makes actual what is desired, one sliver at a time, as often as it takes (docs/decisions/0002-reconciliation.md). */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #status = new Map<number, Status>();
  readonly #watches = new Map<number, () => void>();
  readonly #timers = new Map<number, NodeJS.Timeout>();
  /** When failed slivers are tried again, on the clock of timers, which nobody sets. */
  readonly #retries = new Map<number, number>();
  readonly #turns = new Turns(AT_ONCE, PATIENCE);
  /** How often in a row a sliver's init ended by itself soon after it was started. */
  readonly #deaths = new Map<number, number>();
  #lookAtAll: NodeJS.Timeout | undefined;
  #closed = false;
  /** While the node goes down nothing is wanted to run, whatever the records say. */
  #down = false;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  status(id: number): Status {
    const status = this.#status.get(id);
    if (!status) return { state: 'stopped', since: Date.now(), doing: null, pid: null, cause: null };
    const due = this.#retries.get(id);
    if (!status.cause || due === undefined) return status;
    const retryAt = new Date(Date.now() + due - performance.now()).toISOString();
    return { ...status, cause: { ...status.cause, retryAt } };
  }

  /**
   * Brings a sliver to what its record says, after whatever is under way for it. Resolves when actual is as desired;
   * rejects with the reason when this attempt failed (it is tried again by itself, later and later).
   */
  reconcile(id: number): Promise<void> {
    return this.#inTurn(id, false);
  }

  #inTurn(id: number, again: boolean): Promise<void> {
    if (this.#closed) return Promise.reject(new SliverdError('busy', 'the daemon is ending'));
    return this.#turns.take(String(id), () => this.#attempt(id), again);
  }

  /**
   * Looks at every sliver as the daemon finds it, so that it is told right from the first request on; then brings
   * each to what is desired, in the background. Whatever runs as it should is left alone.
   */
  async adopt(): Promise<void> {
    const records = this.#options.store.list();
    await Promise.all(
      records.map(async (record) => {
        const observed = await this.#environment(record)
          .observe(record)
          .catch(() => undefined);
        const alive = observed?.container === 'running' || observed?.container === 'frozen';
        const state = (alive ? observed.container : 'stopped') as SliverState;
        const pid = observed?.pid ?? null;
        const since = observed?.since ?? Date.now();
        this.#status.set(record.id, { state, since, doing: null, pid, cause: null });
      }),
    );
    const look = () => {
      for (const { id } of this.#options.store.list())
        if (!this.#timers.has(id)) void this.reconcile(id).catch(() => {});
    };
    look();
    this.#lookAtAll = setInterval(look, LOOK_AT_ALL).unref();
  }

  /** Some end now that were not to end yet, or ended too early. All else here counts time that passes. */
  clockWasSet(): void {
    for (const record of this.#options.store.list().filter(({ expiresAt }) => expiresAt !== null)) {
      const waits = this.#retries.has(record.id) && !isExpired(record, Date.now());
      if (waits) this.#wake(record);
      else void this.reconcile(record.id).catch(() => {});
    }
  }

  /** Stops every sliver, leaving the records: the next start brings them back. */
  async down(): Promise<void> {
    this.#down = true;
    const all = this.#options.store.list().map((record) => this.reconcile(record.id));
    const failed = (await Promise.allSettled(all)).filter((result) => result.status === 'rejected');
    if (failed[0]) throw new SliverdError('not-settled', 'stopping all slivers', { cause: failed[0].reason });
  }

  /** Ends all watching and retrying; a step under way is finished first. Slivers run on. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#lookAtAll);
    for (const timer of this.#timers.values()) clearTimeout(timer);
    for (const unwatch of this.#watches.values()) unwatch();
    await this.#turns.idle();
  }

  async #attempt(id: number): Promise<void> {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    const at = { step: 'observe' };
    try {
      await this.#converge(id, at);
    } catch (error) {
      this.#failed(id, at.step, error);
      throw error;
    }
  }

  async #converge(id: number, at: { step: string }): Promise<void> {
    const { store, effective, log } = this.#options;
    let acted = false;
    for (let round = 0; ; round++) {
      const own = store.byId(id);
      if (!own) return;
      const record = effective(own);
      const environment = this.#environment(record);
      at.step = 'observe';
      const observed = await environment.observe(record);
      const asked =
        this.#down && record.desired !== 'deleted' ? { ...record, desired: 'stopped' as const } : record;
      const phases = plan(asked, observed, Date.now());
      // A node that goes down makes no disk: one that can't be made must not keep it from that.
      const skipped = (phase: Phase) =>
        (phase === 'apply' && round > 0) || (phase === 'provision' && this.#down);
      const work = phases.filter((phase) => !skipped(phase));
      if (work.length === 0) return this.#settled(record, observed, acted);
      if (round === ROUNDS)
        throw new SliverdError(
          'internal',
          `${record.name} does not come to rest: ${phases.join(', ')} again`,
        );
      for (const phase of work) await this.#perform(environment, phase, asked, at, log);
      const applied = work.every((phase) => phase === 'apply');
      // That changes nothing of what was observed, and what ended meanwhile is watched no more.
      if (applied && this.#watches.has(id)) return this.#settled(record, observed, acted);
      acted ||= !applied;
    }
  }

  async #perform(
    environment: Environment,
    phase: Phase,
    record: SliverRecord,
    at: { step: string },
    log: Logger,
  ): Promise<void> {
    if (phase === 'stop') this.#unwatch(record.id);
    for (const step of environment.phases[phase]) {
      at.step = `${phase}/${step.name}`;
      const said = log.child({ sliver: record.name, operation: phase, step: step.name });
      this.#doing(record, phase, step.doing);
      this.#options.events.progress('sliver.progress', record.name, {
        phase,
        step: step.name,
        doing: step.doing,
      });
      this.#options.onStep?.('before', phase, step.name, record);
      const began = performance.now();
      await step.act(record, said);
      said.debug({ milliseconds: Math.round(performance.now() - began) }, 'step done');
      this.#options.onStep?.('after', phase, step.name, record);
    }
  }

  #settled(record: SliverRecord, observed: Observed, acted: boolean): void {
    const { store, events } = this.#options;
    this.#retries.delete(record.id);
    if (record.desired === 'deleted') {
      store.remove(record.id);
      this.#status.delete(record.id);
      this.#deaths.delete(record.id);
      events.record('sliver.deleted', record.name, { id: record.id });
      return;
    }
    const alive = observed.container === 'running' || observed.container === 'frozen';
    const expired = isExpired(record, Date.now());
    const state = alive ? (observed.container as SliverState) : expired ? 'expired' : 'stopped';
    const before = this.#status.get(record.id);
    const changed = acted || !before || before.cause !== null;
    this.#status.set(record.id, {
      state,
      since: observed.since ?? (changed ? Date.now() : before.since),
      doing: null,
      pid: observed.pid ?? null,
      cause: null,
    });
    if (acted || before?.cause) events.record(`sliver.${state}`, record.name, { pid: observed.pid ?? null });
    if (alive) this.#watch(record);
    this.#wake(record);
  }

  #doing(record: SliverRecord, phase: Phase, doing: string): void {
    const state: SliverState | undefined =
      record.desired === 'deleted'
        ? 'deleting'
        : phase === 'start' || phase === 'provision'
          ? 'starting'
          : phase === 'stop'
            ? 'stopping'
            : undefined;
    const status = this.status(record.id);
    this.#status.set(record.id, { ...status, ...(state ? { state } : {}), doing });
  }

  #failed(id: number, step: string, error: unknown): void {
    const { store, events, log } = this.#options;
    const record = store.byId(id);
    if (!record) return;
    const before = this.status(id);
    const attempts = (before.cause?.attempts ?? 0) + 1;
    const pause = Math.min(FIRST_RETRY * 2 ** (attempts - 1), LAST_RETRY);
    const reason = explain(error);
    const cause: Cause = {
      step,
      reason,
      since: before.cause?.since ?? new Date().toISOString(),
      attempts,
      retryAt: null, // told by status(), while the daemon goes on
    };
    this.#status.set(id, {
      ...before,
      state: 'failed',
      since: before.cause ? before.since : Date.now(),
      doing: null,
      cause,
    });
    log.warn({ sliver: record.name, step, attempts, err: error }, 'not as desired');
    if (before.cause?.reason !== reason) events.record('sliver.failed', record.name, { step, reason });
    if (this.#closed) return;
    this.#retries.set(id, performance.now() + pause);
    this.#wake(record);
  }

  /** Looks again when a failed sliver is to be tried again, and at its end in any case. */
  #wake(record: SliverRecord): void {
    const now = Date.now();
    const retry = this.#retries.get(record.id);
    const ends = record.expiresAt !== null && wants(record, now) !== 'absent';
    if (this.#closed || (retry === undefined && !ends)) return;
    const pause = retry === undefined ? LOOK_AT_ALL : retry - performance.now();
    const left = ends ? (record.expiresAt ?? now) - now + 50 : pause;
    clearTimeout(this.#timers.get(record.id));
    const again = () => void this.#inTurn(record.id, this.#retries.has(record.id)).catch(() => {});
    this.#timers.set(record.id, setTimeout(again, Math.max(0, Math.min(pause, left))).unref());
  }

  #watch(record: SliverRecord): void {
    if (this.#watches.has(record.id) || this.#closed) return;
    const changed = () => {
      this.#unwatch(record.id);
      this.#options.log.warn({ sliver: record.name }, 'its init ended by itself');
      this.#options.events.record('sliver.died', record.name);
      this.#died(record);
    };
    this.#watches.set(record.id, this.#environment(record).watch(record, changed));
  }

  /** At once the first time, as after a reboot; a guest that reboots again and again takes the node's time, so later and later. */
  #died(record: SliverRecord): void {
    const { id } = record;
    const before = this.status(id);
    const deaths = Date.now() - before.since > LAST_RETRY ? 1 : (this.#deaths.get(id) ?? 0) + 1;
    this.#deaths.set(id, deaths);
    if (deaths === 1) return void this.reconcile(id).catch(() => {});
    const pause = Math.min(FIRST_RETRY * 2 ** (deaths - 2), LAST_RETRY);
    const cause: Cause = {
      step: 'run',
      reason: `its init ended by itself, ${deaths} times soon after its start`,
      since: new Date().toISOString(),
      attempts: deaths,
      retryAt: null, // told by status(), while the daemon goes on
    };
    this.#status.set(id, { ...before, state: 'failed', since: Date.now(), doing: null, pid: null, cause });
    this.#retries.set(id, performance.now() + pause);
    this.#wake(record);
  }

  #unwatch(id: number): void {
    this.#watches.get(id)?.();
    this.#watches.delete(id);
  }

  #environment(record: SliverRecord): Environment {
    const environment = this.#options.environments.get(record.environment);
    if (environment) return environment;
    throw new SliverdError(
      'unsupported',
      `this node does not offer the environment '${record.environment}' any more`,
    );
  }
}
