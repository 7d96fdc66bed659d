import { readFileSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scratch, TestNode, until } from '../harness.ts';
import { importSmallImage } from '../image.ts';
import { makeKey, sshOptions } from '../ssh.ts';

// Who comes by ssh to do harm, and slivers that do it to who comes.
const home = scratch('hostile-clients');
let node: TestNode;
const [MINE, OTHER] = ['h_one', 'h_two'];

beforeAll(async () => {
  makeKey(`${home}/key`);
  node = await TestNode.start('access:\n  port: 2222\n');
  await importSmallImage(node);
  const keys = [readFileSync(`${home}/key.pub`, 'utf8').trim()];
  for (const name of [MINE, OTHER]) await node.ok('POST', '/v1/slivers', { name, image: 'small', keys });
  await until(() => ssh(OTHER, [], 'true').status === 0, 'the door to open');
});
afterAll(async () => {
  await node?.stop();
  rmSync(home, { recursive: true, force: true });
});

const words = (slice: string, options: string[]) => [
  ...sshOptions(`${home}/key`),
  ...options,
  `${slice}@127.0.0.1`,
];
const ssh = (slice: string, options: string[], command: string) =>
  node.attempt('', 'timeout', '-k', '1', '20', 'ssh', ...words(slice, options), command);
const python = (script: string) =>
  node.attempt(
    `import paramiko, socket
def connect(name):
  t = paramiko.Transport(('127.0.0.1', 2222)); t.start_client(timeout=20)
  t.auth_publickey(name, paramiko.Ed25519Key.from_private_key_file('${home}/key')); return t
def run(t, command):
  s = t.open_session(); s.settimeout(20); s.exec_command(command)
  out = b''
  while True:
    got = s.recv(65536)
    if not got: break
    out += got
  return s.recv_exit_status(), out
${script}`,
    '/usr/bin/python3',
    '-',
  );

/** What a guest does to itself is done by the manager's way in, whatever it did before. */
const inside = (command: string) => node.exec(MINE, '/bin/busybox', 'sh', '-c', command);
const othersDo = () => expect(ssh(OTHER, [], 'echo well')).toMatchObject({ status: 0, stdout: 'well\n' });

describe('names', () => {
  it('that are options, paths, words of a shell or lines are nobody', () => {
    const said = python(`
names = ['-oProxyCommand=id', '--', '../${MINE}', '../../../../root', '/etc/passwd', '${MINE}/../${OTHER}', '${MINE}\\n', 'a\\n${MINE}',
  '$(id)', '\`id\`', ';id', '%u', '%%u', '*', '.', '..', '${MINE} ', 'x' * 30000, '\\x01\\x1b[31m', 'root', 'sshd', '${MINE}'.upper()]
for name in names:
  try: connect(name); print('let in:', repr(name))
  except paramiko.AuthenticationException as e: pass
  except (paramiko.SSHException, EOFError, socket.error) as e: print('cut off:', repr(name)[:40], e) if len(name) < 1000 else None
print('done')
`);
    expect(said.stderr).toBe('');
    expect(said.stdout).toBe('done\n');
    othersDo();
  });
});

describe('commands', () => {
  it('are any bytes, and only ever what the shell in the sliver is given', () => {
    const said = python(`
t = connect('${MINE}')
every = bytes(b for b in range(1, 256) if b != 39)
for text in [every, b'\\xff\\xfe', b'caf\\xe9', b'\\xed\\xa0\\x80', b'\\xc0\\xaf', b'\\xf4\\x90\\x80\\x80', 'grüße €'.encode(),
    b'"],"user":{"uid":0},"x":["', b'\\\\', b'\\\\0101\\\\n%s', b'\\n\\n', b'--root', b'"' * 5000, b'\\xe9\\\\\\n.', b'x' * 100000, b'\\xff' * 20000]:
  status, out = run(t, b"printf %s '" + text + b"'")
  if (status, out) != (0, text): print('wrong:', text[:40], status, len(out), out[:40])
print(run(t, b'exit 9'), run(t, b'\\xff/nowhere; exit 8')[0], run(t, b'\\xe9=1'[:0] + b"f='a\\xe9'; echo > /tmp/$f; printf %s /tmp/a*"))
`);
    expect(said.stderr).toBe('');
    expect(said.stdout).toBe("(9, b'') 8 (0, b'/tmp/a\\xe9')\n");
  });

  it('that no program could be given are refused, and the next is not', () => {
    const said = python(`
t = connect('${MINE}')
for size in [131072, 200000, 250000]:
  status, out = run(t, b"printf %s '" + b'x' * size + b"'")
  print(status != 0, len(out))
print(run(t, b'echo after'))
`);
    expect(said.stderr).toBe('');
    expect(said.stdout).toBe("True 0\nTrue 0\nTrue 0\n(0, b'after\\n')\n");
  });

  it('come with whatever in the environment', () => {
    const said = python(`
t = connect('${MINE}'); s = t.open_session(); s.settimeout(20)
for name, value in [('LC_A', b'\\xff"\\\\'), ('LC_B', b'"],"args":["id"'), ('LC_C=x', b'1'), ('LC_\\nPATH', b'2'), ('LANG', b'\\n'),
    ('LC_LONG', b'l' * 30000), ('PATH', b'/nowhere'), ('LD_PRELOAD', b'/x.so'), ('SLIVERD_REFUSED', b'never'), ('BASH_ENV', b'/x'), ('ENV', b'/x')]:
  m = paramiko.Message(); m.add_byte(b'\\x62'); m.add_int(s.remote_chanid); m.add_string('env'); m.add_boolean(False)
  m.add_string(name); m.add_string(value); t._send_user_message(m)
s.exec_command('echo "$LC_B"; echo "\${#LC_LONG} $LD_PRELOAD$SLIVERD_REFUSED$BASH_ENV$ENV"; exit 5')
print(s.recv_exit_status(), s.recv(100000))
`);
    expect(said.stderr).toBe('');
    expect(said.stdout).toBe(`5 b'"],"args":["id"\\n30000 \\n'\n`);
  });
});

describe('a sliver whose', () => {
  const spoilt: [string, string, string, string[]][] = [
    ['shell is no program', 'rm /bin/sh; echo no > /bin/sh', 'rm /bin/sh; ln -s busybox /bin/sh', []],
    ['shell is a folder', 'rm /bin/sh; mkdir /bin/sh', 'rmdir /bin/sh; ln -s busybox /bin/sh', []],
    [
      '/dev/ptmx is a file',
      'rm /dev/ptmx; echo > /dev/ptmx',
      'rm /dev/ptmx; ln -s pts/ptmx /dev/ptmx',
      ['-tt'],
    ],
    [
      '/dev/ptmx is a pipe',
      'rm /dev/ptmx; mkfifo /dev/ptmx',
      'rm /dev/ptmx; ln -s pts/ptmx /dev/ptmx',
      ['-tt'],
    ],
    ['/dev/ptmx is not there', 'rm /dev/ptmx', 'ln -s pts/ptmx /dev/ptmx', ['-tt']],
  ];
  it.each(spoilt)('%s says so, and is well again when that is', async (_what, spoil, mend, options) => {
    expect((await inside(spoil)).stderr).toBe('');
    const said = ssh(MINE, options, 'echo in');
    othersDo();
    expect((await inside(mend)).stderr).toBe('');
    expect(said.status).not.toBe(0);
    expect(said.status).not.toBe(124); // it ended by itself
    expect(said.stdout + said.stderr).not.toBe('');
    expect(ssh(MINE, options, 'echo in').stdout).toMatch(/^in\r?\n$/);
  });

  const accounts: [string, string][] = [
    ['is not there', 'true'],
    ['leads to itself', 'ln -s passwd /etc/passwd'],
    ['is a folder', 'mkdir /etc/passwd'],
    [
      'names another for root',
      'echo "root:x:0:0::/root:/nowhere" > /etc/passwd; echo "a:x:0:0::/:-c id" >> /etc/passwd',
    ],
    ['is 10 GB of nothing', 'truncate -s 10G /etc/passwd'],
    ['is one long line', 'head -c 50000000 /dev/zero | tr "\\0" x > /etc/passwd'],
    ['is noise', 'head -c 100000 /dev/urandom > /etc/passwd'],
  ];
  it.each(accounts)('/etc/passwd %s is entered with its /bin/sh', async (_what, spoil) => {
    await inside(`mv /etc/passwd /etc/kept; ${spoil}`);
    const said = ssh(MINE, [], 'echo in $SHELL');
    await inside('rm -rf /etc/passwd; mv /etc/kept /etc/passwd');
    expect(said).toMatchObject({ status: 0, stdout: 'in /bin/sh\n' });
  });

  it('/etc/passwd is a pipe waits for itself alone', async () => {
    await inside('mv /etc/passwd /etc/kept; mkfifo /etc/passwd');
    const waits = node.spawn('ssh', ...words(MINE, []), 'echo in');
    await until(
      async () => /read -r/.test((await inside('cat /proc/*/cmdline | tr "\\0" " "')).stdout),
      'it',
    );
    othersDo();
    expect((await inside('echo > /etc/passwd; rm /etc/passwd; mv /etc/kept /etc/passwd')).exitCode).toBe(0);
    await until(() => waits.exitCode !== null, 'the session to go on');
    expect(waits.exitCode).toBe(0);
  });

  it('sftp-server is its own deceives its own user alone', async () => {
    await inside(
      'mkdir -p /usr/lib/openssh; printf "#!/bin/sh\\nid -u; yes\\n" > /usr/lib/openssh/sftp-server; chmod 755 /usr/lib/openssh/sftp-server',
    );
    const batch = ['-b', '-', ...words(MINE, [])];
    const said = node.attempt('ls\n', 'timeout', '-k', '1', '20', 'sftp', ...batch);
    await inside('rm /usr/lib/openssh/sftp-server');
    expect([1, 255]).toContain(said.status);
    expect(node.attempt('ls\n', 'sftp', ...batch).status).toBe(0);
  });

  it('terminal is flooded costs bounded memory, while nobody reads', async () => {
    const flood = node.spawn('ssh', ...words(MINE, ['-tt']), 'yes | cat');
    const access = `/sys/fs/cgroup${node.cgroup}/s1-access/cgroup.procs`;
    const processes = () => node.inside('cat', access).split('\n').filter(Boolean);
    const resident = () =>
      processes().reduce(
        (sum, pid) =>
          sum + Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0),
        0,
      );
    await until(() => processes().length >= 3, 'the session to begin');
    flood.kill('SIGSTOP');
    const before = resident();
    for (let i = 0; i < 20; i++) othersDo();
    expect(resident()).toBeLessThan(before + 20_000); // kB
    flood.kill('SIGKILL');
    await until(() => processes().length === 0, 'the session to end');
  });
});
