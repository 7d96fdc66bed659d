import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { debianMirrors } from '../../daemon/images/apt-sources.ts';
import { sourceLines } from '../../daemon/images/sources/build.ts';
import { smallImageDirectory } from '../node/image.ts';

/**
 * A Debian 12 machine with systemd as its init, in QEMU: what `scripts/install` is for. Its root is an ext4 without
 * initramfs on the disk, its packages are those that a node needs of Debian (fetched once, then cached), the project
 * is at /project, and there is no network.
 */
const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const CACHE = process.env.SLIVERD_CACHE ?? '/var/cache/sliverd';
const MACHINE = ['systemd-sysv', 'udev', 'kmod', 'procps', 'python3-minimal'];
const SHIPPED = [
  'daemon',
  'netns',
  'kernel-profiles',
  'scripts',
  'docs',
  'node_modules',
  'package.json',
  'package-lock.json',
];

/** A tar of the machine's Debian. */
function baseTar(): string {
  const listed = readFileSync(`${PROJECT}/scripts/debian-packages`, 'utf8').matchAll(/^run\s+(\S+)/gm);
  const packages = [...MACHINE, ...[...listed].map(([, name]) => name!)].sort();
  const sources = sourceLines('bookworm', debianMirrors());
  const key = createHash('sha256')
    .update(JSON.stringify([packages, sources]))
    .digest('hex')
    .slice(0, 16);
  const path = `${CACHE}/test-machine-${key}.tar`;
  if (existsSync(path)) return path;
  mkdirSync(CACHE, { recursive: true });
  const settings = execFileSync('apt-config', ['dump', '--format', '%F "%v";%n'], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => /^Acquire::(https?|Check)/.test(line));
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
  execFileSync(
    'mmdebstrap',
    [
      '--quiet',
      '--mode=root',
      '--variant=minbase',
      '--format=tar',
      '--dpkgopt=force-unsafe-io',
      `--keyring=${keyring}`,
      `--include=${packages.join(',')}`,
      '--aptopt=APT::Install-Recommends "false"',
      ...settings.map((setting) => `--aptopt=${setting}`),
      'bookworm',
      `${path}.new`,
      ...sources,
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  renameSync(`${path}.new`, path);
  return path;
}

/** The machine's disk: its Debian, the kernel's modules, the project, and a unit that runs the scripts. */
function makeDisk(work: string, kernel: string, boots: readonly string[]): string {
  const root = `${work}/root`;
  mkdirSync(root);
  execFileSync('tar', ['-xf', baseTar(), '-C', root, '--exclude=./dev/*']);
  execFileSync('cp', ['-a', `${kernel}/lib/modules`, `${root}/usr/lib/`]);
  mkdirSync(`${root}/project`);
  execFileSync('cp', ['-a', ...SHIPPED.map((name) => `${PROJECT}/${name}`), `${root}/project/`]);
  // What scripts/lib/setup.sh goes by: these packages are those that this very test runs with.
  execFileSync('touch', [`${root}/project/node_modules/.package-lock.json`]);
  const small = smallImageDirectory();
  execFileSync('cp', ['-a', small, `${root}/small`]);
  rmSync(small, { recursive: true });
  writeFileSync(`${root}/etc/hostname`, 'machine\n');
  writeFileSync(`${root}/etc/fstab`, '/dev/nvme0n1 / ext4 defaults 0 1\n');
  for (const [n, script] of boots.entries()) writeFileSync(`${root}/boot-${n}`, script);
  // What wants no more than the default target is up by then, the node too.
  writeFileSync(
    `${root}/etc/systemd/system/test.service`,
    '[Unit]\nDescription=The test\nAfter=multi-user.target\n[Service]\nType=oneshot\nTimeoutStartSec=infinity\nEnvironment=HOME=/root LANG=C.UTF-8\n' +
      'ExecStart=/bin/sh -c \'bash -eu /boot-$BOOT > /dev/ttyS0 2>&1; echo "@@ ended $?" > /dev/ttyS0\'\nExecStopPost=systemctl --no-block poweroff\n',
  );
  mkdirSync(`${root}/etc/systemd/system/multi-user.target.wants`, { recursive: true });
  execFileSync('ln', [
    '-s',
    '../test.service',
    `${root}/etc/systemd/system/multi-user.target.wants/test.service`,
  ]);
  // A login prompt would hang up the line that the test writes to.
  execFileSync('ln', ['-s', '/dev/null', `${root}/etc/systemd/system/serial-getty@ttyS0.service`]);
  const disk = `${work}/disk.img`;
  execFileSync('mkfs.ext4', ['-q', '-d', root, '-E', 'lazy_itable_init=1,lazy_journal_init=1', disk, '8G']);
  rmSync(root, { recursive: true });
  return disk;
}

/**
 * Runs bash scripts (with -eu) as root on a fresh machine, each in a boot of its own, until one fails: the machine is
 * powered off in between as its owner would, and keeps its disk. Returns what they wrote and the last exit status.
 * `SLIVERD_VM_SHOW=1` shows the output as it comes.
 */
export async function onMachine(
  boots: readonly string[],
  timeoutSeconds = 3000,
): Promise<{ exitCode: number; output: string }> {
  execFileSync(`${PROJECT}/scripts/vm`, ['--fetch', '--kernel', '6.12'], { stdio: 'inherit' });
  const kernel = `${CACHE}/kernels/6.12`;
  const work = mkdtempSync(join(tmpdir(), 'sliverd-machine.'));
  const end = performance.now() + timeoutSeconds * 1000;
  try {
    const disk = makeDisk(work, kernel, boots);
    let output = '';
    for (const n of boots.keys()) {
      const shown = await boot(kernel, disk, n, end - performance.now());
      const ended = /@@ ended (\d+)$/m.exec(shown);
      if (!ended) throw new Error(`the machine ended without a status:\n${(output + shown).slice(-4000)}`);
      output += shown.slice(0, ended.index);
      const exitCode = Number(ended[1]);
      if (exitCode || n === boots.length - 1) return { exitCode, output };
    }
    throw new Error('there is nothing to run');
  } finally {
    rmSync(work, { recursive: true });
  }
}

/** One boot, from power on to power off; returns what came by the serial line. */
async function boot(kernel: string, disk: string, n: number, milliseconds: number): Promise<string> {
  const qemu = spawn(
    'setpriv',
    [
      ...[
        '--pdeathsig',
        'KILL',
        'qemu-system-x86_64',
        '-M',
        'pc',
        '-accel',
        'tcg',
        '-cpu',
        'max',
        '-m',
        '2G',
      ],
      // One processor: two that share a thread of QEMU's wait for each other at every change of a page table.
      ...['-smp', '1', '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-nic', 'none'],
      ...['-serial', 'stdio', '-drive', `file=${disk},if=none,id=root,format=raw,cache=unsafe`],
      ...['-device', 'nvme,drive=root,serial=root', '-kernel', `${kernel}/vmlinuz`, '-append'],
      `root=/dev/nvme0n1 rw console=ttyS0 quiet panic=-1 psi=1 mitigations=off init_on_alloc=0 systemd.show_status=0 systemd.setenv=BOOT=${n}`,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  for (const stream of [qemu.stdout, qemu.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text.replaceAll('\r', '');
      if (process.env.SLIVERD_VM_SHOW) process.stderr.write(text);
    });
  const clock = setTimeout(() => qemu.kill('SIGKILL'), milliseconds);
  await new Promise((resolve, reject) => qemu.once('close', resolve).once('error', reject));
  clearTimeout(clock);
  return output;
}
