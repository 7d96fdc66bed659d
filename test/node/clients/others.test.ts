import { mkdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADDRESS, House, ONE, PORT } from './house.ts';

let house: House;
beforeAll(async () => {
  house = await House.open();
}, 600_000);
afterAll(() => house?.close());

const python = (script: string) => house.outside(script, '/usr/bin/python3', '-');

describe('clients that are not OpenSSH', () => {
  const connect = () => `
import paramiko, time
c = paramiko.SSHClient(); c.set_missing_host_key_policy(paramiko.AutoAddPolicy())
c.connect('${ADDRESS}', ${PORT}, '${ONE}', pkey=paramiko.Ed25519Key.from_private_key_file('${house.key}'), look_for_keys=False, allow_agent=False)
`;

  it('paramiko: streams, status, a terminal that changes its size, files', () => {
    const said = python(`${connect()}
i, o, e = c.exec_command('cat; echo err >&2; exit 6')
i.write('in'); i.channel.shutdown_write()
print(o.read(), e.read(), o.channel.recv_exit_status())
t = c.invoke_shell(term='vt100', width=70, height=20)
def until(text):
  seen = ''
  while text not in seen: seen += t.recv(1000).decode()
  return seen
t.send("stty size; echo <$TERM>\\n".replace('<', '"<').replace('>', '>"')); assert '20 70' in until('<vt100>')
t.resize_pty(width=90, height=33)
t.send('until stty size | grep -q "33 90"; do sleep 0.05; done; echo si""zed\\n'); until('sized')
t.send('exit 4\\n'); print(t.recv_exit_status())
s = c.open_sftp()
with s.open('/root/p', 'w') as f: f.write('x' * 1000000)
s.symlink('p', '/root/l'); print(s.stat('/root/l').st_size, s.stat('/root/p').st_uid, s.normalize('.'))
`);
    expect(said.stderr).toBe('');
    expect(said.stdout).toBe("b'in' b'err\\n' 6\n4\n1000000 0 /root\n");
  });

  it('paramiko: signals reach the program', () => {
    const said = python(`${connect()}
t = c.get_transport().open_session()
t.exec_command('trap "echo heard" USR1; echo ready; while :; do sleep 0.05; done')
def signal(name):
  m = paramiko.Message()
  m.add_byte(b'\\x62'); m.add_int(t.remote_chanid); m.add_string('signal'); m.add_boolean(False); m.add_string(name)
  c.get_transport()._send_user_message(m)
t.settimeout(20)
t.recv(100); signal('USR1'); print(t.recv(100).decode().strip())
signal('TERM'); print(t.recv_exit_status())
`);
    expect(said.stderr).toBe('');
    expect(said.stdout).toBe('heard\n-1\n'); // of a signal there is no status
  });

  it('ansible: its ping', () => {
    const words = ['all', '-i', `${house.at()},`, '-m', 'ping', '--ssh-common-args', `-F ${house.config}`];
    const said = house.outside('', 'ansible', ...words);
    expect(said.stdout, said.stderr).toMatch(/SUCCESS => \{[\s\S]*"ping": "pong"/);
  });

  it("dropbear's: its own key, a program's streams and status", async () => {
    const key = `${house.folder}/dropbear`;
    const made = house.outside('', 'dropbearkey', '-t', 'ed25519', '-f', key);
    const line = /^ssh-ed25519 .*$/m.exec(made.stdout)?.[0];
    await house.ok('POST', `/v1/slivers/${ONE}/keys`, { keys: [line] });
    const words = ['-y', '-y', '-i', key, '-p', String(PORT), house.at(), 'cat; exit 5'];
    const said = house.outside('in', 'dbclient', ...words);
    expect(said).toMatchObject({ status: 5, stdout: 'in' });
  });

  it('libssh2, by curl: files', () => {
    const curl = (...words: string[]) =>
      house.outside(
        'y'.repeat(100_000),
        'curl',
        '-sSk',
        '--key',
        house.key,
        '--pubkey',
        `${house.key}.pub`,
        ...words,
      );
    const url = `sftp://${ONE}@${ADDRESS}:${PORT}/root/curl`;
    expect(curl('-T', '-', url)).toMatchObject({ status: 0, stderr: '' });
    expect(curl(url).stdout).toBe('y'.repeat(100_000));
  });

  it("libssh, by QEMU's block driver: a disk image in the sliver", () => {
    const sum = house.ssh(ONE, 'head -c 3000000 /dev/urandom > /root/disk; sha256sum < /root/disk').stdout;
    const image = [
      ...['driver=raw', 'file.driver=ssh', `file.server.host=${ADDRESS}`, `file.server.port=${PORT}`],
      ...[`file.user=${ONE}`, 'file.path=/root/disk', 'file.host-key-check.mode=none'],
    ].join(',');
    // Of a user's own files it would take that of the machine's root: keys come from an agent.
    const script =
      'ssh-add -q "$1" && qemu-img convert -O raw --image-opts "$2" "$3" && head -c 3000000 "$3" | sha256sum';
    const copy = `${house.folder}/disk`;
    const said = house.outside('', 'ssh-agent', 'sh', '-c', script, 'sh', house.key, image, copy);
    expect(said).toMatchObject({ status: 0, stdout: sum, stderr: '' });
  });

  it('sshfs: a folder of the sliver, here', (context) => {
    const folder = `${house.folder}/mounted`;
    mkdirSync(folder);
    const script = `sshfs -F ${house.config} ${house.at()}:/root ${folder} && echo here > ${folder}/fs && cat ${folder}/fs; s=$?; umount ${folder}; exit $s`;
    const said = house.outside('', 'unshare', '--mount', 'sh', '-c', script);
    if (/fuse: device not found|Operation not permitted/.test(said.stderr))
      context.skip('this kernel has no FUSE');
    expect(said).toMatchObject({ status: 0, stdout: 'here\n' });
    expect(house.ssh(ONE, 'cat /root/fs').stdout).toBe('here\n');
  });
});

describe('who looks at it from outside', () => {
  it('ssh-keyscan finds the keys that the node tells of', async () => {
    const { access } = await house.ok('GET', '/v1/node');
    const said = house.outside('', 'ssh-keyscan', '-p', String(PORT), ADDRESS);
    const prints = house.outside(said.stdout, 'ssh-keygen', '-lf', '-').stdout;
    expect(access.hostKeys).toHaveLength(3);
    for (const { fingerprint } of access.hostKeys) expect(prints).toContain(fingerprint);
  });

  it('ssh-audit finds nothing broken', () => {
    const said = house.outside('', 'ssh-audit', '-n', '-p', String(PORT), ADDRESS);
    expect(said.stdout).toContain('banner: SSH-2.0-OpenSSH');
    const failures = said.stdout.split('\n').filter((line) => line.includes('[fail]'));
    // Curves that it mistrusts are Debian's to offer, for old clients.
    expect(failures.filter((line) => !line.includes('nistp'))).toEqual([]);
  });
});
