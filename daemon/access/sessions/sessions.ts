import {
  chmodSync,
  existsSync,
  type FSWatcher,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  watch,
} from 'node:fs';
import type { Logger } from 'pino';
import { SliverdError } from '../../errors.ts';
import type { EventLog } from '../../events/log.ts';
import type { SliverStore } from '../../slivers/store.ts';
import type { Database } from '../../store/database.ts';
import type { SliceLoginFiles } from '../keys/files.ts';
import { Allowance } from './allowance.ts';
import { endSession } from './ending.ts';
import { isLetIn } from './judge.ts';
import { isAlive, readRecord, type Session, sessionName } from './record.ts';

export interface SessionOptions {
  /** Where the PAM step records them. */
  readonly folder: string;
  /** What of one sliver lives as long as it runs. */
  sliverRun(id: number): string;
  readonly store: SliverStore;
  readonly loginFiles: SliceLoginFiles;
  /** Who has a key is not to be counted with those who try without. */
  readonly knocks: { forgive(address: string): void } | undefined;
  readonly database: Database;
  readonly events: EventLog;
  readonly log: Logger;
}

/** sshd's processes that were killed tell nobody of their end. */
const LOOK_EVERY = 2000;

/** Records of logins that never came about, after so long: a sliver's start may take a minute of it. */
const DEBRIS_AFTER = 120_000;
/** Who is refused has read why, after so long. */
const REFUSED_FOR = 10_000;

/**
 * Who is logged in: what the PAM step recorded of each session, and the process that holds it. Logins and ends are events,
 * once each, also those of the time when no daemon ran: which logins were told is in the database, with the events.
 */
export class Sessions {
  readonly #options: SessionOptions;
  readonly #known = new Map<string, { session: Session; told: boolean }>();
  /** Those that we end, and why. */
  readonly #ending = new Map<string, { why: 'key' | 'owner'; over: Promise<void> }>();
  readonly #allowance = new Allowance();
  readonly #watcher: FSWatcher;
  readonly #timer: NodeJS.Timeout;
  readonly #unlisten: () => void;
  /** Whether a look is due, and at all there is. */
  #due: boolean | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    mkdirSync(options.folder, { recursive: true, mode: 0o700 });
    chmodSync(options.folder, 0o700);
    for (const { session } of options.database.sql.prepare('SELECT session FROM sessions').all()) {
      const one = JSON.parse(String(session)) as Session;
      this.#known.set(one.id, { session: one, told: true });
    }
    this.#watcher = watch(options.folder, { persistent: false }, () => this.#soon(false));
    this.#timer = setInterval(() => this.#try(() => this.#look()), LOOK_EVERY).unref();
    this.#unlisten = options.events.listen(({ type, subject }) => {
      if (type === 'sliver.deleted') this.#allowance.forget(subject);
    });
    // Not within the request that changed them.
    options.loginFiles.listen({ rules: () => this.#soon(true) });
    this.#try(() => this.#look());
  }

  /** Those that go on, the oldest first. @param slice only those of this one */
  list(slice?: string): Session[] {
    this.#try(() => this.#look());
    return [...this.#known.values()]
      .map(({ session }) => session)
      .filter((session) => session.refused === null && (slice === undefined || session.slice === slice))
      .sort((a, b) => a.since - b.since);
  }

  /** Ends one; its person is told. Resolves when it is over. */
  async end(id: string): Promise<void> {
    const session = this.list().find((one) => one.id === id);
    if (!session)
      throw new SliverdError(
        'not-found',
        `there is no session '${id.slice(0, 60)}' ('sliverctl session list' shows those that go on)`,
      );
    await this.#end(session, 'owner');
  }

  /** Sessions go on. */
  close(): void {
    this.#watcher.close();
    clearInterval(this.#timer);
    this.#unlisten();
  }

  /** A login is more than one change of the folder. @param all processes and rules too, which costs time for each session */
  #soon(all: boolean): void {
    const waits = this.#due !== undefined;
    this.#due = all || this.#due === true;
    if (waits) return;
    setImmediate(() => {
      const every = this.#due;
      this.#due = undefined;
      this.#try(() => (every ? this.#look() : this.#read()));
    });
  }

  #try(work: () => void): void {
    try {
      work();
    } catch (err) {
      this.#options.log.warn({ err }, 'could not look who is logged in');
    }
  }

  /** What the PAM step has told since. */
  #read(): void {
    const { folder } = this.#options;
    for (const file of readdirSync(folder)) {
      const name = sessionName(file);
      if (!name) this.#removeDebris(file);
      else {
        if (!this.#known.has(name.id)) this.#begun(name.id, file);
        const session = name.ended ? this.#known.get(name.id)?.session : undefined;
        if (session) this.#over(session);
      }
    }
  }

  #look(): void {
    this.#read();
    for (const { session } of this.#known.values()) {
      const isRefused = session.refused !== null && Date.now() - session.since > REFUSED_FOR;
      if (!isAlive(session)) this.#over(session);
      else if (isRefused) void this.#end(session, 'owner');
      else if (!this.#isLetIn(session)) void this.#end(session, 'key');
    }
  }

  /** By what its slice says now. A slice that is gone takes its sessions with it anyway. */
  #isLetIn({ slice, credential }: Session): boolean {
    const record = this.#options.store.find(slice);
    return !record || !credential || isLetIn(credential, record);
  }

  #end(session: Session, why: 'key' | 'owner'): Promise<void> {
    const { id } = session;
    const begun = this.#ending.get(id);
    if (begun) return begun.over;
    const over = endSession(session, why).then(() => {
      this.#try(() => this.#look());
      this.#ending.delete(id);
    });
    this.#ending.set(id, { why, over });
    return over;
  }

  #begun(id: string, file: string): void {
    const { folder, database, events, knocks } = this.#options;
    const session = readRecord(`${folder}/${file}`, id)?.session;
    if (!session) return;
    knocks?.forgive(session.address);
    const allowed = this.#allowance.take(session.slice);
    const isTold = this.#record(allowed !== undefined, () => {
      database.sql.prepare('INSERT INTO sessions VALUES (?, ?)').run(id, JSON.stringify(session));
      const data = { ...told(session), ...(allowed?.untold ? { untold: allowed.untold } : {}) };
      if (session.refused === null) events.record('session.login', session.slice, data);
      else events.record('session.refused', session.slice, { ...data, reason: session.refused });
    });
    this.#known.set(id, { session, told: isTold });
  }

  #over(session: Session): void {
    const { folder, database, events } = this.#options;
    const { id, slice, refused } = session;
    // Whoever says goodbye has done so before its process is gone.
    const goodbye = readRecord(`${folder}/${id}.ended`, id)?.ended;
    const killed = this.#isStopped(session)
      ? 'stopped'
      : existsSync(`${folder}/${id}`)
        ? 'killed'
        : 'unknown';
    const how = goodbye?.how ?? killed;
    const why = this.#ending.get(id)?.why ?? (this.#isLetIn(session) ? how : 'key');
    const ended = new Date(goodbye?.time ?? Date.now()).toISOString();
    const isTold = this.#known.get(id)?.told ?? false;
    this.#known.delete(id);
    // First, or it were a new one after a crash.
    for (const file of [id, `${id}.ended`]) rmSync(`${folder}/${file}`, { force: true });
    this.#record(isTold, () => {
      database.sql.prepare('DELETE FROM sessions WHERE id = ?').run(id);
      if (refused === null) events.record('session.logout', slice, { ...told(session), how: why, ended });
    });
  }

  /** What can't be kept, as on a full disk, is told in the log alone: one session's trouble is no other's. @returns whether it is kept */
  #record(wanted: boolean, work: () => void): boolean {
    if (!wanted) return false;
    try {
      this.#options.database.transaction(work);
      return true;
    } catch (err) {
      this.#options.log.error({ err }, 'a login or its end could not be recorded');
      return false;
    }
  }

  /** Whether its sliver was stopped since: what its login shell reads goes at the stop, and is made anew at the start. */
  #isStopped({ sliver, since }: Session): boolean {
    const file = statSync(`${this.#options.sliverRun(sliver)}/login.json`, { throwIfNoEntry: false });
    return !file || file.mtimeMs > since;
  }

  #removeDebris(file: string): void {
    const path = `${this.#options.folder}/${file}`;
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat && Date.now() - stat.mtimeMs > DEBRIS_AFTER) rmSync(path, { recursive: true, force: true });
  }
}

/** What an event says of a session. */
function told({ id, address, port, since, credential }: Session): Record<string, unknown> {
  const { fingerprint, certificate } = credential ?? {};
  return { id, fingerprint, ...certificate, address, port, since: new Date(since).toISOString() };
}
