import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scratch, TestNode, until } from './harness.ts';
import { importSmallImage } from './image.ts';
import { makeKey, sshOptions } from './ssh.ts';

const home = scratch('door');
let node: TestNode;

const options = (key = 'key') => sshOptions(`${home}/${key}`);
const ssh = (...words: string[]) => node.attempt('', 'ssh', ...options(), ...words);
const at = (slice: string) => `${slice}@127.0.0.1`;
const one = at('door_one');
const listener = () => Number(readFileSync(`${node.run}/sliver-sshd.pid`, 'utf8'));
const greets = async () => {
  const greeting = () => node.attempt('', 'busybox', 'nc', '-w', '1', '127.0.0.1', '2222').stdout ?? '';
  await until(() => greeting().startsWith('SSH-2.0'), 'sliver-sshd to answer');
};

beforeAll(async () => {
  for (const name of ['key', 'other']) makeKey(`${home}/${name}`);
  node = await TestNode.start('access:\n  port: 2222\n');
  await importSmallImage(node);
  const keys = [readFileSync(`${home}/key.pub`, 'utf8').trim()];
  for (const name of ['door_one', 'door_two'])
    await node.ok('POST', '/v1/slivers', { name, image: 'small', keys });
  await greets();
});
afterAll(async () => {
  await node?.stop();
  rmSync(home, { recursive: true, force: true });
});

describe('ssh slice@node', () => {
  it('is root in the sliver of that name', () => {
    const said = ssh(one, 'cat /etc/slicename; id -u; cat /proc/1/comm');
    expect(said).toMatchObject({ status: 0, stdout: 'door_one\n0\ninit\n', stderr: '' });
    expect(ssh(at('door_two'), 'cat /etc/slicename').stdout).toBe('door_two\n');
  });

  it('passes on the exit status, stdin, and stdout and stderr apart', () => {
    expect(ssh(one, 'echo out; echo err >&2; exit 7')).toMatchObject({
      status: 7,
      stdout: 'out\n',
      stderr: 'err\n',
    });
    const bytes = 'x'.repeat(1_000_000);
    expect(node.attempt(bytes, 'ssh', ...options(), one, 'wc -c').stdout.trim()).toBe('1000000');
    expect(ssh(one, 'head -c 2000000 /dev/zero | tr "\\0" y').stdout.length).toBe(2_000_000);
  });

  it('ends when who reads has gone', () => {
    const words = ['ssh', ...options(), one, 'yes'].map((word) => `'${word}'`).join(' ');
    const said = node.attempt('', 'timeout', '-k', '1', '10', 'sh', '-c', `${words} | head -1`);
    expect(said).toMatchObject({ status: 0, stdout: 'y\n' });
  });

  it('gives a terminal of the sliver, and loses nothing that is written last', () => {
    expect(ssh('-tt', one, 'tty; exit 3')).toMatchObject({ status: 3, stdout: '/dev/pts/0\r\n' });
    for (let i = 0; i < 10; i++)
      expect(ssh('-tt', one, 'head -c 200000 /dev/zero | tr "\\0" z').stdout.length).toBe(200_000);
  });

  it('is a login shell when no command is given', () => {
    const said = node.attempt('echo "shell: $0"; exit 4\n', 'ssh', ...options(), one);
    expect(said.status).toBe(4);
    expect(said.stdout).toContain('shell: ');
  });

  it('passes on LANG and TERM, and nothing of the host', () => {
    const said = node.attempt(
      '',
      'env',
      'LANG=de_DE.UTF-8',
      'SECRET=1',
      'ssh',
      ...options(),
      '-o',
      'SendEnv=LANG SECRET',
      one,
      'env',
    );
    expect(said.stdout).toMatch(/^LANG=de_DE.UTF-8$/m);
    expect(said.stdout).toMatch(/^SSH_CONNECTION=/m);
    expect(said.stdout).not.toMatch(/SECRET|SSH_USER_AUTH|sliverd-test/);
  });
});

describe('files', () => {
  const batch = (input: string) => node.attempt(input, 'sftp', ...options(), '-b', '-', one);
  it('go both ways by sftp and scp, though the image has no sftp-server', async () => {
    execFileSync('sh', ['-c', `head -c 3000000 /dev/urandom > ${home}/sent`]);
    const sent = readFileSync(`${home}/sent`);
    expect(batch(`put ${home}/sent /root/sent\nget /root/sent ${home}/back`)).toMatchObject({ status: 0 });
    expect(readFileSync(`${home}/back`).equals(sent)).toBe(true);
    const scp = node.attempt('', 'scp', ...options(), `${one}:/root/sent`, `${home}/copied`);
    expect(scp).toMatchObject({ status: 0, stderr: '' });
    expect(readFileSync(`${home}/copied`).equals(sent)).toBe(true);
    // Nothing of the host's files.
    expect(batch(`get ${home}/key ${home}/stolen`).status).not.toBe(0);
    expect((await node.exec('door_one', 'stat', '-c', '%u', '/root/sent')).stdout).toBe('0\n');
  });
});

describe('forwarding', () => {
  it('happens in the sliver', async () => {
    await node.exec('door_one', 'sh', '-c', 'nc -ll -p 8000 -e echo inside > /dev/null 2>&1 &');
    const ask = (slice: string) => node.attempt('', 'ssh', ...options(), '-W', '127.0.0.1:8000', at(slice));
    await until(() => ask('door_one').stdout === 'inside\n', 'the service to answer');
    expect(ask('door_two').stdout).toBe(''); // its own loopback has none
    const host = node.attempt('', 'ssh', ...options(), '-W', '127.0.0.1:2222', one); // the node's has sshd there
    expect(host.stdout).toBe('');
  });

  it('listens there too', async () => {
    const remote = ['-R', '127.0.0.1:8001:127.0.0.1:2222', one, 'nc -w 1 127.0.0.1 8001 | head -1'];
    expect(ssh(...remote).stdout).toMatch(/^SSH-2.0/);
    const listening = 'sleep 1; netstat -tln 2>/dev/null || cat /proc/net/tcp';
    expect(ssh('-R', '127.0.0.1:8002:127.0.0.1:2222', one, listening).stdout).toMatch(/8002|1F42/);
  });

  it("reaches no socket file of the host's", () => {
    const said = ssh('-o', 'ExitOnForwardFailure=yes', '-R', '/var/tmp/door.sock:127.0.0.1:1', one, 'true');
    expect(said.status).not.toBe(0);
    expect(existsSync('/var/tmp/door.sock')).toBe(false);
  });
});

describe('the door', () => {
  it('lets in nobody else', () => {
    const refusal = (slice: string) =>
      node.attempt('', 'ssh', ...options('other'), at(slice), 'true').stderr.replace(slice, 'X');
    expect(refusal('door_one')).toMatch(/Permission denied \(publickey\)/);
    expect(refusal('no_slice')).toBe(refusal('door_one'));
    expect(refusal('root')).toBe(refusal('door_one'));
  });

  it('is all that knows of the accounts: the host has no such user', () => {
    expect(node.attempt('', 'getent', 'passwd', 'door_one').status).not.toBe(0);
    expect(node.attempt('', 'su', 'door_one', '-c', 'id').stderr).toMatch(/does not exist/);
  });

  it('does not wait for who locks /dev/null', async () => {
    const lock =
      "import fcntl, time; fcntl.lockf(open('/dev/null', 'r+'), fcntl.LOCK_EX); print('locked', flush=True); time.sleep(60)";
    const other = spawn('python3', ['-c', lock], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(other.stdout, 'data');
    const said = node.attempt('', 'timeout', '8', 'ssh', '-tt', ...options(), one, 'echo here');
    other.kill('SIGKILL');
    expect(said.stdout).toBe('here\r\n');
  });

  it("is in none of the machine's records of its users' logins", () => {
    const records = ['lastlog', 'wtmp', 'btmp'].map((name) => `/var/log/${name}`);
    const states = () =>
      [...records, '/run/utmp'].map((file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs);
    const before = states();
    expect(ssh('-tt', one, 'true').status).toBe(0);
    expect(ssh(at('nobody_here'), 'true').status).toBe(255);
    expect(states()).toEqual(before);
  });

  it('enters nothing for a uid that is no slice, whatever its words and environment say', () => {
    const enter = `${node.state}/access/enter`;
    const base = 0x7000_0000 + 65_536;
    const as = (uid: number, ...words: string[]) =>
      node.attempt('', 'setpriv', `--reuid=${uid}`, `--regid=${0x7000_0000}`, '--clear-groups', ...words);
    for (const uid of [1000, base + 1, base - 1, 0x7000_0000]) {
      const said = as(uid, enter, '-c', 'id');
      expect(said.status, String(uid)).not.toBe(0);
      expect(said.stdout).toBe('');
    }
    for (const words of [['-x', 'id'], ['-c'], ['-c', 'id', 'more'], ['--root', '/']])
      expect(as(base, enter, ...words).stderr).toMatch(/usage/);
    const said = as(
      base,
      'env',
      'LD_PRELOAD=/nowhere.so',
      'PATH=/nowhere',
      'SUDO_USER=door_two',
      enter,
      '-c',
      'cat /etc/slicename',
    );
    expect(said.stdout).toBe('door_one\n');
    for (const command of ['"', '\\', '","x":["', 'a\nb', '\u0001', "'; id"]) {
      const quoted = `printf %s '${command.replaceAll("'", `'\\''`)}'`;
      expect(as(base, enter, '-c', quoted).stdout).toBe(command);
    }
  });

  it('keeps sessions apart from the sliver, in a cgroup of theirs', () => {
    const { stdout } = ssh(one, 'true; sleep 0');
    expect(stdout).toBe('');
    expect(node.inside('ls', `/sys/fs/cgroup${node.cgroup}`)).toMatch(/^s1-access$/m);
    const own = ssh(one, 'cat /proc/self/cgroup').stdout;
    expect(own).not.toMatch(/access/);
  });

  it('starts a sliver that is stopped, or says why not', async () => {
    await node.ok('POST', '/v1/slivers/door_two/stop');
    expect(ssh(at('door_two'), 'echo here')).toMatchObject({ status: 0, stdout: 'here\n' });
    await node.ok('POST', '/v1/slivers/door_two/freeze');
    const said = ssh(at('door_two'), 'echo here');
    expect(said).toMatchObject({ status: 255, stdout: '' });
    expect(said.stderr).toMatch(/^sliverd: the sliver is frozen/);
    // Not let into the sliver's network, it may reach nothing by the node's.
    const forward = node.attempt('', 'ssh', ...options(), '-W', '127.0.0.1:2222', at('door_two'));
    expect(forward.stdout).toBe('');
    await node.ok('POST', '/v1/slivers/door_two/thaw');
  });

  it('and its sessions outlive the daemon', async () => {
    const before = listener();
    const session = node.spawn('ssh', ...options(), one, 'sleep 5; exit 9');
    await until(() => ssh(one, 'pgrep sleep || ps | grep "[s]leep 5"').stdout !== '', 'the session to begin');
    await node.kill();
    expect(ssh(one, 'echo without the daemon').stdout).toBe('without the daemon\n');
    await node.launch();
    expect(listener()).toBe(before);
    await until(() => session.exitCode !== null, 'the session to end');
    expect(session.exitCode).toBe(9);
    // And so does what they were shown of the node's.
    expect(node.attempt('ls /etc/slicename', 'sftp', ...options(), '-b', '-', one)).toMatchObject({
      status: 0,
    });
  });

  it('tells sessions that their sliver was stopped', async () => {
    const file = `${home}/stopped`;
    const words = ['ssh', ...options(), at('door_two'), 'echo here; sleep 60']
      .map((word) => `'${word}'`)
      .join(' ');
    const session = node.spawn('sh', '-c', `${words} > ${file} 2>&1; echo "status $?" >> ${file}`);
    await until(() => existsSync(file) && readFileSync(file, 'utf8') === 'here\n', 'the session to begin');
    await node.ok('POST', '/v1/slivers/door_two/stop');
    await until(() => session.exitCode !== null, 'the session to end');
    expect(readFileSync(file, 'utf8')).toMatch(/^here\nsliverd: the sliver was stopped\nstatus 1[0-9]+\n$/);
    // One that only forwards has no program that could end.
    await node.ok('POST', '/v1/slivers/door_two/start');
    const forward = node.spawn('ssh', ...options(), '-N', at('door_two'));
    const sessions = `/sys/fs/cgroup${node.cgroup}/s2-access/cgroup.procs`;
    await until(() => node.inside('cat', sessions) !== '', 'the session to begin');
    await node.ok('POST', '/v1/slivers/door_two/stop');
    await until(() => forward.exitCode !== null, 'the session to end');
    await node.ok('POST', '/v1/slivers/door_two/start');
  });

  it('tells by which keys it is known', async () => {
    const { access } = await node.ok('GET', '/v1/node');
    const said = node.inside('ssh-keygen', '-lf', `${node.state}/access/host/ssh_host_ed25519_key.pub`);
    expect(said).toContain(access.hostKeys[0].fingerprint);
    const records = node.inside(
      'ssh-keygen',
      '-r',
      'node',
      '-f',
      `${node.state}/access/host/ssh_host_rsa_key.pub`,
    );
    expect(records).toContain(access.hostKeys[2].sshfp);
  });

  it('knows a slice as soon as it is made, and not after it is deleted', async () => {
    const keys = [readFileSync(`${home}/key.pub`, 'utf8').trim()];
    await node.ok('POST', '/v1/slivers', { name: 'door_new', image: 'small', keys });
    await greets();
    expect(ssh(at('door_new'), 'echo new').stdout).toBe('new\n');
    await node.ok('DELETE', '/v1/slivers/door_new');
    await greets();
    expect(ssh(at('door_new'), 'echo new').stderr).toMatch(/Permission denied/);
  });
});
