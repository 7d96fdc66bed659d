import {
  chownSync,
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { ociSpec } from '../../../environments/namespaces/oci-spec.ts';
import { loadProfiles } from '../../../environments/profiles.ts';
import { run } from '../../../kernel/run.ts';
import { uidBase } from '../../../slivers/record.ts';
import type { Bench } from '../bench.ts';
import { missing, type Probe } from './probe.ts';

const INIT = '/usr/bin/catatonit';
const OWNER = uidBase(0);
const NAMESPACES = ['user', 'pid', 'mnt', 'net', 'uts', 'ipc', 'cgroup'];

interface Spec {
  process: { args: string[] };
  mounts: { destination: string; type: string; source: string; options: string[] }[];
}

/** A sliver as the node would run it, with an empty root file system. Returns its bundle. */
function bundle(
  bench: Bench,
  name: string,
  profile: string,
  change: (spec: Spec, root: string) => void,
): string {
  const found = loadProfiles(bench.options.profilesDir).get(profile);
  if (!found) missing(`there is no kernel profile '${profile}'`);
  const folder = bench.runFolder(name);
  for (const inner of ['root', 'inside']) mkdirSync(`${folder}/${inner}`, { mode: 0o755 });
  chownSync(`${folder}/root`, OWNER, OWNER);
  writeFileSync(`${folder}/inside/init`, '', { mode: 0o755 });
  const spec = ociSpec({
    hostname: 'doctor',
    rootPath: `${folder}/root`,
    initPath: INIT,
    insidePath: `${folder}/inside`,
    cgroupPath: bench.cgroupPath(name),
    uidBase: OWNER,
    openFilesMax: 1024,
    profile: found,
  }) as Spec;
  change(spec, `${folder}/root`);
  writeFileSync(`${folder}/config.json`, JSON.stringify(spec));
  return folder;
}

/** Shows the host's programs in a sliver's tree, for lack of an image: /usr, and what of it is not in /usr. */
function withHostPrograms(spec: Spec, root: string): void {
  for (const name of ['usr', 'bin', 'sbin', 'lib', 'lib64']) {
    const found = lstatSync(`/${name}`, { throwIfNoEntry: false });
    if (found?.isSymbolicLink()) symlinkSync(readlinkSync(`/${name}`), `${root}/${name}`);
    else if (found)
      spec.mounts.push({
        destination: `/${name}`,
        type: 'bind',
        source: `/${name}`,
        options: ['rbind', 'ro', 'nodev'],
      });
  }
}

export const containerProbes: Record<string, Probe> = {
  'container-runtime': async (bench) => {
    const crun = bench.crun();
    const folder = bundle(bench, 'container', 'standard', () => {});
    const output = openSync(`${folder}/output`, 'w');
    try {
      await crun.run('container', folder, output);
      const pid = crun.initOf(folder) ?? missing('it left no process');
      const namespace = (of: number | string, kind: string) => readlinkSync(`/proc/${of}/ns/${kind}`);
      const shared = NAMESPACES.filter((kind) => namespace(pid, kind) === namespace('self', kind));
      if (shared.length) missing(`its namespaces ${shared.join(', ')} are the host's`);
      const name = readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
      return `ran ${name} in an empty tree with namespaces of its own`;
    } finally {
      closeSync(output);
      await crun.delete('container');
    }
  },
  seccomp: async (bench) => {
    const crun = bench.crun();
    // Anybody may make a user namespace but for the filter: its refusal shows that the filter is in force.
    const script =
      'grep -q "^Seccomp:[[:space:]]*2" /proc/self/status && ! unshare --user true 2>/dev/null && echo refused';
    const folder = bundle(bench, 'seccomp', 'restricted', (spec, root) => {
      withHostPrograms(spec, root);
      spec.process.args = ['/bin/sh', '-c', script];
    });
    const arguments_ = [
      '--root',
      crun.root,
      '--cgroup-manager=cgroupfs',
      'run',
      '--bundle',
      folder,
      'seccomp',
    ];
    try {
      // With an input, for crun gives its stdin to root inside: never the host's /dev/null.
      const said = await run('crun', arguments_, { input: '' });
      return said.includes('refused') ? 'refused a system call in a sliver' : missing(`crun said ${said}`);
    } finally {
      await crun.delete('seccomp');
    }
  },
};
