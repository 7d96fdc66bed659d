import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  ID_COUNT,
  INIT_INSIDE,
  INSIDE,
  type OciInput,
  ociSpec,
} from '../../daemon/environments/namespaces/oci-spec.ts';
import { type KernelProfile, loadProfiles } from '../../daemon/environments/profiles.ts';

const profiles = loadProfiles(join(import.meta.dirname, '../../kernel-profiles'));
const profile = (name: string) => profiles.get(name) as KernelProfile;

interface Mounted {
  destination: string;
  type: string;
  source: string;
  options: string[];
}
interface Rule {
  names: string[];
  action: string;
  errnoRet: number;
  args?: { index: number; value: number; valueTwo?: number; op: string }[];
}
// biome-ignore lint/suspicious/noExplicitAny: the whole of OCI's configuration, read here and there
const spec = (input: Partial<OciInput> = {}): any =>
  ociSpec({
    hostname: 'ucb-p2ps',
    rootPath: '/run/sliverd/slivers/7/root',
    initPath: '/usr/bin/catatonit',
    insidePath: '/run/sliverd/slivers/7/inside',
    cgroupPath: '/slivers/s7',
    uidBase: 0x70070000,
    profile: profile('standard'),
    openFilesMax: 1_048_576,
    arch: 'x64',
    ...input,
  });
const mount = (of: { mounts: Mounted[] }, destination: string) =>
  of.mounts.find((one) => one.destination === destination);

describe('the OCI configuration of a sliver', () => {
  test('is the same for the same input', () => {
    expect(JSON.stringify(spec())).toBe(JSON.stringify(spec()));
  });

  test('has every namespace of its own', () => {
    expect(spec().linux.namespaces).toEqual(
      ['user', 'pid', 'mount', 'network', 'uts', 'ipc', 'cgroup'].map((type) => ({ type })),
    );
  });

  test('maps its ids, users and groups alike', () => {
    const mapping = [{ containerID: 0, hostID: 0x70070000, size: ID_COUNT }];
    expect(spec().linux).toMatchObject({ uidMappings: mapping, gidMappings: mapping });
  });

  test('joins namespaces by path, and then maps nothing itself', () => {
    const { linux } = spec({ userNamespacePath: '/u', networkNamespacePath: '/n' });
    expect(linux.namespaces).toContainEqual({ type: 'user', path: '/u' });
    expect(linux.namespaces).toContainEqual({ type: 'network', path: '/n' });
    expect(linux).not.toHaveProperty('uidMappings');
    expect(linux).not.toHaveProperty('gidMappings');
  });

  test('lets set-uid programs work, and gives nothing to a process that is not root', () => {
    const { process } = spec();
    expect(process.noNewPrivileges).toBe(false);
    expect(process.capabilities.ambient).toEqual([]);
    expect(process.capabilities.inheritable).toEqual([]);
    expect(process.capabilities.bounding).toContain('CAP_SYS_ADMIN');
  });

  test("adds environment to the login's, and can replace it", () => {
    expect(spec({ env: { A: '1', LANG: 'de_DE.UTF-8' } }).process.env).toEqual(
      expect.arrayContaining(['A=1', 'LANG=de_DE.UTF-8', 'HOME=/root']),
    );
  });

  test('asks for no more open files than the daemon has', () => {
    expect(spec({ openFilesMax: 512 }).process.rlimits).toEqual([
      { type: 'RLIMIT_NOFILE', soft: 512, hard: 512 },
    ]);
    expect(spec().process.rlimits).toEqual([{ type: 'RLIMIT_NOFILE', soft: 1024, hard: 524_288 }]);
  });

  test('mounts the init after the folder that it is in, and both read-only', () => {
    const order = spec().mounts.map((one: Mounted) => one.destination);
    expect(order.indexOf('/run')).toBeLessThan(order.indexOf(INSIDE));
    expect(order.indexOf(INSIDE)).toBeLessThan(order.indexOf(INIT_INSIDE));
    for (const path of [INSIDE, INIT_INSIDE]) expect(mount(spec(), path)?.options).toContain('ro');
  });

  test('every mount but those of device nodes is nodev or holds no nodes of others', () => {
    for (const one of spec().mounts as Mounted[])
      if (!['/dev', '/dev/pts'].includes(one.destination))
        expect(one.options, one.destination).toContain('nodev');
  });

  test("shows a profile's device only where there is a node for it", () => {
    const routing = profile('routing');
    expect(mount(spec({ profile: routing }), '/dev/net/tun')).toBeUndefined();
    const deviceNodes = [{ source: '/x/tun', destination: '/dev/net/tun' }];
    expect(mount(spec({ profile: routing, deviceNodes }), '/dev/net/tun')?.source).toBe('/x/tun');
    expect(mount(spec({ profile: profile('restricted'), deviceNodes }), '/dev/net/tun')).toBeUndefined();
  });

  test('restricted: a read-only /sys by its own mount, so that the cgroups below stay read-only', () => {
    const restricted = spec({ profile: profile('restricted') });
    expect(mount(restricted, '/sys')?.options).toContain('ro');
    expect(restricted.linux.readonlyPaths).not.toContain('/sys');
    expect(restricted.linux.readonlyPaths).toContain('/proc/sys');
  });

  test('standard covers nothing in /proc, since the kernel then refuses new ones to namespaces inside', () => {
    expect(spec().linux.maskedPaths).toEqual([]);
    expect(spec().linux.readonlyPaths).toEqual([]);
  });
});

describe('the seccomp filter', () => {
  const rules = (name: string): Rule[] => spec({ profile: profile(name) }).linux.seccomp.syscalls;

  test('allows by default, and covers every ABI of the processor', () => {
    expect(spec().linux.seccomp).toMatchObject({
      defaultAction: 'SCMP_ACT_ALLOW',
      architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
    });
    expect(() => spec({ arch: 'mips' })).toThrow(/mips/);
  });

  test('several values of several arguments become a rule each', () => {
    const raw = rules('standard').filter((rule) => rule.names.includes('socket') && rule.args?.length === 2);
    expect(raw.map((rule) => rule.args?.map((argument) => argument.valueTwo))).toEqual([
      [2, 3],
      [2, 10],
      [10, 3],
      [10, 10],
    ]);
  });

  test('an int is compared without its upper half, which the kernel drops', () => {
    const packet = rules('standard').find((rule) => rule.args?.length === 1 && rule.args[0]?.valueTwo === 17);
    expect(packet?.args).toEqual([{ index: 0, value: 0xffffffff, valueTwo: 17, op: 'SCMP_CMP_MASKED_EQ' }]);
  });

  test('all refusals of socket give one errno: on 32-bit x86 they fall together on socketcall', () => {
    for (const name of profiles.keys()) {
      const errnos = rules(name)
        .filter((rule) => rule.names.includes('socket'))
        .map((rule) => rule.errnoRet);
      expect(new Set(errnos).size, name).toBe(1);
    }
  });
});
