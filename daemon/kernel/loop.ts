import { closeSync, openSync } from 'node:fs';
import { SliverdError } from '../errors.ts';
import { Errno, ioctl, ioctlNumber } from './syscalls.ts';

const LOOP_SET_CAPACITY = 0x4c07;
const LOOP_CONFIGURE = 0x4c0a;
const LOOP_CTL_GET_FREE = 0x4c82;
const LO_FLAGS_AUTOCLEAR = 4;

/**
 * Binds `file` to a free loop device and returns the device's path and an open descriptor. With AUTOCLEAR the
 * kernel frees the device when its last user (the mount, and this descriptor) goes, so a crash can't leak one.
 */
export function attachLoop(file: string): { device: string; fd: number } {
  const backing = openSync(file, 'r+');
  const control = openSync('/dev/loop-control', 'r+');
  try {
    // Somebody else may take the free device between the two calls: ask again.
    for (let attempt = 0; attempt < 64; attempt++) {
      const number = ioctlNumber(control, LOOP_CTL_GET_FREE, 0, '/dev/loop-control');
      const device = `/dev/loop${number}`;
      const fd = openSync(device, 'r+');
      const config = Buffer.alloc(304); // struct loop_config: fd, block size, struct loop_info64 at 8
      config.writeUInt32LE(backing, 0);
      config.writeUInt32LE(LO_FLAGS_AUTOCLEAR, 8 + 52);
      config.write(file.slice(-63), 8 + 56);
      try {
        ioctl(fd, LOOP_CONFIGURE, config, `${device} on ${file}`);
        return { device, fd };
      } catch (error) {
        closeSync(fd);
        if (!(error instanceof SliverdError) || error.extra.errno !== Errno.EBUSY) throw error;
      }
    }
    throw new SliverdError('kernel', `no loop device came free for ${file}`);
  } finally {
    closeSync(control);
    closeSync(backing);
  }
}

/** Lets a loop device see that its file has grown. */
export function growLoop(device: string): void {
  const fd = openSync(device, 'r+');
  try {
    ioctlNumber(fd, LOOP_SET_CAPACITY, 0, device);
  } finally {
    closeSync(fd);
  }
}
