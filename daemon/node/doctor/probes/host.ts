import { closeSync, openSync, readdirSync, statSync } from 'node:fs';
import { run } from '../../../kernel/run.ts';
import { clockIsSynchronised, ioctl } from '../../../kernel/syscalls.ts';
import { missing, type Probe } from './probe.ts';

const TUNGETFEATURES = 0x800454cf;
const IFF_TUN = 1;

/** A program that answers when asked for its version; what it is used for is tried by other probes. */
const answers =
  (program: string): Probe =>
  async () =>
    (await run(program, ['--version'])).split('\n')[0]?.trim() || `${program} answers`;

function open<T>(device: string, work: (fd: number) => T): T {
  const fd = openSync(device, 'r+');
  try {
    return work(fd);
  } finally {
    closeSync(fd);
  }
}

export const hostProbes: Record<string, Probe> = {
  'util-linux': answers('unshare'),
  init: answers('catatonit'),
  'image-builder': answers('mmdebstrap'),
  tun: async () =>
    open('/dev/net/tun', (fd) => {
      const features = Buffer.alloc(4);
      ioctl(fd, TUNGETFEATURES, features, '/dev/net/tun');
      return features.readUInt32LE() & IFF_TUN
        ? 'the driver answers'
        : missing('the driver makes no tun interfaces');
    }),
  fuse: async () => open('/dev/fuse', () => 'can be opened'),
  clock: async (bench) => {
    const { stateDirectory } = bench.options;
    const newest = Math.max(
      0,
      ...readdirSync(stateDirectory).map((name) => mtime(`${stateDirectory}/${name}`)),
    );
    if (newest > Date.now() + 60_000)
      missing(
        `it shows ${new Date().toISOString()}, but the state was written at ${new Date(newest).toISOString()}`,
      );
    return clockIsSynchronised()
      ? 'synchronised'
      : missing('nothing keeps it right: the kernel calls it unsynchronised');
  },
};

function mtime(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
