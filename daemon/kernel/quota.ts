import { closeSync, fstatSync, openSync } from 'node:fs';
import { ioctl, quotactl } from './syscalls.ts';

/**
 * Project quotas (ext4 and xfs): a directory tree bears a project id, and the kernel bounds bytes and inodes of
 * all that bears it. Root inside a sliver can neither change the id nor exceed the bound: the one is for the initial
 * user namespace only (the environment `docker` may have no other: its confinement.ts), the other needs
 * CAP_SYS_RESOURCE there, and overlayfs drops that for the writes it makes.
 */
const FS_IOC_FSGETXATTR = 0x801c581f;
const FS_IOC_FSSETXATTR = 0x401c5820;
const FS_XFLAG_PROJINHERIT = 0x200;
const PRJQUOTA = 2;
const Q_GETQUOTA = 0x800007;
const Q_SETQUOTA = 0x800008;
const QIF_LIMITS = 1 | 4;
const BLOCK = 1024n;

const command = (operation: number) => (operation << 8) | PRJQUOTA;

/** Gives a file or a directory to `project`, and all that is made in the directory from then on. */
export function setProject(path: string, project: number): void {
  const fd = openSync(path, 'r');
  try {
    const attributes = Buffer.alloc(28);
    ioctl(fd, FS_IOC_FSGETXATTR, attributes, path);
    const inherit = fstatSync(fd).isDirectory() ? FS_XFLAG_PROJINHERIT : 0;
    attributes.writeUInt32LE(attributes.readUInt32LE(0) | inherit, 0);
    attributes.writeUInt32LE(project, 12);
    ioctl(fd, FS_IOC_FSSETXATTR, attributes, path);
  } finally {
    closeSync(fd);
  }
}

/** Bounds a project; zero lifts the bound. */
export function setProjectLimit(device: string, project: number, bytes: number, inodes: number): void {
  const block = Buffer.alloc(72);
  const blocks = (BigInt(bytes) + BLOCK - 1n) / BLOCK;
  block.writeBigUInt64LE(blocks, 0);
  block.writeBigUInt64LE(blocks, 8);
  block.writeBigUInt64LE(BigInt(inodes), 24);
  block.writeBigUInt64LE(BigInt(inodes), 32);
  block.writeUInt32LE(QIF_LIMITS, 64);
  quotactl(command(Q_SETQUOTA), device, project, block);
}

export function projectUsage(device: string, project: number): { bytes: number; inodes: number } {
  const block = Buffer.alloc(72);
  quotactl(command(Q_GETQUOTA), device, project, block);
  return { bytes: Number(block.readBigUInt64LE(16)), inodes: Number(block.readBigUInt64LE(40)) };
}
