import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { degradations } from '../../daemon/environments/docker/degraded.ts';
import type { EngineFacts } from '../../daemon/environments/docker/engine.ts';
import { loadProfiles } from '../../daemon/environments/profiles.ts';

const profiles = loadProfiles(join(import.meta.dirname, '../../kernel-profiles'));
const socket = '/run/docker.sock';
const ALL = ['cpu.max', 'cpu.weight', 'cpuset.cpus', 'io.max', 'io.weight'].concat(
  ['max', 'high', 'swap.max'].map((name) => `memory.${name}`),
  'pids.max',
);
const good: EngineFacts = {
  version: '20.10.24',
  cgroupDriver: 'cgroupfs',
  remapped: true,
  storage: { root: '/srv/docker', driver: 'overlay2 on extfs', seen: true, quota: true, device: '8:0' },
  limits: { memory: true, swap: true, 'cpu.max': true, 'cpu.weight': true, cpuset: true, pids: true },
};
const told = (facts: Partial<EngineFacts>, limitFiles: ReadonlySet<string> | null | undefined) =>
  degradations({
    engine: { known: { ...good, ...facts }, trouble: undefined, socket, limitFiles, inReach: undefined },
    profiles: new Map(),
  });
const whats = (facts: Partial<EngineFacts>, limitFiles: ReadonlySet<string> | null | undefined) =>
  told(facts, limitFiles).map(({ what }) => what.replace('docker: ', ''));
const SHARED_UIDS = 'a user namespace of its own';

describe('what does not hold with a Docker engine', () => {
  it('is, with the best of them, that all slivers have the same uids', () => {
    expect(whats({}, new Set(ALL))).toEqual([SHARED_UIDS]);
  });

  it('is everything, as long as it does not answer or has not yet', () => {
    const engine = {
      known: good,
      trouble: 'it does not answer at /run/docker.sock (ENOENT)',
      socket,
      limitFiles: null,
      inReach: undefined,
    };
    expect(degradations({ engine, profiles })).toMatchObject([
      { what: 'docker: the engine', why: engine.trouble },
    ]);
    const unknown = {
      known: undefined,
      trouble: undefined,
      socket,
      limitFiles: undefined,
      inReach: undefined,
    };
    expect(degradations({ engine: unknown, profiles })).toMatchObject([
      { what: 'docker: the engine', why: expect.stringContaining(socket) },
    ]);
  });

  it('is the network, once it is known that its processes are out of reach', () => {
    const lacks = (inReach: boolean) =>
      degradations({
        engine: { known: good, trouble: undefined, socket, limitFiles: new Set(ALL), inReach },
        profiles: new Map(),
      }).map(({ what }) => what);
    expect(lacks(false)).toContain("docker: the node's network in slivers");
    expect(lacks(true)).not.toContain("docker: the node's network in slivers");
  });

  it('without userns-remap: user namespaces, and of the profiles what would need them', () => {
    const engine = {
      known: { ...good, remapped: false },
      trouble: undefined,
      socket,
      limitFiles: new Set(ALL),
      inReach: undefined,
    };
    const lacks = degradations({ engine, profiles });
    expect(lacks[0]).toMatchObject({
      what: 'docker: user namespaces',
      why: expect.stringContaining('userns-remap'),
    });
    const standard = lacks.find(({ what }) => what.includes("'standard'"));
    expect(standard?.why).toMatch(/CAP_SYS_ADMIN.*without a user namespace/);
    expect(standard?.why).not.toContain('CAP_CHOWN');
  });

  it('without project quota: the disk in bytes and inodes, and where', () => {
    const [lack, ...rest] = told({ storage: { ...good.storage, quota: false } }, new Set(ALL));
    expect(lack).toMatchObject({
      what: 'docker: disk.bytes, disk.inodes',
      why: 'the file system of its layers in /srv/docker enforces no project quota',
    });
    expect(rest).toHaveLength(1);
  });

  it('with layers out of sight: the disk and its rate, by the name of the driver', () => {
    const storage = { root: '/srv/docker', driver: 'btrfs', seen: false, quota: false };
    expect(whats({ storage }, new Set(ALL))).toEqual(['disk.bytes, disk.inodes', SHARED_UIDS, 'io.max']);
    expect(told({ storage }, new Set(ALL)).filter(({ why }) => why.includes('(btrfs)'))).toHaveLength(2);
  });

  it('is what its cgroups lack, whatever it says of its kernel', () => {
    const limits = { ...good.limits, swap: false };
    expect(whats({ limits }, new Set(ALL))).toEqual([SHARED_UIDS]);
    expect(whats({}, new Set(['pids.max', 'cpu.max', 'cpu.weight']))).toEqual([
      SHARED_UIDS,
      'memory.max, memory.high, memory.swap.max, cpuset.cpus, io.max, io.weight',
    ]);
  });

  it('is, with cgroups out of sight, what its API lacks and what it says itself', () => {
    const limits = { ...good.limits, swap: false };
    expect(whats({ limits }, null)).toEqual([
      SHARED_UIDS,
      'memory.high, io.max, io.weight',
      'memory.swap.max',
    ]);
  });

  it('is, before a sliver ran, what it says itself: nothing is guessed', () => {
    expect(whats({}, undefined)).toEqual([SHARED_UIDS]);
    expect(whats({ limits: { ...good.limits, pids: false } }, undefined)).toEqual([SHARED_UIDS, 'pids.max']);
  });

  it('tells of each what it costs', () => {
    for (const lack of told({ storage: { ...good.storage, quota: false } }, new Set()))
      expect(lack.cost.length, lack.what).toBeGreaterThan(10);
  });
});
