import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../harness.ts';
import { ADDRESS, House, ONE, TWO } from './house.ts';

let house: House;
beforeAll(async () => {
  house = await House.open();
}, 600_000);
afterAll(() => house?.close());

const ssh = (options: string[], ...words: string[]) => house.sshWith(options, ONE, ...words);
/** A service inside a sliver that answers each connection with a line. */
const serve = (slice: string, port: number, line: string) =>
  house.ssh(
    slice,
    `setsid python3 -c "
import socket
s = socket.create_server(('127.0.0.1', ${port}))
while True:
  c = s.accept()[0]; c.sendall(b'${line}\\n'); c.close()
" < /dev/null > /dev/null 2>&1 &`,
  );
const ask = (port: number, host = '127.0.0.1') =>
  house.outside('', 'busybox', 'nc', '-w', '2', host, String(port));
const ports = async () => (await house.ok('GET', '/v1/ports')).items as { port: number; sliver: string }[];

describe('streams', () => {
  it('end each by itself', () => {
    const half = house.outside('in', 'ssh', '-F', house.config, house.at(), 'cat; sleep 1; echo after');
    expect(half).toMatchObject({ status: 0, stdout: 'inafter\n' });
    const large = Buffer.alloc(30_000_000, 'x');
    const call = (command: string) => house.outside(large, 'ssh', '-F', house.config, house.at(), command);
    expect(call('cat > /dev/null; echo read')).toMatchObject({ status: 0, stdout: 'read\n' });
    expect(call('exit 3')).toMatchObject({ status: 3, stdout: '' }); // who never reads what it is sent
    expect(call('exec < /dev/null; sleep 1; echo after')).toMatchObject({ status: 0, stdout: 'after\n' });
  });

  it('are whole when keys are changed meanwhile', () => {
    const said = ssh(['-o', 'RekeyLimit=1M'], 'head -c 20000000 /dev/zero | tr "\\0" r');
    expect(said.status).toBe(0);
    expect(said.stdout === 'r'.repeat(20_000_000)).toBe(true);
  });

  it('stay open while nothing is said', () => {
    const keep = ['-o', 'ServerAliveInterval=1', '-o', 'ServerAliveCountMax=1'];
    expect(ssh(keep, 'sleep 3; echo still')).toMatchObject({ status: 0, stdout: 'still\n' });
  });

  it('tell what a program died of', () => {
    for (const signal of ['TERM', 'KILL', 'SEGV', 'HUP']) {
      const said = ssh(['-v'], `kill -${signal} $$`);
      expect(said.status, signal).toBe(255);
      expect(said.stderr, signal).toContain('rtype exit-signal');
    }
    expect(ssh(['-tt', '-v'], 'kill -TERM $$').stderr).toContain('rtype exit-signal');
    // What a shell says of another program is a status.
    expect(ssh([], 'sh -c "kill -TERM \\$\\$"; exit $?').status).toBe(143);
  });

  it('share a connection, more than sshd lets on one too', async () => {
    const control = ['-o', `ControlPath=${house.folder}/c`];
    const master = house.begin('ssh', '-F', house.config, ...control, '-M', '-N', house.at());
    await until(() => ssh([...control, '-O', 'check']).status === 0, 'the master');
    const many = Array.from({ length: 12 }, (_, i) =>
      house.begin('ssh', '-F', house.config, ...control, house.at(), `sleep 1; echo ${i}`),
    );
    await until(() => many.every(({ child }) => child.exitCode !== null), 'all of them to end');
    expect(many.map(({ said }) => said.split('\n').at(-2)?.trim())).toEqual(many.map((_, i) => String(i)));
    ssh([...control, '-O', 'exit']);
    await until(() => master.child.exitCode !== null, 'the master to end');
  });

  it('have the language and the time of who comes', () => {
    const said = house.outside(
      '',
      ...([
        'env',
        'LANG=C.UTF-8',
        'LC_TIME=de_DE.UTF-8',
        'LC_X=a b"c',
        'SECRET=1',
        'ssh',
        '-F',
        house.config,
      ] as const),
      ...['-o', 'SendEnv=LANG LC_* SECRET', house.at(), 'echo "$LANG|$LC_TIME|$LC_X|$SECRET|"'],
    );
    expect(said.stdout).toBe('C.UTF-8|de_DE.UTF-8|a b"c||\n');
  });
});

describe('forwarding', () => {
  it('-L, -D and -W connect inside', async () => {
    serve(ONE, 8000, 'inside one');
    const forward = ['-N', '-L', '9000:127.0.0.1:8000', '-D', '9001'];
    const tunnel = house.begin('ssh', '-F', house.config, ...forward, house.at());
    await until(() => ask(9000).stdout === 'inside one\n', 'the forwarding');
    const socks = ['--socks5-hostname', '127.0.0.1:9001', '--http0.9', '-s', 'http://127.0.0.1:8000/'];
    expect(house.outside('', 'curl', ...socks).stdout).toBe('inside one\n');
    tunnel.child.kill();
    expect(ssh(['-W', '127.0.0.1:8000']).stdout).toBe('inside one\n');
  });

  it("-R to the world has the port as the slice's own, and nobody else's", async () => {
    const listen = '0.0.0.0:7100:127.0.0.1:9002';
    const mine = house.begin('busybox', 'nc', '-ll', '-p', '9002', '-e', 'echo', 'of the client');
    const tunnel = house.begin('ssh', '-F', house.config, '-N', '-R', listen, house.at());
    await until(() => ask(7100, ADDRESS).stdout === 'of the client\n', 'the forwarding');
    expect(await ports()).toContainEqual(expect.objectContaining({ port: 7100, sliver: ONE }));
    const other = house.sshWith(['-o', 'ExitOnForwardFailure=yes', '-R', listen], TWO, 'true');
    expect(other.status).toBe(255);
    expect(other.stderr).toContain('remote port forwarding failed for listen port 7100');
    tunnel.child.kill();
    await until(async () => !(await ports()).some(({ port }) => port === 7100), 'the port to be free');
    mine.child.kill();
  });

  it('jumps through one sliver to the other', () => {
    const said = house.sshWith(['-J', `${ONE}@${ADDRESS}`], TWO, 'cat /etc/slicename; echo $SSH_CLIENT');
    expect(said).toMatchObject({ status: 0 });
    expect(said.stdout).toMatch(/^cl_two\n/);
  });

  it('of X11 is refused, and the program runs', () => {
    const words = ['env', 'DISPLAY=:7', 'ssh', '-F', house.config, '-o', 'LogLevel=INFO', '-Y', house.at()];
    const said = house.outside('', 'env', ...words, 'echo "<$DISPLAY>"');
    expect(said).toMatchObject({ status: 0, stdout: '<>\n' });
    expect(said.stderr).toContain('X11 forwarding request failed');
  });
});

describe('files', () => {
  it('go both ways by scp of both protocols, sftp and rsync', () => {
    const noise = `${house.folder}/noise`;
    house.outside('', 'sh', '-c', `head -c 5000000 /dev/urandom > ${noise}`);
    const there = (name: string) => `${house.at()}:/root/${name}`;
    const ways: [string, string[]][] = [
      ['scp', []],
      ['scp', ['-O']],
      ['rsync', ['--rsh', `ssh -F ${house.config}`]],
    ];
    for (const [program, words] of ways) {
      const config = program === 'scp' ? ['-F', house.config] : [];
      const copy = (from: string, to: string) =>
        expect(
          house.outside('', program, ...config, ...words, from, to),
          `${program} ${words}`,
        ).toMatchObject({
          status: 0,
          stderr: '',
        });
      copy(noise, there('it'));
      copy(there('it'), `${noise}.back`);
      expect(house.outside('', 'cmp', noise, `${noise}.back`).status).toBe(0);
      house.outside('', 'rm', `${noise}.back`);
      ssh([], 'rm /root/it');
    }
    writeFileSync(
      `${house.folder}/batch`,
      `put ${noise} it\nchmod 600 it\nrename it that\nls -l\nget that ${noise}.back\n`,
    );
    const sftp = house.outside('', 'sftp', '-F', house.config, '-b', `${house.folder}/batch`, house.at());
    expect(sftp).toMatchObject({ status: 0, stderr: '' });
    expect(sftp.stdout).toMatch(/-rw------- .* 5000000 .* that/);
    expect(house.outside('', 'cmp', noise, `${noise}.back`).status).toBe(0);
  });

  it('are cloned by git', () => {
    ssh([], 'git init -q --bare /root/work.git');
    const git = (...words: string[]) =>
      house.outside('', 'env', `GIT_SSH_COMMAND=ssh -F ${house.config}`, 'git', '-C', house.folder, ...words);
    const who = ['-c', 'user.name=a', '-c', 'user.email=a@b'];
    expect(git('clone', '-q', `ssh://${house.at()}:2222/root/work.git`, 'work')).toMatchObject({ status: 0 });
    writeFileSync(`${house.folder}/work/file`, 'mine\n');
    git('-C', 'work', 'add', 'file');
    git(...who, '-C', 'work', 'commit', '-qm', 'one');
    expect(git('-C', 'work', 'push', '-q', 'origin', 'HEAD')).toMatchObject({ status: 0 });
    expect(git('clone', '-q', `${house.at()}:work.git`, 'again')).toMatchObject({ status: 0 });
    expect(house.outside('', 'cat', `${house.folder}/again/file`).stdout).toBe('mine\n');
  });
});
