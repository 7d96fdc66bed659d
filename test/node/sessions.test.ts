import type { ChildProcess } from 'node:child_process';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scratch, TestNode, until } from './harness.ts';
import { importSmallImage } from './image.ts';
import { fingerprintOf, makeKey, sshOptions } from './ssh.ts';

const MAIN = new URL('../../daemon/cli/main.ts', import.meta.url).pathname;
const home = scratch('sessions');
const key = (name: string) => readFileSync(`${home}/${name}.pub`, 'utf8').trim();
let node: TestNode;

const open = (slice: string, words: string[], ...more: string[]): ChildProcess =>
  node.spawn('ssh', ...sshOptions(`${home}/one`), ...more, `${slice}@127.0.0.1`, ...words);
const ssh = (slice: string, ...words: string[]) =>
  node.attempt('', 'ssh', ...sshOptions(`${home}/one`), `${slice}@127.0.0.1`, ...words);
const sessions = async (slice: string) => (await node.ok('GET', `/v1/slivers/${slice}/sessions`)).items;
const count = (slice: string, wanted: number) =>
  until(async () => (await sessions(slice)).length === wanted, `${wanted} sessions of ${slice}`);
const ended = (client: ChildProcess) =>
  until(() => client.exitCode !== null || client.signalCode !== null, 'the client to end');
const events = async (slice: string, type: string) =>
  (await node.ok('GET', `/v1/events?subject=${slice}`)).items
    .filter((event: { type: string }) => event.type === type)
    .map((event: { data: object }) => event.data);

beforeAll(async () => {
  for (const name of ['one', 'two', 'ca']) makeKey(`${home}/${name}`);
  node = await TestNode.start('access:\n  port: 2222\n');
  await importSmallImage(node);
  const greeting = () => node.attempt('', 'busybox', 'nc', '-w', '1', '127.0.0.1', '2222').stdout ?? '';
  await until(() => greeting().startsWith('SSH-2.0'), 'sliver-sshd to answer');
});
afterAll(async () => {
  await node?.stop();
  rmSync(home, { recursive: true, force: true });
});
const make = async (name: string, keys = [key('one')]) => {
  await node.ok('POST', '/v1/slivers', { name, image: 'small', keys });
  await until(() => ssh(name, 'true').status === 0, 'the slice to be let in');
  await count(name, 0);
};

/** A client whose words are kept: its output, stderr and status. */
const kept = (who: string, slice: string, tty: boolean, command = 'echo here; sleep 60') => {
  const file = `${home}/said-${Math.random()}`;
  const words = [
    'ssh',
    ...sshOptions(`${home}/${who}`),
    ...(tty ? ['-tt'] : []),
    `${slice}@127.0.0.1`,
    command,
  ];
  const line = words.map((word) => `'${word}'`).join(' ');
  const client = node.spawn('sh', '-c', `${line} > ${file} 2>&1; echo "status $?" >> ${file}`);
  const said = () => (existsSync(file) ? readFileSync(file, 'utf8') : '');
  return { client, said, began: () => until(() => said().startsWith('here'), 'the session to begin') };
};

describe('a session', () => {
  it('is listed while it lasts, and its login and its end are events', async () => {
    await make('ses_list');
    const before = (await events('ses_list', 'session.login')).length;
    const client = open('ses_list', ['sleep 60']);
    await count('ses_list', 1);
    const [one] = await sessions('ses_list');
    const fingerprint = fingerprintOf(`${home}/one.pub`);
    expect(one).toMatchObject({ sliver: 'ses_list', address: '127.0.0.1', fingerprint, certificate: null });
    expect(one.type).toBe('ssh-ed25519');
    expect((await node.ok('GET', '/v1/sessions')).items).toEqual([one]);
    client.kill();
    await count('ses_list', 0);
    const logins = await events('ses_list', 'session.login');
    expect(logins).toHaveLength(before + 1);
    expect(logins.at(-1)).toMatchObject({ id: one.id, fingerprint, address: '127.0.0.1', port: one.port });
    const logouts = await events('ses_list', 'session.logout');
    expect(logouts).toHaveLength(before + 1);
    expect(logouts.at(-1)).toMatchObject({ id: one.id, fingerprint, how: 'closed' });
  });

  it('of a certificate is told with what it says', async () => {
    await make('ses_cert', [key('one'), `cert-authority ${key('ca')}`]);
    const words = ['-q', '-s', `${home}/ca`, '-I', 'alice', '-z', '42', '-n', 'ses_cert', `${home}/two.pub`];
    execFileSync('ssh-keygen', words);
    const said = node.attempt('', 'ssh', ...sshOptions(`${home}/two`), 'ses_cert@127.0.0.1', 'true');
    expect(said.status).toBe(0);
    await count('ses_cert', 0);
    expect((await events('ses_cert', 'session.login')).at(-1)).toMatchObject({
      fingerprint: fingerprintOf(`${home}/two.pub`),
      ...{ keyId: 'alice', serial: '42', authority: fingerprintOf(`${home}/ca.pub`) },
    });
  });

  it('is told once, whether the daemon was there or not', async () => {
    await make('ses_down');
    const [logins, logouts] = [
      await events('ses_down', 'session.login'),
      await events('ses_down', 'session.logout'),
    ];
    const first = open('ses_down', ['sleep 60']);
    await count('ses_down', 1);
    await node.kill();
    const during = open('ses_down', ['sleep 60']);
    expect(ssh('ses_down', 'echo here').stdout).toBe('here\n');
    await until(
      () => node.inside('ls', `${node.run}/sessions`).split('\n').length === 4,
      'all to be recorded',
    );
    first.kill();
    await ended(first);
    await until(
      () => /\.ended\n(.*\n)*.*\.ended/.test(node.inside('ls', `${node.run}/sessions`)),
      'two to end',
    );
    await node.launch();
    await count('ses_down', 1);
    expect(await events('ses_down', 'session.login')).toHaveLength(logins.length + 3);
    expect(await events('ses_down', 'session.logout')).toHaveLength(logouts.length + 2);
    await node.kill();
    await node.launch();
    during.kill();
    await count('ses_down', 0);
    expect(await events('ses_down', 'session.login')).toHaveLength(logins.length + 3);
    expect(await events('ses_down', 'session.logout')).toHaveLength(logouts.length + 3);
    expect(node.inside('ls', '-A', `${node.run}/sessions`)).toBe('');
  });

  it('ends with its sliver, and is told so', async () => {
    await make('ses_stop');
    const clients = [open('ses_stop', ['sleep 60']), open('ses_stop', [], '-N')];
    await count('ses_stop', 2);
    await node.ok('POST', '/v1/slivers/ses_stop/restart');
    for (const client of clients) await ended(client);
    await count('ses_stop', 0);
    const last = (await events('ses_stop', 'session.logout')).slice(-2);
    expect(last).toMatchObject([{ how: 'stopped' }, { how: 'stopped' }]);
  });

  it('that is refused is an event, and no session', async () => {
    await make('ses_ice');
    await node.ok('POST', '/v1/slivers/ses_ice/freeze');
    expect(ssh('ses_ice', 'true').status).toBe(255);
    await until(async () => (await events('ses_ice', 'session.refused')).length === 1, 'the event');
    expect((await events('ses_ice', 'session.refused'))[0].reason).toMatch(/frozen/);
    await node.ok('POST', '/v1/slivers/ses_ice/thaw');
  });

  it('among many leaves the events of others where they are', async () => {
    await make('ses_many');
    const words = ['ssh', ...sshOptions(`${home}/one`), 'ses_many@127.0.0.1', 'true'];
    expect(node.attempt('x\n'.repeat(65), 'xargs', '-P', '6', '-I', '{}', ...words).status).toBe(0);
    await count('ses_many', 0);
    const told = (await events('ses_many', 'session.login')).length;
    expect(told).toBeGreaterThan(50);
    expect(told).toBeLessThan(63);
    expect(await events('ses_many', 'session.logout')).toHaveLength(told);
  });
});

describe('a session whose key is taken away', () => {
  const fingerprint = (name: string) => encodeURIComponent(fingerprintOf(`${home}/${name}.pub`));
  it('ends at once, its person told, and those of other keys go on', async () => {
    await make('key_gone', [key('one'), key('two')]);
    const [plain, terminal] = [kept('two', 'key_gone', false), kept('two', 'key_gone', true)];
    const forward = node.spawn('ssh', ...sshOptions(`${home}/two`), '-N', 'key_gone@127.0.0.1');
    const other = kept('one', 'key_gone', true);
    for (const one of [plain, terminal, other]) await one.began();
    await count('key_gone', 4);
    await node.ok('DELETE', `/v1/slivers/key_gone/keys/${fingerprint('two')}`);
    await Promise.all([plain.client, terminal.client, forward].map(ended));
    expect(plain.said()).toMatch(/^here\nsliverd: your key was removed or revoked\n([^\n]*\n)?status 255\n$/);
    expect(terminal.said()).toMatch(
      /^here\r\n\r\nsliverd: your key was removed or revoked\r\n([^\n]*\n)*status 255\n$/,
    );
    await count('key_gone', 1);
    const last = (await events('key_gone', 'session.logout')).slice(-3);
    expect(last).toMatchObject([{ how: 'key' }, { how: 'key' }, { how: 'key' }]);
    // Its line again, with another comment and options, at another place: the same key.
    await node.ok('PUT', '/v1/slivers/key_gone/keys', {
      keys: [key('two'), `no-x11-forwarding ${key('one')} and more`],
    });
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await count('key_gone', 1);
    // As an authority it lets in others, and itself no more.
    await node.ok('PUT', '/v1/slivers/key_gone/keys', { keys: [`cert-authority ${key('one')}`] });
    await ended(other.client);
  });

  it('or its certificate, or who signed it, ends too', async () => {
    await make('cert_gone', [key('one'), `cert-authority ${key('ca')}`]);
    const certify = (serial: string, id: string) =>
      execFileSync('ssh-keygen', [
        ...['-q', '-s', `${home}/ca`, '-I', id, '-z', serial, '-n', 'cert_gone', `${home}/two.pub`],
      ]);
    const revoke = (item: object) => node.ok('POST', '/v1/slivers/cert_gone/revocations', { items: [item] });
    const other = kept('one', 'cert_gone', true);
    await other.began();
    for (const [serial, id, item] of [
      ['5', 'bob', { serial: '5' }],
      ['6', 'carol', { keyId: 'carol' }],
    ] as const) {
      certify(serial, id);
      const session = kept('two', 'cert_gone', false);
      await session.began();
      await revoke({ serial: '77' });
      await revoke(item);
      await ended(session.client);
      expect(session.said()).toContain('sliverd: your key was removed or revoked\n');
      // In force by the time of the answer.
      const again = node.attempt('', 'ssh', ...sshOptions(`${home}/two`), 'cert_gone@127.0.0.1', 'true');
      expect(again.stderr).toMatch(/Permission denied/);
    }
    certify('8', 'dave');
    const session = kept('two', 'cert_gone', false);
    await session.began();
    await node.ok('DELETE', `/v1/slivers/cert_gone/keys/${fingerprint('ca')}`);
    await ended(session.client);
    await count('cert_gone', 1);
    other.client.kill();
  });

  it('ends also when the daemon dies in between', async () => {
    await make('key_crash', [key('one'), key('two')]);
    const [gone, stays] = [kept('two', 'key_crash', false), kept('one', 'key_crash', false)];
    for (const one of [gone, stays]) await one.began();
    // As after a crash between the two: the record says so, and no daemon ended anything.
    const dead = node.request('DELETE', `/v1/slivers/key_crash/keys/${fingerprint('two')}`).catch(() => {});
    await until(
      async () => !readFileSync(`${node.state}/access/keys/key_crash`, 'utf8').includes(key('two')),
      'the file',
    );
    await node.kill();
    await dead;
    await node.launch();
    await ended(gone.client);
    expect(gone.said()).toContain('your key was removed');
    await count('key_crash', 1);
    expect((await events('key_crash', 'session.logout')).at(-1)).toMatchObject({ how: 'key' });
    stays.client.kill();
  });
});

it('sliverctl lists and ends sessions', async () => {
  await make('ses_ctl');
  const ctl = (...words: string[]) =>
    spawnSync(process.execPath, [MAIN, 'session', ...words], {
      encoding: 'utf8',
      env: { ...process.env, SLIVERD_SOCKET: `${node.run}/admin.sock` },
    });
  const session = kept('one', 'ses_ctl', false);
  await session.began();
  await count('ses_ctl', 1);
  const [{ id }] = await sessions('ses_ctl');
  expect(ctl('list').stdout).toContain(id);
  expect(ctl('list', 'ses_ctl').stdout).toMatch(
    new RegExp(`^${id} +ses_ctl +\\d+ \\w+ +127.0.0.1:\\d+ +SHA256:\\S+ +-$`, 'm'),
  );
  expect(JSON.parse(ctl('list', 'ses_ctl', '--json').stdout).items[0].id).toBe(id);
  expect(ctl('end', id)).toMatchObject({ status: 0, stdout: '', stderr: '' });
  await ended(session.client);
  expect(session.said()).toContain("sliverd: the node's owner ended this session\n");
  expect(ctl('end', id).status).toBe(3);
});

it.each(['stop', 'reset', 'delete'])('sessions are told of the %s of their sliver', async (action) => {
  const slice = `ses_${action}s`;
  await make(slice);
  // Also those whose program ends by itself, in good order.
  const polite = 'echo here; trap "exit 0" TERM; while :; do sleep 0.1; done';
  const open = [kept('one', slice, true), kept('one', slice, false), kept('one', slice, true, polite)];
  const forward = node.spawn('ssh', ...sshOptions(`${home}/one`), '-N', `${slice}@127.0.0.1`);
  for (const one of open) await one.began();
  await count(slice, 4);
  if (action === 'delete') await node.ok('DELETE', `/v1/slivers/${slice}`);
  else await node.ok('POST', `/v1/slivers/${slice}/${action}`);
  for (const client of [...open.map((one) => one.client), forward]) await ended(client);
  for (const one of open)
    expect(one.said()).toMatch(/^here\r?\n([^\n]*\n)?sliverd: the sliver was stopped\r?\n([^\n]*\n)?status/);
});

it('what let go of its terminal outlives the session, the rest is hung up', async () => {
  await make('ses_nohup');
  // The small image has no nohup, which does no more than this.
  const ways = '(trap "" HUP; exec sleep 3331) & setsid sleep 3332 < /dev/null > /dev/null 2>&1 &';
  const session = open('ses_nohup', [`${ways} sleep 3333`], '-tt');
  const running = async (what: string) =>
    (await node.exec('ses_nohup', 'sh', '-c', `ps -o args | grep -c "[s]leep ${what}"`)).stdout === '1\n';
  for (const what of ['3331', '3332', '3333']) await until(() => running(what), 'all to run');
  session.kill();
  await until(async () => !(await running('3333')), 'the session to be hung up');
  await count('ses_nohup', 0);
  expect([await running('3331'), await running('3332')]).toEqual([true, true]);
});

it("what the node uses for sessions is counted as the slice's", async () => {
  await make('ses_usage');
  const used = async () => (await node.ok('GET', '/v1/slivers/ses_usage/usage')).sessions;
  const before = (await used()).cpuMicroseconds;
  expect(before).toBeGreaterThan(0);
  expect(ssh('ses_usage', 'head -c 50000000 /dev/zero').stdout.length).toBe(50_000_000);
  expect((await used()).cpuMicroseconds).toBeGreaterThan(before + 20_000);
});

it('a session is ended by the owner', async () => {
  await make('ses_end');
  const clients = [open('ses_end', ['sleep 60']), open('ses_end', ['sleep 60'])];
  await count('ses_end', 2);
  const [first, second] = await sessions('ses_end');
  await node.ok('DELETE', `/v1/sessions/${first.id}`);
  expect(await sessions('ses_end')).toEqual([second]);
  expect((await events('ses_end', 'session.logout')).at(-1)).toMatchObject({ id: first.id, how: 'owner' });
  expect((await node.request('DELETE', `/v1/sessions/${first.id}`)).status).toBe(404);
  for (const client of clients) client.kill();
});

it('a program of a session that is ended goes on where it has no terminal, as after any disconnect', async () => {
  await make('ses_goes');
  const beats =
    'trap "echo told > /root/told" TERM HUP INT; while :; do echo > /root/beat; sleep 0.1; done > /dev/null 2>&1';
  const inside = async (command: string) => (await node.exec('ses_goes', 'sh', '-c', command)).stdout;
  const goesOn = async () => (await inside('rm -f /root/beat; sleep 0.5; ls /root/beat')) !== '';
  const session = async () => {
    const client = open('ses_goes', [beats]);
    await until(goesOn, 'the program to begin');
    return client;
  };
  const byOwner = await session();
  const [one] = await sessions('ses_goes');
  await node.ok('DELETE', `/v1/sessions/${one.id}`);
  await ended(byOwner);
  await count('ses_goes', 0);
  expect(await goesOn()).toBe(true);
  expect(await inside('ls /root')).toBe('beat\n'); // it was told nothing
  await node.ok('POST', '/v1/slivers/ses_goes/restart');
  // Whose login shell is killed gets the signal that is the shell's last word.
  const killed = await session();
  const children = (pid: string) => node.inside('cat', `/proc/${pid}/task/${pid}/children`).trim();
  const record = node.inside('sh', '-c', `cat ${node.run}/sessions/*`);
  const [, sshd = ''] = /^slice ses_goes\npid (\d+)$/m.exec(record) ?? [];
  node.inside('kill', '-KILL', children(children(sshd)));
  await until(async () => (await inside('cat /root/told')) === 'told\n', 'it to be told');
  killed.kill();
});

it('one that sshd gave up is told as lost, and one whose processes were killed as that', async () => {
  await make('ses_lost');
  for (const [signal, how] of [
    ['TERM', 'lost'],
    ['KILL', 'killed'],
  ] as const) {
    const client = open('ses_lost', ['sleep 60']);
    await count('ses_lost', 1);
    const found = node.inside('sh', '-c', `cat ${node.run}/sessions/*`);
    const [, pid = ''] = /^slice ses_lost\npid (\d+)$/m.exec(found) ?? [];
    const children = node.inside('cat', `/proc/${pid}/task/${pid}/children`).trim().split(' ');
    node.inside('kill', `-${signal}`, ...(signal === 'KILL' ? [pid] : []), ...children);
    await count('ses_lost', 0);
    expect((await events('ses_lost', 'session.logout')).at(-1)).toMatchObject({ how });
    await ended(client);
  }
});

it('people log in while the daemon starts, each time', async () => {
  await make('ses_start');
  const script = `i=0; while [ -e ${home}/going ]; do "$@" true || echo failed; i=$((i + 1)); done > ${home}/logins 2>&1; echo $i >> ${home}/logins`;
  writeFileSync(`${home}/going`, '');
  const words = ['ssh', ...sshOptions(`${home}/one`), 'ses_start@127.0.0.1'];
  const logins = node.spawn('sh', '-c', script, 'sh', ...words);
  for (let i = 0; i < 3; i++) {
    await node.kill();
    await node.launch();
  }
  rmSync(`${home}/going`);
  await ended(logins);
  const said = readFileSync(`${home}/logins`, 'utf8');
  expect(said).toMatch(/^\d+\n$/);
  expect(Number(said)).toBeGreaterThan(5);
  await count('ses_start', 0);
});

it('making and deleting slivers leaves the door open', async () => {
  const pid = Number(readFileSync(`${node.run}/sliver-sshd.pid`, 'utf8'));
  const before = statSync(`${node.run}/sliver-sshd.pid`).mtimeMs;
  await make('door_open');
  await node.ok('DELETE', '/v1/slivers/door_open');
  expect(ssh('door_open', 'true').stderr).toMatch(/Permission denied/);
  await make('door_open');
  expect(Number(readFileSync(`${node.run}/sliver-sshd.pid`, 'utf8'))).toBe(pid);
  expect(statSync(`${node.run}/sliver-sshd.pid`).mtimeMs).toBe(before);
});
