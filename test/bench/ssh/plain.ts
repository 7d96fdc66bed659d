import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { TestNode } from '../../node/harness.ts';
import { makeKey } from '../../node/ssh.ts';

/** The uid of an account that nobody else has: the range is the slivers', and its first belong to none of them. */
const UID = 0x7000_0001;
export const [PLAIN_ACCOUNT, PLAIN_PORT] = ['bench_plain', 2223];

/**
 * Debian's sshd as it comes, with its own PAM service, and an ordinary account whose shell is bash, on the node's address.
 * In a mount namespace of its own: the machine's accounts and what it notes of logins stay as they are.
 */
export async function plainSshd(node: TestNode, publicKey: string): Promise<{ home: string; stop(): void }> {
  const folder = `${node.folder}/plain`;
  const home = `${folder}/home`;
  for (const path of [`${home}/.ssh`, `${folder}/log`, `${folder}/extrausers`])
    mkdirSync(path, { recursive: true, mode: 0o755 });
  writeFileSync(`${folder}/keys`, publicKey);
  makeKey(`${folder}/host_key`);
  const line = [PLAIN_ACCOUNT, 'x', UID, UID, '', home, '/bin/bash'].join(':');
  writeFileSync(`${folder}/extrausers/passwd`, `${line}\n`);
  writeFileSync(`${folder}/extrausers/group`, `${PLAIN_ACCOUNT}:x:${UID}:\n`);
  writeFileSync(`${folder}/extrausers/shadow`, `${PLAIN_ACCOUNT}:*:19000:0:99999:7:::\n`);
  writeFileSync(
    `${folder}/nsswitch.conf`,
    'passwd: files extrausers\ngroup: files extrausers\nshadow: files extrausers\n',
  );
  writeFileSync(
    `${folder}/sshd_config`,
    // Debian's, but for where it is, whom it lets in, and how many may come at once.
    `Port ${PLAIN_PORT}
HostKey ${folder}/host_key
PidFile ${folder}/pid
AuthorizedKeysFile ${folder}/keys
StrictModes no
MaxStartups 200:30:400
KbdInteractiveAuthentication no
UsePAM yes
X11Forwarding yes
PrintMotd no
AcceptEnv LANG LC_*
Subsystem sftp /usr/lib/openssh/sftp-server
`,
  );
  const begin =
    'chown -R "$1:$1" "$0/home" && mount --bind "$0/nsswitch.conf" /etc/nsswitch.conf &&' +
    ' mount --bind "$0/extrausers" /var/lib/extrausers && mount --bind "$0/log" /var/log && mkdir -p /run/sshd &&' +
    ' exec /usr/sbin/sshd -D -E "$0/said" -f "$0/sshd_config"';
  node.spawn('unshare', '--mount', '--propagation', 'private', '--', 'sh', '-c', begin, folder, String(UID));
  return { home, stop: () => process.kill(Number(readFileSync(`${folder}/pid`, 'utf8'))) };
}
