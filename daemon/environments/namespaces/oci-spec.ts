import type { KernelProfile } from '../profiles.ts';
import type { OciProcess } from './crun.ts';
import { ociSeccomp } from './seccomp.ts';

/** What the node shows inside, on a file system of ours (/run), so that any image will do, even an empty one. */
export const INSIDE = '/run/sliverd';
export const INIT_INSIDE = `${INSIDE}/init`;
/** An sftp-server of the node's, for images that have none (access/door/sftp.ts). */
export const SFTP_INSIDE = `${INSIDE}/sftp`;
/** The slice's own start-up script: its name in `insidePath`, and what runs it, by its `#!` line or else as shell. */
export const INITSCRIPT = { name: 'initscript', command: `cd; exec ${INSIDE}/initscript` } as const;
/** Ids of a sliver's user namespace: those of a conventional machine, `nobody` (65534) included. */
export const ID_COUNT = 65_536;

export interface OciInput {
  hostname: string;
  /** The root file system, mounted already, with its owners shifted to `uidBase`. */
  rootPath: string;
  /** A static init of the host that reaps (catatonit), run with `-P`. */
  initPath: string;
  /** Folder of the host seen at INSIDE, read-only; holds an empty file `init`, on which the init is mounted. */
  insidePath: string;
  /** From the root of the cgroup file system, as in `/sliverd/s7`. */
  cgroupPath: string;
  /** Host id of root inside; ID_COUNT ids follow it, for users and for groups. */
  uidBase: number;
  profile: KernelProfile;
  /** Of the init, and so of what it starts; added to the few of a login. */
  env?: Record<string, string>;
  terminal?: false;
  /** Joins this user namespace, whose mapping must be the one above, instead of making one. */
  userNamespacePath?: string;
  /** Joins this network namespace (made and wired up by the caller) instead of making an empty one. */
  networkNamespacePath?: string;
  /** Bind mounts beyond these and the profile's. */
  binds?: readonly { source: string; destination: string; readOnly: boolean }[];
  /** Nodes for the profile's devices (devices.ts); a device of the profile that has none is left out. */
  deviceNodes?: readonly { source: string; destination: string }[];
  /** The daemon's own hard limit of open files, which nothing exceeds without CAP_SYS_RESOURCE. */
  openFilesMax: number;
  /** Default: this machine's. */
  arch?: string;
}

/** The OCI 1.0.2 configuration of a sliver, for crun's `config.json`. Pure. */
export function ociSpec(input: OciInput): object {
  const { profile } = input;
  const capabilities = profile.capabilities.flatMap((group) => group.add);
  const env = {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/root',
    LANG: 'C.UTF-8',
    // What tools such as systemd-detect-virt look for in the first process.
    container: 'sliverd',
    ...input.env,
  };
  const readonly = profile.readonlyPaths.flatMap((group) => group.paths);
  const mapping = [{ containerID: 0, hostID: input.uidBase, size: ID_COUNT }];
  return {
    ociVersion: '1.0.2',
    hostname: input.hostname,
    root: { path: input.rootPath, readonly: false },
    process: {
      terminal: input.terminal ?? false,
      user: { uid: 0, gid: 0, umask: 0o022 },
      args: [INIT_INSIDE, '-P'],
      env: Object.entries(env).map(([key, value]) => `${key}=${value}`),
      cwd: '/',
      // su, sudo and ping gain rights by set-uid bits and file capabilities, as on any machine.
      noNewPrivileges: false,
      // None inheritable or ambient: a user's process has none, root's has the bounding set.
      capabilities: {
        bounding: capabilities,
        effective: capabilities,
        permitted: capabilities,
        inheritable: [],
        ambient: [],
      },
      rlimits: rlimits(input.openFilesMax),
      // A little before the node's own services, whose score is 0 or less.
      oomScoreAdj: 100,
    },
    mounts: [...kernelMounts(readonly), ...profileMounts(profile), ...binds(input)],
    linux: {
      cgroupsPath: input.cgroupPath,
      namespaces: [
        { type: 'user', ...(input.userNamespacePath ? { path: input.userNamespacePath } : {}) },
        { type: 'pid' },
        { type: 'mount' },
        { type: 'network', ...(input.networkNamespacePath ? { path: input.networkNamespacePath } : {}) },
        { type: 'uts' },
        { type: 'ipc' },
        { type: 'cgroup' },
      ],
      ...(input.userNamespacePath ? {} : { uidMappings: mapping, gidMappings: mapping }),
      rootfsPropagation: 'rprivate',
      sysctl: Object.assign({}, ...profile.sysctls.map((group) => group.set)),
      seccomp: ociSeccomp(profile, input.arch ?? process.arch),
      maskedPaths: profile.maskedPaths.flatMap((group) => group.paths),
      readonlyPaths: readonly.filter((path) => path !== '/sys'),
    },
  };
}

/**
 * The container's own process without what a login decides, as text that ends within `env`: the login shell
 * (access/door/privileged/enter.c) adds to it, and so need not read JSON.
 */
export function loginTemplate(config: object): string {
  const { process } = config as { process: OciProcess };
  const { env, args: _args, cwd: _cwd, terminal: _terminal, ...rest } = process;
  return `${JSON.stringify(rest).slice(0, -1)},"env":[${env.map((entry) => JSON.stringify(entry)).join(',')}`;
}

/** What a Debian machine gives its services; the rest is the daemon's own. Processes and memory are bounded by the cgroup, not here. */
function rlimits(openFilesMax: number): object[] {
  return [
    // 1024, because programs that use select() break on descriptors past it; whoever needs more raises it.
    { type: 'RLIMIT_NOFILE', soft: Math.min(1024, openFilesMax), hard: Math.min(524_288, openFilesMax) },
  ];
}

/**
 * All nodev: a device node in a sliver's tree opens nothing (docs/decisions/0005-no-device-cgroup.md). Sizes bound
 * what isn't meant for data; the pages count for the sliver's memory limit in any case.
 */
function kernelMounts(readonly: readonly string[]): object[] {
  const mount = (destination: string, type: string, ...options: string[]): object => ({
    destination,
    type,
    source: type,
    options,
  });
  return [
    mount('/proc', 'proc', 'nosuid', 'noexec', 'nodev'),
    // As an option: by `readonlyPaths`, crun would bind it anew, and the cgroups below would become writable.
    mount('/sys', 'sysfs', 'nosuid', 'noexec', 'nodev', readonly.includes('/sys') ? 'ro' : 'rw'),
    mount('/sys/fs/cgroup', 'cgroup', 'nosuid', 'noexec', 'nodev', 'relatime', 'ro'),
    mount('/dev', 'tmpfs', 'nosuid', 'noexec', 'strictatime', 'mode=755', 'size=1m', 'nr_inodes=4k'),
    mount('/dev/pts', 'devpts', 'nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'),
    mount('/dev/shm', 'tmpfs', 'nosuid', 'nodev', 'mode=1777', 'size=50%'),
    mount('/dev/mqueue', 'mqueue', 'nosuid', 'noexec', 'nodev'),
    mount('/run', 'tmpfs', 'nosuid', 'nodev', 'mode=755', 'size=10%'),
    mount('/run/lock', 'tmpfs', 'nosuid', 'nodev', 'noexec', 'mode=1777', 'size=5m'),
  ];
}

function profileMounts(profile: KernelProfile): object[] {
  return (profile.mounts ?? []).map(({ destination, type, options }) => ({
    destination,
    type,
    source: type,
    options,
  }));
}

/**
 * Private, since crun clones what it binds in the host's namespace: where mounts there are shared, as systemd makes them,
 * the init that is mounted within INSIDE would appear in the host's folder too, and keep it busy.
 */
function binds(input: OciInput): object[] {
  const devices = new Set(input.profile.devices.flatMap((group) => group.paths));
  return [
    {
      destination: INSIDE,
      type: 'bind',
      source: input.insidePath,
      options: ['bind', 'private', 'ro', 'nosuid', 'nodev'],
    },
    {
      destination: INIT_INSIDE,
      type: 'bind',
      source: input.initPath,
      options: ['bind', 'private', 'ro', 'nosuid', 'nodev'],
    },
    ...(input.deviceNodes ?? [])
      .filter(({ destination }) => devices.has(destination))
      .map(({ source, destination }) => ({
        destination,
        type: 'bind',
        source,
        options: ['bind', 'private', 'rw', 'nosuid', 'noexec'],
      })),
    ...(input.binds ?? []).map(({ source, destination, readOnly }) => ({
      destination,
      type: 'bind',
      source,
      options: ['bind', 'private', readOnly ? 'ro' : 'rw', 'nosuid', 'nodev'],
    })),
  ];
}
