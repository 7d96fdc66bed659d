import { SliverdError } from '../errors.ts';

/** What `{ build: NAME }` makes: a minimal Debian with what a person expects of a networked Linux machine. */
export interface Recipe {
  /** Debian's name of the release; its updates and security fixes come with it. */
  release: string;
  /** Beside those that Debian calls required, and apt. */
  packages: readonly string[];
}

/** A sliver's init is ours, its addresses are the node's work: no systemd, no ifupdown. */
const PACKAGES = [
  'adduser',
  'bash',
  'ca-certificates',
  'curl',
  'iproute2',
  'iputils-ping',
  'less',
  'login',
  'netbase',
  'openssh-sftp-server',
  'passwd',
  'procps',
  'python3-minimal',
  'sudo',
  'tcpdump',
  'traceroute',
  'vim-tiny',
] as const;

export const RECIPES: Record<string, Recipe> = {
  'debian-12': { release: 'bookworm', packages: PACKAGES },
  'debian-13': { release: 'trixie', packages: PACKAGES },
};

export function recipe(name: string): Recipe {
  const found = Object.hasOwn(RECIPES, name) ? RECIPES[name] : undefined;
  if (!found)
    throw new SliverdError(
      'bad-source',
      `there is no recipe ${JSON.stringify(name)}; there are ${Object.keys(RECIPES).join(', ')}`,
    );
  return found;
}

/** Files of the image that are the same on every machine that builds it, by path. */
export const FILES: Readonly<Record<string, string>> = {
  // The builder's own, otherwise; a sliver gets its own at each start.
  '/etc/hostname': 'localhost\n',
  '/etc/resolv.conf': '',
  '/etc/hosts': '127.0.0.1\tlocalhost\n::1\t\tlocalhost ip6-localhost ip6-loopback\n',
  '/etc/default/locale': 'LANG=C.UTF-8\n',
};
