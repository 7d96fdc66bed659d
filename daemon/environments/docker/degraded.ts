import { confine } from './confinement.ts';
import type { Engine, EngineFacts } from './engine.ts';
import type { Context } from './index.ts';

interface Known {
  readonly engine: Pick<Engine, 'known' | 'trouble' | 'socket' | 'limitFiles' | 'inReach'>;
  readonly profiles: Context['profiles'];
  readonly socketless?: Context['socketless'];
}

export interface Lack {
  what: string;
  why: string;
  cost: string;
}

/** Of each limit: the engine's word on whether its kernel has it, where its API has the limit at all, and the cost. */
const LIMITS: readonly [file: string, fact: keyof EngineFacts['limits'] | undefined, cost: string][] = [
  ['memory.max', 'memory', 'a sliver can take all of the memory'],
  ['memory.high', undefined, 'a sliver is not slowed before its memory is at its end'],
  ['memory.swap.max', 'swap', 'swap is not bounded'],
  ['cpu.max', 'cpu.max', 'a sliver can take all cores'],
  ['cpu.weight', 'cpu.weight', 'the CPU is not shared by weight'],
  ['cpuset.cpus', 'cpuset', 'a sliver runs on every core'],
  ['pids.max', 'pids', 'a fork bomb in one sliver takes the whole node down'],
  ['io.max', undefined, 'a sliver can keep the disk busy'],
  ['io.weight', undefined, 'the disk is not shared by weight'],
];

/** What a Docker engine can't give that the environment `namespaces` can: said, never ignored. */
export function degradations({ engine, profiles, socketless }: Known): Lack[] {
  const facts = engine.known;
  if (!facts || engine.trouble)
    return [
      {
        what: 'docker: the engine',
        why: engine.trouble ?? `it has not answered yet at ${engine.socket}`,
        cost: 'no sliver of this kind can be started or changed',
      },
    ];
  return [
    ...ofDisks(facts),
    ...ofUsers(facts),
    ...ofProfiles(facts, profiles),
    ...ofLimits(facts, engine.limitFiles),
    ...ofNetwork(engine.inReach),
    ...ofSockets(socketless ?? new Map()),
  ];
}

function ofDisks({ storage }: EngineFacts): Lack[] {
  if (storage.quota) return [];
  return [
    {
      what: 'docker: disk.bytes, disk.inodes',
      why: storage.seen
        ? `the file system of its layers in ${storage.root} enforces no project quota`
        : `its layers (${storage.driver}) in ${storage.root} are no folders that the daemon sees, as those of overlay2 are`,
      cost: 'one sliver can fill the disk of the engine',
    },
  ];
}

function ofUsers({ remapped }: EngineFacts): Lack[] {
  return remapped
    ? [
        {
          what: 'docker: a user namespace of its own',
          why: 'userns-remap gives all containers the same uids',
          cost: 'a sliver that breaks out has the uids of the others',
        },
      ]
    : [
        {
          what: 'docker: user namespaces',
          why: 'the engine runs without userns-remap',
          cost: 'root in a sliver is root on the node but for its capabilities; it can close /dev/null, which the engine hands it, to others',
        },
      ];
}

function ofProfiles({ remapped }: EngineFacts, profiles: Context['profiles']): Lack[] {
  return [...profiles.values()].flatMap((profile) => {
    const { withheld } = confine(profile, remapped);
    if (withheld.length === 0) return [];
    return [
      {
        what: `docker: the profile '${profile.name}'`,
        why: `${withheld.join(', ')}: not given ${remapped ? 'by this engine' : 'without a user namespace'}`,
        cost: 'programs that need it fail in slivers of this profile',
      },
    ];
  });
}

function ofSockets(socketless: Context['socketless']): Lack[] {
  const named = (wanted: 'older' | 'hidden') =>
    [...socketless].filter(([, why]) => why === wanted).map(([name]) => name);
  const lack = (names: string[], why: string, cost: string): Lack[] =>
    names.length === 0 ? [] : [{ what: `docker: the manager's socket in ${names.join(', ')}`, why, cost }];
  return [
    ...lack(
      named('older'),
      'their containers are of a version that had none',
      'they have it from their next start on: sliverctl sliver restart',
    ),
    ...lack(
      named('hidden'),
      'the daemon does not see who is root in containers of this engine (userns-remap, and not in our pid namespace)',
      'they can ask the manager nothing',
    ),
  ];
}

function ofNetwork(inReach: boolean | undefined): Lack[] {
  if (inReach !== false) return [];
  return [
    {
      what: "docker: the node's network in slivers",
      why: 'the daemon does not see the processes of its containers (our pid namespace)',
      cost: 'slivers reach nobody but themselves',
    },
  ];
}

/**
 * Limits that don't hold, those of one reason together.
 * @param files of a container's cgroup; null: not in sight; undefined: none ran yet, and only the engine's word is known.
 */
function ofLimits(facts: EngineFacts, files: ReadonlySet<string> | null | undefined): Lack[] {
  const lacks = new Map<string, Lack>();
  for (const [file, fact, cost] of LIMITS) {
    const why = reason(file, fact, facts, files);
    if (!why) continue;
    const same = lacks.get(why);
    lacks.set(why, {
      what: same ? `${same.what}, ${file}` : `docker: ${file}`,
      why,
      cost: same ? `${same.cost}; ${cost}` : cost,
    });
  }
  return [...lacks.values()];
}

function reason(
  file: string,
  fact: keyof EngineFacts['limits'] | undefined,
  { limits, storage }: EngineFacts,
  files: ReadonlySet<string> | null | undefined,
): string | undefined {
  if (file === 'io.max' && !storage.device)
    return `its layers (${storage.driver}) are on no block device that the daemon sees`;
  if (files)
    return files.has(file)
      ? undefined
      : 'the kernel gives the cgroups of its containers no such file: a controller is missing';
  if (fact) return limits[fact] ? undefined : 'the engine says that its kernel lacks it';
  if (files === undefined) return undefined;
  return 'its API has no such limit, and the daemon does not see its cgroups (cgroup v2, in our pid namespace)';
}
