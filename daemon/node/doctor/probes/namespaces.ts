import { IdMapping } from '../../../kernel/id-mapping.ts';
import { run } from '../../../kernel/run.ts';
import { UIDS_PER_SLIVER, uidBase } from '../../../slivers/record.ts';
import type { Probe } from './probe.ts';

const inUserNamespace =
  (kind: string, ...options: string[]): Probe =>
  async () => {
    await run('unshare', ['--user', '--map-root-user', ...options, 'true'], { timeout: 20_000 });
    return `made a ${kind} namespace inside a user namespace`;
  };

export const namespaceProbes: Record<string, Probe> = {
  'user-namespaces': async () => {
    const base = uidBase(0); // no sliver has the id 0
    const ids = new IdMapping(base, UIDS_PER_SLIVER);
    await ids.descriptor().finally(() => ids.close());
    return `mapped ${UIDS_PER_SLIVER} ids from ${base}`;
  },
  'namespace-mount': inUserNamespace('mount', '--mount'),
  'namespace-pid': inUserNamespace('process', '--pid', '--fork'),
  'namespace-network': inUserNamespace('network', '--net'),
  'namespace-uts': inUserNamespace('host name', '--uts'),
  'namespace-ipc': inUserNamespace('IPC', '--ipc'),
  'namespace-cgroup': inUserNamespace('cgroup', '--cgroup'),
};
