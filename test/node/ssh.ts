import { execFileSync } from 'node:child_process';

/** Words for a client of OpenSSH's that asks nothing and remembers nothing. */
export function sshOptions(key: string, port = 2222): string[] {
  const options = [
    ['Port', String(port)],
    ['StrictHostKeyChecking', 'no'],
    ['UserKnownHostsFile', '/dev/null'],
    ['LogLevel', 'ERROR'],
    ['BatchMode', 'yes'],
    ['IdentitiesOnly', 'yes'],
    ['ConnectTimeout', '10'],
  ].flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  return ['-F', '/dev/null', '-i', key, ...options];
}

export function makeKey(file: string, ...options: string[]): void {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file, ...options]);
}

/** As `ssh-keygen -l` has it. */
export function fingerprintOf(file: string): string {
  return execFileSync('ssh-keygen', ['-lf', file], { encoding: 'utf8' }).split(' ')[1] ?? '';
}
