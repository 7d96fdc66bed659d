import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statfsSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { makeLayer, mountRoot } from '../../../environments/namespaces/root.ts';
import { explain } from '../../../errors.ts';
import { IdMapping } from '../../../kernel/id-mapping.ts';
import { attachLoop } from '../../../kernel/loop.ts';
import { mountOf } from '../../../kernel/mounts.ts';
import { projectUsage, setProject, setProjectLimit } from '../../../kernel/quota.ts';
import { run } from '../../../kernel/run.ts';
import { attachMount, closeFd, MountAttr, newMount } from '../../../kernel/syscalls.ts';
import { UIDS_PER_SLIVER, uidBase } from '../../../slivers/record.ts';
import type { Bench } from '../bench.ts';
import { missing, type Probe } from './probe.ts';

const MIB = 1024 * 1024;
const ENOUGH = { bytes: 4096 * MIB, inodes: 100_000 };
/** No sliver has the id 0, so its ids are free to try things with. */
const OWNER = uidBase(0);

export const fileProbes: Record<string, Probe> = {
  'state-directory': async (bench) => {
    const folder = bench.stateFolder('durable');
    const file = `${folder}/file`;
    const fd = openSync(`${file}.new`, 'wx');
    try {
      writeSync(fd, 'kept');
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(`${file}.new`, file);
    const directory = openSync(folder, 'r');
    try {
      fsyncSync(directory);
    } finally {
      closeSync(directory);
    }
    if (readFileSync(file, 'utf8') !== 'kept') missing('what was written was not read back');
    return `wrote, synced and renamed in ${bench.options.stateDirectory}`;
  },
  'state-durable': async (bench) => {
    const { type, source } = mountOf(bench.options.stateDirectory);
    if (['tmpfs', 'ramfs', 'overlay'].includes(type))
      missing(`${bench.options.stateDirectory} is on ${type}`);
    return `${type} on ${source}`;
  },
  'free-disk': async (bench) => {
    const { bavail, bsize, files, ffree } = statfsSync(bench.options.stateDirectory);
    const free = `${((bavail * bsize) / 1e9).toFixed(1)} GB and ${files ? `${ffree} inodes` : 'any number of inodes'} free`;
    // Some file systems (btrfs) make inodes as they need them and count none.
    if (bavail * bsize < ENOUGH.bytes || (files > 0 && ffree < ENOUGH.inodes)) missing(free);
    return free;
  },
  'overlay-idmapped': async (bench) => {
    const image = `${bench.stateFolder('overlay')}/image`;
    mkdirSync(image, { mode: 0o755 });
    writeFileSync(`${image}/file`, "root's");
    const layer = makeLayer(bench.stateFolder('overlay-layer'), OWNER, {});
    const mount = bench.runFolder('overlay');
    const root = `${mount}/root`;
    const ids = new IdMapping(OWNER, UIDS_PER_SLIVER);
    try {
      mountRoot(image, layer, await ids.descriptor(), { lower: `${mount}/lower`, root });
    } finally {
      ids.close();
    }
    const { uid } = statSync(`${root}/file`);
    if (uid !== OWNER) missing(`a file of root's belongs to ${uid} in the sliver's tree, not to ${OWNER}`);
    chmodSync(`${root}/file`, 0o600); // is copied up
    if (statSync(`${layer.upper}/file`).uid !== OWNER) missing('a changed file has another owner');
    return "a file of root's belonged to a sliver's root, without copying";
  },
  'disk-limits': async (bench) => {
    try {
      return await projectQuota(bench);
    } catch (error) {
      return `${await loopDisk(bench)}, since there is no project quota: ${explain(error)}`;
    }
  },
  'mkfs-ext4': async (bench) => {
    const image = `${bench.stateFolder('mkfs')}/disk`;
    await makeExt4(image, 8);
    await run('e2fsck', ['-fp', image]);
    truncateSync(image, 12 * MIB);
    await run('resize2fs', [image]);
    return 'made, checked and grew a file system';
  },
  tar: async (bench) => {
    const folder = bench.stateFolder('tar');
    writeFileSync(`${folder}/file`, 'in');
    const common = ['--numeric-owner', '--xattrs', '--xattrs-include=*', '-C', folder];
    await run('tar', [...common, `--owner=${OWNER}`, `--group=${OWNER}`, '-cf', `${folder}/archive`, 'file']);
    mkdirSync(`${folder}/out`);
    await run('tar', [...common.slice(0, -1), `${folder}/out`, '-xf', `${folder}/archive`]);
    const { uid } = statSync(`${folder}/out/file`);
    return uid === OWNER ? 'packed and unpacked with owners' : missing(`the owner came back as ${uid}`);
  },
};

/** Root exceeds quotas by CAP_SYS_RESOURCE, which a sliver's writes lack: so does the writer here. */
async function projectQuota(bench: Bench): Promise<string> {
  const folder = bench.stateFolder('quota');
  const { source, type } = mountOf(folder);
  projectUsage(source, OWNER);
  setProject(folder, OWNER);
  setProjectLimit(source, OWNER, MIB, 100);
  try {
    const write = `head -c ${2 * MIB} /dev/zero > ${folder}/file`;
    const written = await run('setpriv', ['--bounding-set', '-sys_resource', 'sh', '-c', write]).then(
      () => true,
      () => false,
    );
    if (written) missing(`project quota on ${source} counts but does not limit`);
    return `project quota on ${source} (${type})`;
  } finally {
    setProjectLimit(source, OWNER, 0, 0);
  }
}

async function loopDisk(bench: Bench): Promise<string> {
  const image = `${bench.stateFolder('loop')}/disk`;
  const target = bench.runFolder('loop');
  await makeExt4(image, 8);
  const { device, fd } = attachLoop(image);
  try {
    const mount = newMount('ext4', { source: device }, MountAttr.NODEV);
    try {
      attachMount(mount, target);
    } finally {
      closeFd(mount);
    }
  } finally {
    closeSync(fd);
  }
  try {
    writeFileSync(`${target}/file`, Buffer.alloc(12 * MIB));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return `loop-mounted ext4 (${device})`;
    throw error;
  }
  return missing(`12 MiB went into a disk of 8 MiB (${readdirSync(target).length} files)`);
}

async function makeExt4(image: string, mebibytes: number): Promise<void> {
  closeSync(openSync(image, 'wx', 0o600));
  truncateSync(image, mebibytes * MIB);
  await run('mkfs.ext4', ['-q', '-F', '-m', '0', '-O', '^has_journal', '-E', 'nodiscard', image]);
}
