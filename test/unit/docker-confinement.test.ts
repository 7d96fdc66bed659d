import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Confinement, confine } from '../../daemon/environments/docker/confinement.ts';
import { type KernelProfile, loadProfiles } from '../../daemon/environments/profiles.ts';

const profiles = [...loadProfiles(join(import.meta.dirname, '../../kernel-profiles')).values()];
const named = (name: string) => profiles.find((profile) => profile.name === name) as KernelProfile;
const asked = (profile: KernelProfile) => profile.capabilities.flatMap((group) => group.add);
const every = () => true;

interface Rule {
  names: string[];
  args?: { index: number; valueTwo?: number; value: number }[];
}
const refused = ({ SecurityOpt: [option = ''] }: Confinement): Rule[] =>
  JSON.parse(option.replace('seccomp=', '')).syscalls;
const refusesIoctl = (confinement: Confinement, request: number) =>
  refused(confinement).some(
    ({ names, args }) =>
      names.includes('ioctl') && args?.some(({ index, valueTwo }) => index === 1 && valueTwo === request),
  );
const FS_IOC_FSSETXATTR = 0x401c5820;
const TIOCSTI = 0x5412;

describe.each(profiles.map((profile) => [profile.name, profile] as const))(
  'profile %s by an engine',
  (_, profile) => {
    const plain = confine(profile, false, every);
    const remapped = confine(profile, true, every);

    it('without user namespaces: nothing by which root of the node could be had', () => {
      // Each of these is over the whole machine, past file modes, or past the bounds of disk and processes.
      const over = [
        ...[
          'SYS_ADMIN',
          'SYS_PTRACE',
          'SYS_MODULE',
          'SYS_RAWIO',
          'SYS_BOOT',
          'SYS_TIME',
          'SYS_NICE',
          'BPF',
          'PERFMON',
        ],
        ...['SYS_RESOURCE', 'DAC_READ_SEARCH', 'LINUX_IMMUTABLE', 'MAC_ADMIN', 'SYSLOG', 'IPC_LOCK', 'LEASE'],
      ];
      expect(plain.confinement.CapDrop).toEqual(['ALL']);
      expect(plain.confinement.CapAdd.filter((name) => over.includes(name.replace('CAP_', '')))).toEqual([]);
    });

    it('gives or names as withheld every capability that it asks for, and none besides', () => {
      for (const { confinement, withheld } of [plain, remapped]) {
        const told = [...confinement.CapAdd, ...withheld.filter((what) => what.startsWith('CAP_'))];
        expect(told.sort()).toEqual(asked(profile).sort());
      }
      expect(remapped.confinement.CapAdd.sort()).toEqual(asked(profile).sort());
    });

    it('without user namespaces: hides of /proc and /sys what root of the node could use', () => {
      expect(plain.confinement.MaskedPaths).toEqual(expect.arrayContaining(['/proc/kcore', '/sys/firmware']));
      expect(plain.confinement.ReadonlyPaths).toEqual(
        expect.arrayContaining(['/proc/sys', '/proc/sysrq-trigger']),
      );
      const own = profile.maskedPaths.flatMap((group) => group.paths);
      expect(plain.confinement.MaskedPaths).toEqual(expect.arrayContaining(own));
      expect(remapped.confinement.MaskedPaths).toEqual(own);
    });

    it('has the filter of the profile, and without user namespaces no way out of the quota of a disk', () => {
      expect(refusesIoctl(plain.confinement, TIOCSTI)).toBe(true);
      expect(refusesIoctl(remapped.confinement, TIOCSTI)).toBe(true);
      expect(refusesIoctl(plain.confinement, FS_IOC_FSSETXATTR)).toBe(true);
      expect(refusesIoctl(remapped.confinement, FS_IOC_FSSETXATTR)).toBe(false);
    });

    it('names the devices that the machine lacks, since an engine starts nothing that asks for them', () => {
      const { confinement, withheld } = confine(profile, true, () => false);
      expect(confinement.Devices).toEqual([]);
      expect(withheld).toEqual(expect.arrayContaining(profile.devices.flatMap((group) => group.paths)));
    });
  },
);

it('routing has its devices by an engine too, and administers its network where it has a user namespace', () => {
  const plain = confine(named('routing'), false, every);
  expect(plain.confinement.CapAdd).not.toContain('CAP_NET_ADMIN');
  expect(plain.withheld).toContain('CAP_NET_ADMIN');
  const { confinement } = confine(named('routing'), true, every);
  expect(confinement.CapAdd).toContain('CAP_NET_ADMIN');
  expect(confinement.Devices.map(({ PathInContainer }) => PathInContainer)).toContain('/dev/net/tun');
  expect(Object.keys(confinement.Sysctls)).toContain('net.ipv4.ip_forward');
});
