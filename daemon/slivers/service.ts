import type { Environment } from '../environments/environment.ts';
import { SliverdError } from '../errors.ts';
import type { EventLog } from '../events/log.ts';
import type { ChangeSliver, CreateSliver } from '../manager/schemas.ts';
import { mergeRSpec, type RSpec } from '../resources/rspec.ts';
import { endOf } from './expiry/end.ts';
import { checkKeys } from './keys/check.ts';
import type { LoginFiles, LoginRules } from './keys/files.ts';
import { type AskedRevocation, checkRevocation, NOTHING_REVOKED, revoke } from './keys/revocation.ts';
import { changedKeys, laidOver, without } from './keys/set.ts';
import { checkName } from './names.ts';
import { isExpired } from './plan.ts';
import type { Reconciler } from './reconciler.ts';
import type { SliverRecord } from './record.ts';
import { admitShare } from './shares.ts';
import type { SliverStore } from './store.ts';

export interface SliverServiceOptions {
  readonly store: SliverStore;
  readonly reconciler: Reconciler;
  readonly environments: ReadonlyMap<string, Environment>;
  readonly events: EventLog;
  readonly profiles: ReadonlySet<string>;
  readonly defaults: { image: string; profile: string; rspec: RSpec; expiry: { days: number } };
  readonly loginFiles: LoginFiles;
  /** Digest of an image by name; throws `not-found`. */
  imageDigest(name: string): string;
  /** Refuses what the node has no room for. @param before the sliver, when it isn't new */
  admit(rspec: RSpec, before?: SliverRecord): void;
}

export type Action = 'start' | 'stop' | 'restart' | 'freeze' | 'thaw' | 'reset';

/**
 * What can be asked for. Each request changes the record, durably, and then lets reconciliation follow it; it never
 * touches the kernel itself. The record is what was acknowledged, whatever happens next.
 */
export class SliverService {
  readonly #options: SliverServiceOptions;

  constructor(options: SliverServiceOptions) {
    this.#options = options;
  }

  /** @param by the slice whose it is, as an authority; null: the administrator's, or whose the request says */
  async create(request: CreateSliver, by: string | null): Promise<SliverRecord> {
    const { store, defaults, events } = this.#options;
    const lines = (await checkKeys(request.keys ?? [])).map(({ line }) => line);
    const name = checkName(request.name);
    if (store.find(name)) throw new SliverdError('exists', `there is a sliver '${name}' already`);
    const rspec = mergeRSpec(defaults.rspec, request.rspec ?? {});
    this.#options.admit(rspec);
    if (by !== null) admitShare(store.list(), store.get(by), name, rspec);
    const imageName = request.image ?? defaults.image;
    const add = () =>
      store.add({
        name,
        environment: this.#environment(request.environment ?? 'namespaces'),
        imageDigest: this.#options.imageDigest(imageName),
        imageName,
        profile: this.#profile(request.profile ?? defaults.profile),
        rspec,
        keys: lines,
        revoked: NOTHING_REVOKED,
        initscript: request.initscript ?? null,
        expiresAt: this.#end(request.expiresAt, by),
        desired: request.desired ?? 'running',
        disk: 1,
        run: 1,
        createdAt: Date.now(),
        roles: request.roles ?? [],
        authority: by ?? named(request.authority ?? null),
      });
    const record = this.#withFiles(name, { keys: lines, revoked: NOTHING_REVOKED }, add);
    events.record('sliver.created', name, { id: record.id, image: imageName, profile: record.profile });
    return record;
  }

  /** @param by the slice that asks, whose share must have room for it; null: the administrator */
  async change(name: string, request: ChangeSliver, by: string | null): Promise<SliverRecord> {
    const { store, events } = this.#options;
    const keys = request.keys && (await checkKeys(request.keys)).map(({ line }) => line);
    const record = this.#live(name);
    const changes: Partial<SliverRecord> = {
      ...(request.rspec ? { rspec: mergeRSpec(record.rspec, request.rspec) } : {}),
      ...(keys ? { keys } : {}),
      ...(request.initscript !== undefined ? { initscript: request.initscript } : {}),
      ...(request.expiresAt !== undefined
        ? { expiresAt: this.#end(request.expiresAt, by, record.expiresAt) }
        : {}),
      ...(request.roles ? { roles: request.roles } : {}),
      ...(request.authority !== undefined ? { authority: named(request.authority) } : {}),
      ...(request.profile ? { profile: this.#profile(request.profile) } : {}),
    };
    if (changes.rspec) {
      this.#options.admit(changes.rspec, record);
      if (by !== null) admitShare(store.list(), store.get(by), name, changes.rspec, record.rspec);
    }
    const change = () => store.change(record.id, changes);
    const changed = keys ? this.#withFiles(name, { keys }, change) : change();
    events.record('sliver.changed', name, { keys: Object.keys(changes) });
    if (keys) this.#tellKeys(record, changed);
    return changed;
  }

  /** These keys instead of those it has. */
  async setKeys(name: string, lines: readonly string[]): Promise<SliverRecord> {
    const keys = await checkKeys(lines);
    return this.#changeKeys(name, () => keys.map(({ line }) => line));
  }

  /** These keys beside those it has; of one that it has already, options and comment are replaced. */
  async addKeys(name: string, lines: readonly string[]): Promise<SliverRecord> {
    const keys = await checkKeys(lines);
    return this.#changeKeys(name, (had) => laidOver(had, keys));
  }

  removeKey(name: string, fingerprint: string): SliverRecord {
    return this.#changeKeys(name, (had) => without(name, had, fingerprint));
  }

  act(name: string, action: Action): SliverRecord {
    const { store, events } = this.#options;
    const record = this.#live(name);
    if (action !== 'stop' && isExpired(record, Date.now()))
      throw new SliverdError(
        'wrong-state',
        `${name} expired at ${new Date(record.expiresAt ?? 0).toISOString()}: renew it first (sliverctl sliver set ${name} --expires 8w)`,
      );
    const { run, disk, desired } = record;
    if ((action === 'freeze' || action === 'thaw') && desired === 'stopped')
      throw new SliverdError(
        'wrong-state',
        `${name} is stopped: only a running sliver can be frozen or thawed`,
      );
    const changes: Record<Action, Partial<SliverRecord>> = {
      start: { desired: 'running' },
      stop: { desired: 'stopped' },
      restart: { desired: 'running', run: run + 1 },
      freeze: { desired: 'frozen' },
      thaw: { desired: 'running' },
      reset: { run: run + 1, disk: disk + 1 },
    };
    const changed = store.change(record.id, changes[action]);
    events.record(`sliver.${action}`, name, {});
    return changed;
  }

  /** @param why nobody asked for it */
  delete(name: string, why?: string): SliverRecord {
    const record = this.#options.store.get(name);
    if (record.desired === 'deleted') return record;
    this.#options.events.record('sliver.delete', name, { id: record.id, ...(why ? { why } : {}) });
    const changed = this.#options.store.change(record.id, { desired: 'deleted' });
    this.#options.loginFiles.remove(name);
    return changed;
  }

  /** The environment of a sliver whose processes can be reached now. */
  entered(name: string): { record: SliverRecord; environment: Environment } {
    const record = this.#live(name);
    const { state } = this.#options.reconciler.status(record.id);
    const help =
      state === 'frozen' && record.desired !== 'frozen'
        ? 'another sliver has leased the whole node; events tell until when'
        : state === 'frozen'
          ? `thaw it first (sliverctl sliver thaw ${name})`
          : `start it first (sliverctl sliver start ${name})`;
    if (state !== 'running') throw new SliverdError('wrong-state', `${name} is ${state}: ${help}`);
    return { record, environment: this.environmentOf(record) };
  }

  environmentOf(record: SliverRecord): Environment {
    const environment = this.#options.environments.get(record.environment);
    if (environment) return environment;
    throw new SliverdError('unsupported', `this node does not offer the environment '${record.environment}'`);
  }

  /** @param instead of those that are revoked already, or beside them. */
  async revoke(name: string, asked: readonly AskedRevocation[], instead: boolean): Promise<SliverRecord> {
    for (;;) {
      const had = this.#live(name).revoked;
      const items = asked.map((one) => checkRevocation(one, this.#live(name).keys));
      const revoked = await revoke(instead ? items : [...had.items, ...items]);
      const record = this.#live(name);
      if (record.revoked !== had) continue; // somebody else's request came between
      const change = () => this.#options.store.change(record.id, { revoked });
      const changed = this.#withFiles(name, { revoked }, change);
      this.#options.events.record('sliver.revoked', name, { revoked: revoked.items.length });
      await this.#options.loginFiles.inForce();
      return changed;
    }
  }

  #changeKeys(name: string, change: (had: readonly string[]) => readonly string[]): SliverRecord {
    const record = this.#live(name);
    const keys = change(record.keys);
    const changed = this.#withFiles(name, { keys }, () => this.#options.store.change(record.id, { keys }));
    this.#tellKeys(record, changed);
    return changed;
  }

  /** The record only changes when the file is on the disk already, as a full disk would keep it from being. */
  #withFiles(name: string, rules: Partial<LoginRules>, change: () => SliverRecord): SliverRecord {
    const staged = this.#options.loginFiles.stage(name, rules);
    try {
      const record = change();
      staged.commit();
      return record;
    } finally {
      staged.drop();
    }
  }

  #tellKeys(before: SliverRecord, after: SliverRecord): void {
    const { added, removed } = changedKeys(before.keys, after.keys);
    if (added.length + removed.length > 0)
      this.#options.events.record('sliver.keys', after.name, { added, removed });
  }

  #live(name: string): SliverRecord {
    const record = this.#options.store.get(name);
    if (record.desired === 'deleted') throw new SliverdError('wrong-state', `${name} is being deleted`);
    return record;
  }

  #environment(name: string): string {
    if (this.#options.environments.has(name)) return name;
    const offered = [...this.#options.environments.keys()].join(', ');
    throw new SliverdError(
      'bad-request',
      `this node does not offer the environment '${name}' (it has: ${offered})`,
    );
  }

  #profile(name: string): string {
    if (this.#options.profiles.has(name)) return name;
    throw new SliverdError(
      'bad-request',
      `there is no kernel profile '${name}' (this node has: ${[...this.#options.profiles].join(', ')})`,
    );
  }

  #end(asked: string | null | undefined, by: string | null, had?: number | null): number | null {
    return endOf(asked, { by, days: this.#options.defaults.expiry.days, now: Date.now(), had });
  }
}

/** An authority, which may be yet to come; what can't be a slice's name never will. */
function named(authority: string | null): string | null {
  return authority === null ? null : checkName(authority);
}
