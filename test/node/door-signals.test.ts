import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { scratch, TestNode, until } from './harness.ts';
import { importSmallImage } from './image.ts';
import { makeKey, sshOptions } from './ssh.ts';

// Where crun is slow to end once it has begun a login's program, so that there is time for a signal before the login shell knows it.
const home = scratch('signals');
const SLOW = `#!/bin/sh
/usr/bin/crun "$@"
s=$?
case "$*" in *'exec --detach'*) sleep 1 ;; esac
exit $s
`;
let node: TestNode;

beforeAll(async () => {
  makeKey(`${home}/key`);
  writeFileSync(`${home}/crun`, SLOW, { mode: 0o755 });
  node = await TestNode.start('access:\n  port: 2222\n', {}, (pid) => {
    const words = [`--mount=/proc/${pid}/ns/mnt`, '--', 'sh', '-c'];
    const script = `mount -t tmpfs none /usr/local/sbin && cp ${home}/crun /usr/local/sbin/`;
    execFileSync('nsenter', [...words, script]);
  });
  await importSmallImage(node);
  const keys = [readFileSync(`${home}/key.pub`, 'utf8').trim()];
  await node.ok('POST', '/v1/slivers', { name: 's_one', image: 'small', keys });
  const words = [...sshOptions(`${home}/key`), 's_one@127.0.0.1', 'true'];
  await until(() => node.attempt('', 'ssh', ...words).status === 0, 'the door to open');
});
afterAll(async () => {
  await node?.stop();
  rmSync(home, { recursive: true, force: true });
});

const SIGNAL = `
import paramiko, sys
c = paramiko.SSHClient()
c.set_missing_host_key_policy(paramiko.AutoAddPolicy())
c.connect('127.0.0.1', port=2222, username='s_one', key_filename=sys.argv[1], allow_agent=False, look_for_keys=False)
t = c.get_transport().open_session()
t.settimeout(20)
t.exec_command('echo begun; exec sleep 7654')
m = paramiko.Message()
m.add_byte(b'\\x62'); m.add_int(t.remote_chanid); m.add_string('signal'); m.add_boolean(False); m.add_string(sys.argv[2])
print(t.recv(100).decode().strip())
c.get_transport()._send_user_message(m)
print(t.recv_exit_status())
`;

it.each(['TERM', 'USR1'])("SIG%s at a program's first word is the program's, and ends it", async (name) => {
  const said = node.attempt('', '/usr/bin/python3', '-uc', SIGNAL, `${home}/key`, name);
  expect(said).toMatchObject({ stdout: 'begun\n-1\n', stderr: '' });
  expect((await node.exec('s_one', 'ps')).stdout).not.toMatch(/7654/);
});
