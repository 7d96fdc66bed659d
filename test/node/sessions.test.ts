import type { ChildProcess } from 'node:child_process';
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scratch, TestNode, until } from './harness.ts';
import { smallImageDirectory } from './image.ts';
import { fingerprintOf, makeKey, sshOptions } from './ssh.ts';

const image = smallImageDirectory();
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
const ended = (client: ChildProcess) => until(() => client.exitCode !== null, 'the client to end');
const events = async (slice: string, type: string) =>
  (await node.ok('GET', `/v1/events?subject=${slice}`)).items
    .filter((event: { type: string }) => event.type === type)
    .map((event: { data: object }) => event.data);

beforeAll(async () => {
  for (const name of ['one', 'two', 'ca']) makeKey(`${home}/${name}`);
  node = await TestNode.start('access:\n  port: 2222\n');
  await node.ok('POST', '/v1/images', { name: 'small', source: { path: image } });
  const greeting = () => node.attempt('', 'busybox', 'nc', '-w', '1', '127.0.0.1', '2222').stdout ?? '';
  await until(() => greeting().startsWith('SSH-2.0'), 'sliver-sshd to answer');
});
afterAll(async () => {
  await node?.stop();
  for (const folder of [image, home]) rmSync(folder, { recursive: true, force: true });
});
const make = async (name: string, keys = [key('one')]) => {
  await node.ok('POST', '/v1/slivers', { name, image: 'small', keys });
  await until(() => ssh(name, 'true').status === 0, 'the slice to be let in');
  await count(name, 0);
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
