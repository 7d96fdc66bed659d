import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { makeLayer, mountRoot, unmountRoot } from '../../../daemon/environments/namespaces/root.ts';
import { IdMapping } from '../../../daemon/kernel/id-mapping.ts';
import { UIDS_PER_SLIVER, uidBase } from '../../../daemon/slivers/record.ts';
import { removeCgroups } from '../cgroups.ts';
import { type Node, sliverName } from './sliverd.ts';
import { run, type Subject } from './subject.ts';

/** Uid ranges from the upper half, which the node of this run doesn't get to. */
const FIRST_ID = 2000;
/** The sliver whose bundle is copied; it lives as long as the run, since the bundle binds files of its own. */
const TEMPLATE = 999_999;

/** crun by itself, with the configuration that the daemon wrote for a sliver of the same image. */
export async function crun(of: Node): Promise<Subject> {
  await of.create(TEMPLATE);
  const [template] = (await of.list()).filter(({ name }) => name === sliverName(TEMPLATE));
  if (!template) throw new Error('the sliver whose bundle is copied is not there');
  const config = JSON.parse(readFileSync(`${of.node.run}/slivers/${template.id}/config.json`, 'utf8'));
  const image = `${of.node.state}/images/${template.image.digest.replace('sha256:', '')}/root`;
  const folder = mkdtempSync('/var/tmp/sliverd-bench-crun-');
  chmodSync(folder, 0o711); // root inside reaches its own mount points by this path
  const prepared = new Set<number>();
  const bundle = (id: number) => `${folder}/${id}`;
  const roots = (id: number) => ({ lower: `${bundle(id)}/lower`, root: `${bundle(id)}/root` });
  const cgroup = `/${folder.split('/').at(-1)}`;
  const call = (...args: string[]) =>
    run(`${folder}/output`, 'crun', '--root', `${folder}/state`, '--cgroup-manager=cgroupfs', ...args);
  mkdirSync(`/sys/fs/cgroup${cgroup}`);
  return {
    name: 'crun',
    includes:
      "`crun run` of a sliver's own bundle: the same namespaces, mounts, seccomp filter and init. Not included: making the disk, the overlay (mounted before), limits in the cgroup, any record of it",
    folder,
    async prepare(id) {
      const base = uidBase(FIRST_ID + (id % 2000));
      mkdirSync(bundle(id));
      prepared.add(id);
      const ids = new IdMapping(base, UIDS_PER_SLIVER);
      try {
        mountRoot(image, makeLayer(`${bundle(id)}/disk`, base, {}), await ids.descriptor(), roots(id));
      } finally {
        ids.close();
      }
      // crun makes its own user namespace: the sliver's is there no more.
      const namespaces = config.linux.namespaces.map(({ type }: { type: string }) => ({ type }));
      const mapping = [{ containerID: 0, hostID: base, size: 65_536 }];
      const linux = {
        ...config.linux,
        namespaces,
        cgroupsPath: `${cgroup}/${id}`,
        uidMappings: mapping,
        gidMappings: mapping,
      };
      const own = { ...config, root: { ...config.root, path: roots(id).root }, linux };
      writeFileSync(`${bundle(id)}/config.json`, JSON.stringify(own));
    },
    create: (id) => call('run', '--detach', '--bundle', bundle(id), `c${id}`),
    exec: (id) => call('exec', `c${id}`, '/bin/true'),
    remove: (id) => call('delete', '--force', `c${id}`),
    async clear(id) {
      unmountRoot(roots(id));
      rmSync(bundle(id), { recursive: true });
      prepared.delete(id);
    },
    async stop() {
      // What a failure left.
      for (const id of prepared) {
        await call('delete', '--force', `c${id}`);
        unmountRoot(roots(id));
      }
      await of.remove(TEMPLATE);
      removeCgroups(cgroup);
      rmSync(folder, { recursive: true });
    },
  };
}
