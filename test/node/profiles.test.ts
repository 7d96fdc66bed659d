import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestNode, until } from './harness.ts';
import { baseImageTar } from './image.ts';

/** What docs/kernel-profiles.md promises, tried in slivers of a real Debian image, one for each profile. */
const PROFILES = ['restricted', 'standard', 'measurement', 'routing'] as const;
type Profile = (typeof PROFILES)[number];
const ALL: readonly Profile[] = PROFILES;
const NONE: readonly Profile[] = [];
const UP_FROM_STANDARD: readonly Profile[] = ['standard', 'measurement', 'routing'];
const RAW: readonly Profile[] = ['measurement', 'routing'];
const ROUTING: readonly Profile[] = ['routing'];

/** As an ordinary user, who is made in `beforeAll`. */
const bob = (command: string) => `su bob -c '${command}'`;
/** A program's answer to one system call; x86_64's number, with arguments that reach no harm. */
const call = (number: number, ...args: number[]) =>
  `perl -e 'exit(syscall(${[number, ...args].join(',')}) == -1 ? $!+0 : 0)'`;
const socket = (family: number, type: number, protocol = 0) =>
  `perl -e 'socket(my $s, ${family}, ${type}, ${protocol}) or exit($!+0)'`;
const [EPERM, ENOSYS] = [1, 38];

/** A package whose files have owners of their own and whose script makes a user, as a daemon's does. */
const APT = `set -e; mkdir -p /tmp/package/DEBIAN /tmp/package/srv/p; echo x > /tmp/package/srv/p/file; chown -R 33:33 /tmp/package/srv/p
printf 'Package: p\\nVersion: 1\\nArchitecture: all\\nMaintainer: a <a@b>\\nDescription: p\\n' > /tmp/package/DEBIAN/control
printf '#!/bin/sh\\nset -e\\nadduser --system --group p\\nchown p:p /srv/p/file\\n' > /tmp/package/DEBIAN/postinst
chmod 755 /tmp/package/DEBIAN/postinst; dpkg-deb -b /tmp/package /tmp/package.deb; apt-get install -y /tmp/package.deb
test "$(stat -c %U:%g /srv/p/file /srv/p | sort | tr '\\n' ' ')" = "p:$(id -g p) www-data:33 "`;

/** Commands that end with 0 in slivers of these profiles, and with something else in all others. */
const promises: [string, string, readonly Profile[]][] = [
  ['root pings', 'ping -c1 -W2 127.0.0.1', ALL],
  ['a user pings', bob('ping -c1 -W2 127.0.0.1 && ping -6 -c1 -W2 ::1'), ALL],
  ['a user traces a route', bob('traceroute -n -m1 -w1 127.0.0.1'), ALL],
  ['sudo', bob('sudo -n id -u | grep -qx 0'), ALL],
  ['a user has no capabilities', bob('grep -q "^CapEff:[[:space:]]*0*$" /proc/self/status'), ALL],
  [
    'a program with file capabilities starts',
    'cp /usr/bin/ping /tmp/p && setcap cap_net_raw+ep /tmp/p && /tmp/p -V',
    ALL,
  ],
  ['packages, by apt', APT, ALL],
  ['chroot', 'chroot / true', ALL],
  ['terminals', 'python3 -c "import os; os.openpty()"', ALL],
  ['shared memory', 'echo x > /dev/shm/x && rm /dev/shm/x', ALL],
  ['capture of packets', 'timeout 1 tcpdump -i lo -c1; test $? = 124', RAW],
  ['a raw socket', socket(2, 3, 1), RAW],
  ['a raw socket of IPv6', socket(10, 3, 58), RAW],
  ['mount of a tmpfs', 'mount -t tmpfs t /mnt && umount /mnt', UP_FROM_STANDARD],
  ['mount by bind', 'mount --bind /etc /mnt && umount /mnt', UP_FROM_STANDARD],
  ['a change of the host name', 'hostname "$(hostname)"', UP_FROM_STANDARD],
  ['namespaces inside, with a /proc', 'unshare -Urnp --fork --mount-proc true', UP_FROM_STANDARD],
  ['namespaces inside, of a user', bob('unshare -Urnp --fork --mount-proc true'), UP_FROM_STANDARD],
  ['FUSE', 'test -c /dev/fuse && exec 3<>/dev/fuse', UP_FROM_STANDARD],
  ['interfaces', 'ip link set lo down && ip link set lo up', ROUTING],
  ['tun and tap', 'ip tuntap add dev t0 mode tun && ip tuntap del dev t0 mode tun', ROUTING],
  ['network namespaces by name', 'ip netns add x && ip netns exec x ip link && ip netns del x', ROUTING],
  ['sysctls of the network', 'sysctl -w net.ipv4.ip_default_ttl=64', ROUTING],
  ['forwarding', 'test "$(cat /proc/sys/net/ipv4/ip_forward)" = 1', ROUTING],
  ['symbols of the kernel', 'grep -q . /proc/kallsyms', UP_FROM_STANDARD],
  ['sysctls of the machine', 'sysctl -w kernel.panic=7', NONE],
  ['sysrq', 'echo h > /proc/sysrq-trigger', NONE],
  ["the kernel's log", 'dmesg', NONE],
  ['device nodes', 'mknod /tmp/null c 1 3', NONE],
  ['cgroups', 'mkdir /sys/fs/cgroup/x', NONE],
  ["the node's folder", 'touch /run/sliverd/x', NONE],
  ['setting the clock', 'date -s 2001-01-01', NONE],
];

describe('kernel profiles', () => {
  let node: TestNode;
  const run = async (profile: Profile, command: string) => node.exec(`test_${profile}`, 'sh', '-c', command);

  beforeAll(async () => {
    node = await TestNode.start();
    await node.ok('POST', '/v1/images', { name: 'debian', source: { path: await baseImageTar() } });
    for (const profile of PROFILES) {
      await node.ok('POST', '/v1/slivers', { name: `test_${profile}`, image: 'debian', profile });
      const made = await run(
        profile,
        'useradd -m bob && echo "bob ALL=(ALL) NOPASSWD:ALL" > /etc/sudoers.d/bob',
      );
      expect(made, profile).toMatchObject({ exitCode: 0 });
    }
  }, 600_000);
  afterAll(() => node?.stop());

  it.each(promises)('%s', async (_what, command, allowed) => {
    for (const profile of PROFILES) {
      const { exitCode, stdout, stderr } = await run(profile, command);
      const said = `${profile}: ${exitCode}; ${stdout}${stderr}`;
      if (allowed.includes(profile)) expect(exitCode, said).toBe(0);
      else expect(exitCode, said).not.toBe(0);
    }
  });

  it.runIf(process.arch === 'x64').each([
    ['io_uring_setup', call(425, 1, 0), ENOSYS],
    ['keyctl', call(250, 0), ENOSYS],
    ['bpf', call(321, 0, 0, 0), EPERM],
    ['perf_event_open', call(298, 0, 0, 0, 0, 0), EPERM],
    ['userfaultfd', call(323, 1), EPERM],
    ['open_by_handle_at', call(304, 0, 0, 0), EPERM],
    ['finit_module', call(313, 0, 0, 0), EPERM],
    ['socket, of the hypervisor (vsock)', socket(40, 1), EPERM],
    ['socket, of kernel cryptography', socket(38, 5), EPERM],
  ])('the call %s is refused everywhere, by its errno', async (_name, command, errno) => {
    for (const profile of PROFILES) expect((await run(profile, command)).exitCode, profile).toBe(errno);
  });

  it('capabilities of root are those of the profile, and no more', async () => {
    const profiles = new Map<Profile, bigint>();
    for (const profile of PROFILES) {
      const { stdout } = await run(profile, 'sed -n "s/^CapEff:[[:space:]]*//p" /proc/self/status');
      profiles.set(profile, BigInt(`0x${stdout.trim()}`));
    }
    const [restricted, standard, measurement, routing] = PROFILES.map((name) => profiles.get(name) ?? 0n);
    const NET_ADMIN = 1n << 12n;
    expect(measurement).toBe(standard);
    expect(routing).toBe(standard! | NET_ADMIN);
    expect(restricted! & standard!).toBe(restricted);
    expect(restricted).not.toBe(standard);
  });

  it('a reboot inside ends the sliver, and the node starts it again', async () => {
    const before = await node.ok('GET', '/v1/slivers/test_standard');
    // LINUX_REBOOT_CMD_RESTART: in a pid namespace, its init is killed.
    await run('standard', "perl -e 'syscall(169, 0xfee1dead, 672274793, 0x1234567, 0)'").catch(() => {});
    const again = async () => {
      const { state, pid } = await node.ok('GET', '/v1/slivers/test_standard');
      return state === 'running' && Number.isInteger(pid) && pid !== before.pid;
    };
    await until(again, 'the sliver to run again', 60_000);
    expect((await run('standard', 'true')).exitCode).toBe(0);
  });
});
