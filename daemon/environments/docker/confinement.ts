import { statSync } from 'node:fs';
import { ociSeccomp } from '../namespaces/seccomp.ts';
import type { KernelProfile, SeccompGroup } from '../profiles.ts';

/**
 * Capabilities that stay inside a container even without a user namespace: Docker's own default set, and one that
 * acts on IPC objects, which are the container's alone. The rest of a profile is meant for root of a user namespace; given
 * by an engine that makes none, CAP_SYS_ADMIN would be the node's. So would CAP_NET_ADMIN: over rtnetlink who has it may
 * name the network namespace at the other end of his own link (IFLA_TARGET_NETNSID), and delete the node's links there.
 */
const WITHOUT_USER_NAMESPACE = new Set(
  [
    'CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE',
    'SYS_CHROOT KILL AUDIT_WRITE IPC_OWNER',
  ].flatMap((line) => line.split(' ').map((name) => `CAP_${name}`)),
);

/** What the engine hides by default: needed where root inside is root outside, so a profile only adds to it. */
const MASKED = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
];
const READ_ONLY = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/**
 * Without a user namespace, whoever owns a file may take it out of its project quota (layer.ts): by FS_IOC_FSSETXATTR,
 * or for what comes into a directory by FS_IOC_SETFLAGS, in 64 and in 32 bits, and since 6.17 by a system call.
 */
const KEEPS_QUOTA: SeccompGroup = {
  name: 'project-quota',
  why: 'Attributes of files hold the project that bounds a disk.',
  refuse: [
    {
      calls: ['ioctl'],
      errno: 'EPERM',
      when: [{ argument: 1, is: [0x401c5820, 0x40086602, 0x40046602] }],
    },
    { calls: ['file_setattr'], errno: 'ENOSYS' },
  ],
};

export interface Confinement {
  readonly CapDrop: string[];
  readonly CapAdd: string[];
  readonly SecurityOpt: string[];
  readonly Sysctls: Record<string, string>;
  readonly Devices: { PathOnHost: string; PathInContainer: string; CgroupPermissions: string }[];
  readonly MaskedPaths: string[];
  readonly ReadonlyPaths: string[];
}

/**
 * A kernel profile in the engine's terms.
 * @param remapped whether containers have a user namespace.
 * @returns what to ask for, and what of the profile the engine is not asked for, in words.
 */
export function confine(
  profile: KernelProfile,
  remapped: boolean,
  isDevice: (path: string) => boolean = characterDevice,
): { confinement: Confinement; withheld: string[] } {
  const paths = (groups: KernelProfile['devices']) => groups.flatMap((group) => group.paths);
  const asked = profile.capabilities.flatMap((group) => group.add);
  const given = asked.filter((name) => remapped || WITHOUT_USER_NAMESPACE.has(name));
  const devices = paths(profile.devices);
  const present = devices.filter(isDevice);
  const filtered = remapped ? profile : { ...profile, seccomp: [...profile.seccomp, KEEPS_QUOTA] };
  const hidden = (defaults: string[], own: string[]) => [...new Set([...(remapped ? [] : defaults), ...own])];
  return {
    confinement: {
      CapDrop: ['ALL'],
      CapAdd: given,
      SecurityOpt: [`seccomp=${JSON.stringify(ociSeccomp(filtered, process.arch))}`],
      Sysctls: Object.assign({}, ...profile.sysctls.map((group) => group.set)),
      Devices: present.map((path) => ({ PathOnHost: path, PathInContainer: path, CgroupPermissions: 'rw' })),
      MaskedPaths: hidden(MASKED, paths(profile.maskedPaths)),
      ReadonlyPaths: hidden(READ_ONLY, paths(profile.readonlyPaths)),
    },
    withheld: [
      ...asked.filter((name) => !given.includes(name)),
      ...devices.filter((path) => !present.includes(path)),
      ...(profile.mounts ?? []).map((mount) => `a ${mount.type} at ${mount.destination}`),
    ],
  };
}

function characterDevice(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isCharacterDevice() ?? false;
}
