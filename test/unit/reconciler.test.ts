import { mkdtempSync, rmSync } from 'node:fs';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Environment, Phase } from '../../daemon/environments/environment.ts';
import { EventLog } from '../../daemon/events/log.ts';
import { Reconciler } from '../../daemon/slivers/reconciler.ts';
import { SliverStore } from '../../daemon/slivers/store.ts';
import { Database } from '../../daemon/store/database.ts';
import { sliverRecord } from '../record.ts';

/** One sliver that runs, on a machine that lets nothing be applied to it at first; `did` are the phases that it saw. */
let did: Phase[];
let container: 'running' | 'absent';
let disks: number[];
let observed: number;
let applies: () => void;
let ended: () => void;
const phase = (name: Phase, act: () => void = () => {}) => [
  {
    name,
    doing: name,
    act: async () => {
      did.push(name);
      act();
    },
  },
];
const ends = () => {
  container = 'absent';
};
const refuses = () => {
  throw new Error('refused');
};
const environment: Environment = {
  name: 'namespaces',
  phases: {
    provision: phase('provision', () => refuses()),
    start: phase('start', () => {
      container = 'running';
    }),
    apply: phase('apply', () => applies()),
    freeze: phase('freeze'),
    thaw: phase('thaw'),
    stop: phase('stop', ends),
    discard: phase('discard'),
  },
  observe: async () => {
    observed++;
    return container === 'running'
      ? { container, run: 1, disk: 1, pid: 1, disks, debris: false }
      : { container, disks, debris: false };
  },
  usage: async () => ({}),
  exec: () => Promise.reject(new Error('not here')),
  log: async () => '',
  watch: (_sliver, changed) => {
    ended = changed;
    return () => {};
  },
  cgroup: () => undefined,
  init: async () => undefined,
  sweep: async () => [],
  close: async () => {},
};

let folder: string;
let database: Database;
let store: SliverStore;
let reconciler: Reconciler;
beforeEach(() => {
  vi.useFakeTimers();
  folder = mkdtempSync('/tmp/sliverd-reconciler-');
  database = new Database(`${folder}/db`);
  store = new SliverStore(database);
  [did, container, disks, observed, applies] = [[], 'running', [1], 0, refuses];
  reconciler = new Reconciler({
    store,
    environments: new Map([['namespaces', environment]]),
    effective: (record) => record,
    events: new EventLog(database),
    log: pino({ level: 'silent' }),
  });
});
afterEach(async () => {
  await reconciler.close();
  database.close();
  rmSync(folder, { recursive: true });
  vi.useRealTimers();
});

it('goes down with a sliver whose disk cannot be made', async () => {
  const { id } = store.add(sliverRecord());
  [container, disks] = ['absent', []];
  await expect(reconciler.reconcile(id)).rejects.toThrow('refused');
  await reconciler.down();
  expect(did).toEqual(['provision']);
});

it('tries again after 1 s, 2 s, 4 s …, and says when, though the clock is set meanwhile', async () => {
  const { id } = store.add(sliverRecord());
  await expect(reconciler.reconcile(id)).rejects.toThrow('refused');
  await vi.advanceTimersByTimeAsync(1000);
  expect(did).toEqual(['apply', 'apply']);
  vi.setSystemTime(Date.now() - 5 * 3_600_000);
  reconciler.clockWasSet();
  expect(Date.parse(reconciler.status(id).cause?.retryAt ?? '')).toBe(Date.now() + 2000);
  await vi.advanceTimersByTimeAsync(2000);
  expect(did).toEqual(['apply', 'apply', 'apply']);
  expect(reconciler.status(id)).toMatchObject({
    state: 'failed',
    cause: { attempts: 3, step: 'apply/apply' },
  });
});

it('ends a sliver at its time, however long until it is tried again', async () => {
  const { id } = store.add(sliverRecord({ expiresAt: Date.now() + 20_000 }));
  await expect(reconciler.reconcile(id)).rejects.toThrow('refused');
  await vi.advanceTimersByTimeAsync(19_000); // tried after 1, 3, 7 and 15 s, and not before 31 s again
  expect(reconciler.status(id)).toMatchObject({ state: 'failed', cause: { attempts: 5 } });
  await vi.advanceTimersByTimeAsync(1100);
  expect(reconciler.status(id)).toMatchObject({ state: 'expired', cause: null });
  expect(did.at(-1)).toBe('stop');
});

it('looks once at what is as it should be, and again at what ended meanwhile', async () => {
  applies = () => {};
  const { id } = store.add(sliverRecord());
  await reconciler.reconcile(id); // nobody watches it yet
  [did, observed] = [[], 0];
  await reconciler.reconcile(id);
  expect([did, observed]).toEqual([['apply'], 1]);
  applies = () => {
    applies = () => {};
    ends();
    ended();
  };
  did = [];
  await reconciler.reconcile(id);
  expect(did).toEqual(['apply', 'start']);
  expect(reconciler.status(id)).toMatchObject({ state: 'running', cause: null });
});
