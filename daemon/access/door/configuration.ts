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
  return `# Written by sliverd at each start.
Port ${port}
${HOST_KEYS.map((type) => `HostKey ${folder}/host/ssh_host_${type}_key`).join('\n')}
PidFile ${pid}
LogLevel VERBOSE
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
MaxStartups 200:30:400
PerSourceMaxStartups 150
ClientAliveInterval 60
ClientAliveCountMax 3
Subsystem sftp /usr/lib/openssh/sftp-server
Include ${folder}/revoked.conf
`;
}

export const HOST_KEYS = ['ed25519', 'ecdsa', 'rsa'] as const;

/** PAM has no say in who gets in, which a key alone decides; it begins the session. */
export const pamService = (module: string, run: string, cgroup: string): string => `auth required pam_deny.so
account required pam_permit.so
password required pam_deny.so
session required ${module} run=${run} cgroup=${cgroup}
`;

/** Finds what is behind the names as any Debian machine does, and slices. */
export const NSSWITCH = `passwd: files extrausers
group: files extrausers
shadow: files extrausers
hosts: files
`;
