import { chmodSync, rmSync } from 'node:fs';
import { pino } from 'pino';
import { CgroupTree } from '../../../daemon/cgroups/tree.ts';
import { namespacesEnvironment } from '../../../daemon/environments/namespaces/index.ts';
import { loadProfiles } from '../../../daemon/environments/profiles.ts';
import { NodePaths } from '../../../daemon/node/paths.ts';
import { NO_LIMITS } from '../../../netns/network-limits.ts';
import { loopbackNetwork } from '../../../netns/sliver-network.ts';
import { behaviour } from '../behaviour.ts';
import { scratch } from '../harness.ts';
import { smallImageDirectory } from '../image.ts';

behaviour(
  'namespaces',
  async () => {
    const folder = scratch('namespaces');
    chmodSync(folder, 0o711);
    const image = smallImageDirectory();
    const cgroups = new CgroupTree(`/${folder.split('/').at(-1)}`);
    const environment = namespacesEnvironment({
      paths: new NodePaths(`${folder}/state`, `${folder}/run`),
      cgroups,
      profiles: loadProfiles(`${import.meta.dirname}/../../../kernel-profiles`),
      imageRoot: () => image,
      network: loopbackNetwork('a test'),
      networkLimits: () => NO_LIMITS,
      networkDay: () => undefined,
      stopGraceSeconds: 1,
      log: pino({ level: 'silent' }),
    });
    return {
      environment,
      imageDigest: `sha256:${'ab'.repeat(32)}`,
      profile: 'standard',
      async end() {
        await environment.sweep(new Set());
        await environment.close();
        cgroups.remove();
        for (const path of [folder, image]) rmSync(path, { recursive: true });
      },
    };
  },
  { mapsIds: true },
);
