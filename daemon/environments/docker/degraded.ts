import { confine } from './confinement.ts';
import type { Context } from './index.ts';

const MISSING: Record<string, [string, string]> = {
  memory: ['memory.max', 'a sliver can take all of the memory'],
  swap: ['memory.swap.max', 'swap is not bounded'],
  'cpu.max': ['cpu.max', 'a sliver can take all cores'],
  'cpu.weight': ['cpu.weight', 'the CPU is not shared by weight'],
  cpuset: ['cpuset.cpus', 'a sliver runs on every core'],
  pids: ['pids.max', 'a fork bomb in one sliver takes the whole node down'],
};

/** What a Docker engine can't give that the environment `namespaces` can: said, never ignored. */
export function degradations(context: Context): { what: string; why: string; cost: string }[] {
  const facts = context.engine.known;
  const list = [
    {
      what: 'docker: disk.inodes',
      why: 'a Docker engine bounds no inodes',
      cost: 'one sliver can use up the inodes of the engine’s file system',
    },
  ];
  const add = (what: string, why: string, cost: string) => list.push({ what: `docker: ${what}`, why, cost });
  if (!facts) {
    add('the engine', `it has not answered yet at ${context.engine.socket}`, 'no sliver of this kind runs');
    return list;
  }
  if (context.disk.bounded === false)
    add(
      'disk.bytes',
      `its storage (${facts.storage}) bounds no writable layer; overlay2 on xfs mounted with pquota does`,
      'one sliver can fill the disk of the engine',
    );
  if (facts.remapped)
    add(
      'a user namespace of its own',
      'userns-remap gives all containers the same uids',
      'a sliver that breaks out has the uids of the others',
    );
  else {
    add(
      'user namespaces',
      'the engine runs without userns-remap',
      'root in a sliver is root on the node but for its capabilities; it can close /dev/null, which the engine hands it, to others',
    );
  }
  for (const profile of context.profiles.values()) {
    const { withheld } = confine(profile, facts.remapped);
    if (withheld.length > 0)
      add(
        `the profile '${profile.name}'`,
        `${withheld.join(', ')}: not given ${facts.remapped ? 'by this engine' : 'without a user namespace'}`,
        'programs that need it fail in slivers of this profile',
      );
  }
  for (const [key, [what, cost]] of Object.entries(MISSING))
    if (!facts.limits[key as keyof typeof facts.limits])
      add(what, 'the engine says that its kernel lacks it', cost);
  if (context.direct.seen === false)
    add(
      'memory.high, io.weight and io.max',
      'the engine’s API lacks them and its cgroups are not in sight (cgroup v2 is needed)',
      'these limits do not hold',
    );
  return list;
}
