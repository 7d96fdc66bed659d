import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { request, scratch, TestNode, until } from './harness.ts';
import { importSmallImage } from './image.ts';
import { makeKey, sshOptions } from './ssh.ts';

// Whoever has a slice's key, or is root in its sliver, gets nothing of the host by it; who has none learns nothing.
const home = scratch('shut');
const key = `${home}/key`;
const ONE = 'shut_one@127.0.0.1';
let node: TestNode;
let line: string;

const ssh = (...words: string[]) => node.attempt('', 'ssh', ...sshOptions(key), ...words);
const withEnvironment = (entries: Record<string, string>, ...words: string[]) =>
  node.attempt(
    '',
    'env',
    ...Object.entries(entries).map(([name, value]) => `${name}=${value}`),
    'ssh',
    ...sshOptions(key),
    ...Object.keys(entries).flatMap((name) => ['-o', `SendEnv=${name}`]),
    ...words,
  );
const setKeys = (...keys: string[]) => node.ok('PUT', '/v1/slivers/shut_one/keys', { keys });

beforeAll(async () => {
  for (const name of ['key', 'other']) makeKey(`${home}/${name}`);
  line = readFileSync(`${key}.pub`, 'utf8').trim();
  node = await TestNode.start('access:\n  port: 2222\n');
  await importSmallImage(node);
  await node.ok('POST', '/v1/slivers', { name: 'shut_one', image: 'small', keys: [line] });
  await until(() => ssh(ONE, 'true').status === 0, 'the door to open');
});
afterAll(async () => {
  await node?.stop();
  rmSync(home, { recursive: true, force: true });
});

describe("a slice's account", () => {
  it("is none of the machine's: not for su, login, runuser or cron", () => {
    for (const words of [
      ['su', 'shut_one', '-c', 'id'],
      ['runuser', '-u', 'shut_one', '--', 'id'],
      ['setpriv', '--reuid=shut_one', 'id'],
      ['chown', 'shut_one', home],
    ]) {
      const said = node.attempt('', ...(words as [string, ...string[]]));
      expect(said.status, words.join(' ')).not.toBe(0);
      expect(said.stdout).toBe('');
    }
  });

  it('leaves the machine no jobs for later, neither by at nor by cron', () => {
    // The machine's own jobs are out of the way. Where the account is known, as sshd has it, both would take them.
    const jobs =
      'cd "$0"; mkdir -m 770 atjobs atspool crontabs; echo 0 > atjobs/.SEQ; chown -R daemon:daemon .; chown root:crontab crontabs;' +
      ' chmod 1730 crontabs; mount --bind . /var/spool/cron; cd /; $1 at now + 1 day < "$2"; echo "at $?"; $1 crontab "$2"; echo "crontab $?"';
    const file = `${home}/job`;
    writeFileSync(file, '@daily id\n');
    chmodSync(home, 0o755);
    const uid = 0x7000_0000 + 65_536;
    const as = `setpriv --reuid=${uid} --regid=${0x7000_0000} --clear-groups`;
    const leave = (folder: string, ...through: string[]) => {
      mkdirSync(`${home}/${folder}`);
      const apart = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', jobs];
      const [program = '', ...words] = [...through, ...apart, `${home}/${folder}`, as, file];
      return node.attempt('', program, ...words);
    };
    const told = leave('jobs');
    expect(told.stdout).toBe('at 1\ncrontab 1\n');
    expect(told.stderr).toMatch(/user database/);
    expect(told.stderr).toMatch(/isn't in the passwd file/);
    const left = (folder: string) =>
      node.attempt('', 'find', `${home}/${folder}`, '-type', 'f', '!', '-name', '.SEQ').stdout.split('\n')
        .length - 1;
    expect(left('jobs')).toBe(0);
    const sshd = readFileSync(`${node.run}/sliver-sshd.pid`, 'utf8').trim();
    const known = leave('known', 'nsenter', `--mount=/proc/${sshd}/ns/mnt`, '--');
    expect(known.stdout, known.stderr).toBe('at 0\ncrontab 0\n');
    expect(left('known')).toBe(2);
  });

  it("is unknown to the administrator's own sshd, whose files don't let it in", async () => {
    const folder = `${home}/own`;
    mkdirSync(folder);
    makeKey(`${folder}/host`);
    writeFileSync(
      `${folder}/config`,
      `Port 2200\nListenAddress 127.0.0.1\nHostKey ${folder}/host\nPidFile ${folder}/pid\nUsePAM yes\nAuthorizedKeysFile ${node.state}/access/keys/%u\n`,
    );
    // But for the machine's own records of who tried.
    const begin = 'mount --bind "$0" /var/log && exec /usr/sbin/sshd -D -f "$1"';
    mkdirSync(`${folder}/log`);
    const words = ['--mount', '--propagation', 'private', '--', 'sh', '-c', begin];
    const own = node.spawn('unshare', ...words, `${folder}/log`, `${folder}/config`);
    const login = () =>
      node.attempt('', 'ssh', ...sshOptions(key, 2200), ONE, 'id').stderr.replaceAll('\r', '');
    await until(() => /Permission denied/.test(login()), 'that sshd to answer');
    own.kill('SIGTERM');
  });

  it('reaches no file of the host by sftp', () => {
    const secret = '/var/tmp/sliverd-test-shut-secret';
    writeFileSync(secret, 'secret\n');
    const sftp = (input: string) => node.attempt(input, 'sftp', ...sshOptions(key), '-b', '-', ONE);
    expect(sftp(`get ${secret} ${home}/got`).status).not.toBe(0);
    expect(sftp(`get /proc/1/root${secret} ${home}/got`).status).not.toBe(0);
    expect(sftp(`ls ${node.state}`).status).not.toBe(0);
    expect(sftp(`get /etc/slicename ${home}/got`).status).toBe(0);
    rmSync(secret);
  });

  it("forwards to no socket of the host's, neither by a port nor by a file", async () => {
    const admin = `${node.run}/admin.sock`;
    expect((await request(admin, 'GET', '/v1/node')).status).toBe(200);
    const local = `${home}/forward.sock`;
    const client = node.spawn('ssh', ...sshOptions(key), '-N', '-L', `${local}:${admin}`, ONE);
    await until(() => existsSync(local), 'the forwarding');
    await expect(request(local, 'GET', '/v1/node')).rejects.toThrow(/hang up|reset/i);
    client.kill('SIGTERM');
    for (const host of ['127.0.0.1', '::1', 'localhost', '0.0.0.0'])
      expect(ssh('-W', `[${host}]:2222`, ONE).stdout, host).toBe('');
  });

  it('gets neither a tunnel nor a display', () => {
    const said = ssh('-o', 'ExitOnForwardFailure=yes', '-w', '0:0', ONE, 'true');
    expect(said.status).not.toBe(0);
    const display = withEnvironment({ DISPLAY: ':9' }, '-X', ONE, 'echo "[$DISPLAY]"');
    expect(display.stdout).toBe('[]\n');
  });
});

describe('words and environment', () => {
  it('of the client come to the program inside, or nowhere', () => {
    const said = withEnvironment(
      {
        LD_PRELOAD: '/root/evil.so',
        SLIVERD_REFUSED: 'forged',
        SHELL: '/root/evil',
        HOME: '/root/evil',
        LC_EVIL: '"],"args":["id"]}$(reboot)',
      },
      ONE,
      'env',
    );
    expect(said.stdout).toMatch(/^LC_EVIL="\],"args":\["id"\]}\$\(reboot\)$/m);
    expect(said.stdout).not.toMatch(/LD_PRELOAD|SLIVERD_REFUSED|evil$/m);
    const terminal = 'x";exit\n../..%s';
    expect(withEnvironment({ TERM: terminal }, '-tt', ONE, 'printf %s "$TERM"').stdout).toBe(
      terminal.replace('\n', '\r\n'),
    );
  });

  it('of a key name no program and set no variable of the host, and its command is run inside', async () => {
    await setKeys(
      `environment="LD_PRELOAD=/root/evil.so",environment="EVIL=1",command="cat /etc/slicename" ${line}`,
    );
    expect(ssh(ONE, 'id')).toMatchObject({ status: 0, stdout: 'shut_one\n', stderr: '' });
    await setKeys(`environment="EVIL=1" ${line}`);
    expect(ssh(ONE, 'env').stdout).not.toMatch(/EVIL/);
    await setKeys(line);
  });

  it("of the guest's ~/.ssh are not asked", async () => {
    const files =
      'mkdir -p /root/.ssh; cd /root/.ssh; echo EVIL=1 > environment; echo "touch /root/ran" > rc';
    await node.exec('shut_one', 'sh', '-c', files);
    expect(ssh(ONE, 'env; ls /root').stdout).not.toMatch(/EVIL|ran/);
    // Keys are what the slice's record says, whatever root inside writes.
    const other = readFileSync(`${home}/other.pub`, 'utf8');
    await node.exec('shut_one', 'sh', '-c', `echo '${other.trim()}' > /root/.ssh/authorized_keys`);
    expect(node.attempt('', 'ssh', ...sshOptions(`${home}/other`), ONE, 'id').stderr).toMatch(/denied/);
  });
});

describe('who has no key', () => {
  /** All that the server lets a client know, in the client's words. */
  const told = (name: string) => {
    const words = sshOptions(`${home}/other`).map((word) => word.replace('=ERROR', '=DEBUG2'));
    const said = node.attempt('', 'ssh', ...words, '-l', name, '127.0.0.1', 'id');
    expect(said.status).toBe(255);
    const lines = said.stderr.replaceAll('\r', '').split('\n');
    return lines
      .filter((text) =>
        /Authentications that can continue|^debug2: (service|we sent|key)|denied|userauth|receive packet/.test(
          text,
        ),
      )
      .map((text) => text.replaceAll(name, 'NAME'));
  };

  it("is told the same of a slice and of none, of the machine's users and of names that are none", () => {
    const known = told('shut_one');
    // (Names with shell characters are refused by this client itself.)
    expect(known.join('\n')).toMatch(/can continue: publickey$/m);
    for (const name of [
      'shut_two',
      'root',
      'nobody',
      'sliverd-slices',
      '..',
      '../keys/shut_one',
      'shut_one ',
      ' shut_one',
      'SHUT_ONE',
      '%u',
    ])
      expect(told(name), JSON.stringify(name)).toEqual(known);
  });

  it('of that slice gets in by no other way', () => {
    for (const method of ['none', 'password', 'keyboard-interactive', 'hostbased', 'gssapi-with-mic']) {
      const said = ssh(
        '-o',
        'PubkeyAuthentication=no',
        '-o',
        `PreferredAuthentications=${method}`,
        ONE,
        'id',
      );
      expect(said.stderr, method).toMatch(/Permission denied \(publickey\)/);
    }
  });
});
