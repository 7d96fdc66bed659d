import { totalmem } from 'node:os';
import { GROUP } from './accounts.ts';

export interface DoorFiles {
  /** `access` of the state folder. */
  readonly folder: string;
  readonly pid: string;
  readonly port: number;
}

/**
 * What sliver-sshd is told. No forwarding to Unix sockets: those are files of the host's, where a slice has nothing to do; agents
 * are let inside by the login shell (privileged/agent.h); forwarding by TCP is in the sliver's network namespace
 * (privileged/pam_sliver.c).
 */
export function sshdConfig({ folder, pid, port }: DoorFiles): string {
  const startups = mostStartups(totalmem());
  return `# Written by sliverd at each start.
Port ${port}
${HOST_KEYS.map((type) => `HostKey ${folder}/host/ssh_host_${type}_key`).join('\n')}
PidFile ${pid}
LogLevel INFO
UsePAM yes
AllowGroups ${GROUP}
AuthenticationMethods publickey
PasswordAuthentication no
KbdInteractiveAuthentication no
AuthorizedKeysFile ${folder}/keys/%u
PermitRootLogin no
PermitUserEnvironment no
PermitUserRC no
PermitTunnel no
X11Forwarding no
AllowAgentForwarding yes
AllowStreamLocalForwarding no
AllowTcpForwarding yes
GatewayPorts clientspecified
AcceptEnv LANG LC_*
PrintMotd no
PrintLastLog no
UseDNS no
LoginGraceTime 30
MaxAuthTries 6
MaxStartups ${startups / 2}:30:${startups}
PerSourceMaxStartups 120
PerSourceNetBlockSize 32:64
ClientAliveInterval ${SILENCE.every}
ClientAliveCountMax ${SILENCE.times}
Subsystem sftp /usr/lib/openssh/sftp-server
Subsystem manager /run/sliverd/manager.sock
Include ${folder}/revoked.conf
`;
}

/**
 * Connections whose person isn't known yet, each a process or two of 1.3 MB for LoginGraceTime: by the memory of the
 * machine, of which they take a twentieth. One source (of IPv6 a /64) has 120 of them, since a hundred logins at once may be
 * one person's.
 */
export function mostStartups(memoryBytes: number): number {
  const fit = Math.round(memoryBytes / 20 / 2.6e6 / 100) * 100;
  return Math.min(2000, Math.max(400, fit));
}

export const HOST_KEYS = ['ed25519', 'ecdsa', 'rsa'] as const;

/**
 * A client that is cut off is given up after three minutes or four. sshd asks it every so many seconds, or twice as many (OpenSSH 9.2
 * takes its own wait for too short by a moment), and nobody while a program writes more often than that. So the kernel
 * gives up too: so many seconds after something was sent and not acknowledged.
 */
const SILENCE = { every: 30, times: 5 };
const UNACKNOWLEDGED_SECONDS = 180;

/** PAM has no say in who gets in, which a key alone decides; it begins the session. */
export const pamService = (
  module: string,
  run: string,
  cgroup: string,
  sessions: number,
): string => `auth required pam_deny.so
account required pam_permit.so
password required pam_deny.so
session required ${module} run=${run} cgroup=${cgroup} sessions=${sessions} silence=${UNACKNOWLEDGED_SECONDS}
`;

/** Finds what is behind the names as any Debian machine does, and slices. */
export const NSSWITCH = `passwd: files extrausers
group: files extrausers
shadow: files extrausers
hosts: files
`;
