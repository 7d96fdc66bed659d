import { chmodSync, rmSync } from 'node:fs';
import { pino } from 'pino';
import { CgroupTree } from '../../../daemon/cgroups/tree.ts';
import { namespacesEnvironment } from '../../../daemon/environments/namespaces/index.ts';
import { loadProfiles } from '../../../daemon/environments/profiles.ts';
import { NodePaths } from '../../../daemon/node/paths.ts';
import { NO_LIMITS } from '../../../netns/network-limits.ts';
import { loopbackNetwork, type SliverNetwork } from '../../../netns/sliver-network.ts';
import { behaviour } from '../behaviour.ts';
import { scratch } from '../harness.ts';
import { smallImageDirectory } from '../image.ts';
import { sharedNetwork } from '../shared-network.ts';
import { TestUplink } from './uplink.ts';

async function made(network: (folder: string, cgroup: string) => Promise<SliverNetwork>) {
  const folder = scratch('namespaces');
  chmodSync(folder, 0o711);
  const image = smallImageDirectory();
  const cgroups = new CgroupTree(`/${folder.split('/').at(-1)}`);
  const environment = namespacesEnvironment({
    paths: new NodePaths(`${folder}/state`, `${folder}/run`),
    cgroups,
    profiles: loadProfiles(`${import.meta.dirname}/../../../kernel-profiles`),
    imageRoot: () => image,
    network: await network(folder, `/${folder.split('/').at(-1)}`),
    networkLimits: () => NO_LIMITS,
    networkDay: () => undefined,
    stopGraceSeconds: 1,
    log: pino({ level: 'silent' }),
  });
  return {
    environment,
    imageDigest: `sha256:${'ab'.repeat(32)}`,
    profile: 'standard',
    /** @param taken ahead of what everything is in */
    async end(taken = async () => {}) {
      await environment.sweep(new Set());
      await environment.close();
      await taken();
      cgroups.remove();
      for (const path of [folder, image]) rmSync(path, { recursive: true });
    },
  };
}

behaviour('namespaces', () => made(async () => loopbackNetwork('a test')), { mapsIds: true });

sharedNetwork('namespaces', async () => {
  let uplink: TestUplink | undefined;
  const subject = await made(async (folder, cgroup) => {
    uplink = await TestUplink.up(`${folder}/network`, cgroup);
    return uplink.network;
  });
  return { ...subject, uplink: uplink!, end: () => subject.end(() => uplink!.down()) };
});
