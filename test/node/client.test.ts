import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Client, type Event, ProblemError, program } from '../../daemon/client/index.ts';
import { scratch, TestNode, until } from './harness.ts';
import { importSmallImage } from './image.ts';
import { makeKey, sshOptions } from './ssh.ts';

/** The client that the package exports, against a real node: as a module here, and as another project has it. */
const PROJECT = new URL('../..', import.meta.url).pathname;
const home = scratch('client');
let node: TestNode;
let client: Client;

beforeAll(async () => {
  makeKey(`${home}/key`);
  node = await TestNode.start('access: { port: 2222 }\n');
  await importSmallImage(node);
  client = new Client(`${node.run}/admin.sock`);
}, 120_000);
afterAll(async () => {
  client?.close();
  await node?.stop();
  rmSync(home, { recursive: true, force: true });
});

describe('the client', () => {
  it('creates, changes, asks and deletes', async () => {
    const keys = [readFileSync(`${home}/key.pub`, 'utf8').trim()];
    const made = await client.request('POST', '/v1/slivers', {
      body: { name: 'one_a', image: 'small', keys },
    });
    expect(made.state).toBe('running');
    const path = { name: 'one_a' };
    await client.request('PATCH', '/v1/slivers/{name}', { path, body: { rspec: { 'cpu.max': 0.5 } } });
    expect((await client.request('GET', '/v1/slivers/{name}/rspec', { path }))['cpu.max']).toBe(0.5);
    const ran = await client.request('POST', '/v1/slivers/{name}/exec', {
      path,
      body: { argv: ['echo', 'hello'] },
    });
    expect(ran).toMatchObject({ exitCode: 0, stdout: 'hello\n' });
    expect(await client.request('GET', '/v1/slivers/{name}/log', { path })).toBeTypeOf('string');
    await client.request('POST', '/v1/slivers', {
      body: { name: 'one_b', image: 'small', desired: 'stopped' },
    });
    const page = await client.request('GET', '/v1/slivers', { query: { limit: '1' } });
    expect([page.items.map(({ name }) => name), page.next]).toEqual([['one_a'], 'one_a']);
    expect(await client.request('DELETE', '/v1/slivers/{name}', { path: { name: 'one_b' } })).toBeUndefined();
  });

  it('does not wait when it is told so', async () => {
    const body = { name: 'one_c', image: 'small' };
    const made = await client.request('POST', '/v1/slivers', { body }, { respondAsync: true });
    expect(made.desired).toBe('running');
    await client.request('DELETE', '/v1/slivers/{name}', { path: { name: 'one_c' } });
  });

  it('throws the problem, and quotes what it puts into a path', async () => {
    const path = { name: '../node?x=1#%' };
    const error = await client.request('GET', '/v1/slivers/{name}', { path }).catch((cause) => cause);
    expect(error).toBeInstanceOf(ProblemError);
    expect(error).toMatchObject({ status: 404, code: 'not-found', problem: { title: 'No such thing' } });
    expect(error.message).toContain('../node?x=1#%');
  });

  it('says what is wrong with a connection', async () => {
    const nowhere = new Client(`${home}/none.sock`);
    await expect(nowhere.request('GET', '/v1/node')).rejects.toThrow(/ENOENT.*none\.sock/);
    await expect(nowhere.events().next()).rejects.toThrow(/ENOENT/);
    const failing = new Client(program('sh', ['-c', 'echo no such host >&2; exit 255']));
    await expect(failing.request('GET', '/v1/node')).rejects.toThrow(/status 255: no such host/);
    const missing = new Client(program(`${home}/none`, []));
    await expect(missing.request('GET', '/v1/node')).rejects.toThrow(/could not start/);
  });
});

describe('events', () => {
  it('go on over a crash of the daemon, none missed and none twice', async () => {
    const seen: Event[] = [];
    const stop = new AbortController();
    const following = (async () => {
      for await (const event of client.events({ after: 0, signal: stop.signal })) seen.push(event);
    })();
    const saw = (type: string) => seen.some((event) => event.type === type && event.subject === 'one_e');
    await client.request('POST', '/v1/slivers', {
      body: { name: 'one_e', image: 'small', desired: 'stopped' },
    });
    await until(() => saw('sliver.created'), 'the first event');
    await node.kill();
    await node.launch();
    await node.ok('DELETE', '/v1/slivers/one_e');
    await until(() => saw('sliver.deleted'), 'the last event');
    stop.abort();
    await following;
    const ids = seen.map(({ id }) => id).filter((id) => id !== 0);
    const kept = (await node.ok('GET', '/v1/events')).items.map(({ id }: Event) => id);
    expect(ids).toEqual(kept.filter((id: number) => id <= ids.at(-1)!));
  });

  it('of one subject, until the reader leaves the loop', async () => {
    for await (const event of client.events({ subject: 'one_a', after: 0 })) {
      expect(event).toMatchObject({ type: 'sliver.created', subject: 'one_a' });
      break;
    }
  });
});

it('asks from elsewhere, by ssh', async () => {
  const greeting = () => node.attempt('', 'busybox', 'nc', '-w', '1', '127.0.0.1', '2222').stdout ?? '';
  await until(() => greeting().startsWith('SSH-2.0'), 'sliver-sshd to answer');
  const words = [...sshOptions(`${home}/key`), '-s', 'one_a@127.0.0.1', 'manager'];
  using far = new Client(program(...node.within('ssh', ...words)));
  expect((await far.request('GET', '/v1/self')).name).toBe('one_a');
  const verify = far.request('POST', '/v1/tickets/verify', { body: { ticket: 'none' } });
  await expect(verify).rejects.toMatchObject({ code: 'bad-ticket' });
  await expect(far.request('GET', '/v1/node/doctor')).rejects.toMatchObject({ code: 'denied', status: 403 });
  // Three requests, one login.
  expect((await far.request('GET', '/v1/sessions')).items).toHaveLength(1);
});

describe('the package', () => {
  const project = `${home}/project`;
  const EXAMPLE = `
import { Client, ProblemError, type Answer } from 'sliverd/client';

const client = new Client(process.argv[2] ?? '/run/sliverd/manager.sock');
type Sliver = Answer<'GET', '/v1/self'>;
const made: Sliver = await client.request('POST', '/v1/slivers', {
  body: { name: 'two_a', image: 'small', desired: 'stopped', rspec: { 'memory.max': 2 ** 26 } },
});
const gone: undefined = await client.request('DELETE', '/v1/slivers/{name}', { path: { name: made.name } });
const twice = await client.request('DELETE', '/v1/slivers/{name}', { path: { name: made.name } }).catch((error) => error);
console.log(JSON.stringify([made.state, gone ?? null, twice instanceof ProblemError && twice.code]));
client.close();
`;
  const WRONG = `
import { Client } from 'sliverd/client';
const client = new Client('/none');
// @ts-expect-error there is no such path
client.request('GET', '/v1/nothing');
// @ts-expect-error nor that method of it
client.request('PUT', '/v1/node');
// @ts-expect-error a name is missing
client.request('GET', '/v1/slivers/{name}');
// @ts-expect-error no such member
client.request('POST', '/v1/slivers', { body: { name: 'a_b', colour: 'red' } });
// @ts-expect-error not a number
client.request('GET', '/v1/self').then(({ name }) => name * 2);
`;

  it('is JavaScript and types for who installs it', async () => {
    execFileSync('npm', ['pack', '--silent', '--pack-destination', home], { cwd: PROJECT });
    // As npm puts it there, which would want all that the daemon needs, from a registry; the client needs none of it.
    const installed = `${project}/node_modules/sliverd`;
    mkdirSync(installed, { recursive: true });
    execFileSync('sh', ['-c', `tar -xzf ${home}/sliverd-*.tgz --strip-components=1 -C ${installed}`]);
    writeFileSync(`${project}/package.json`, '{ "type": "module" }');
    writeFileSync(`${project}/example.ts`, EXAMPLE);
    writeFileSync(`${project}/wrong.ts`, WRONG);
    writeFileSync(
      `${project}/plain.js`,
      EXAMPLE.replace(', type Answer', '')
        .replace(/^type .*$/m, '')
        .replaceAll(/: (Sliver|undefined) =/g, ' ='),
    );
    const compilerOptions = {
      ...{ target: 'es2024', module: 'nodenext', strict: true, noEmit: true },
      ...{ types: ['node'], typeRoots: [`${PROJECT}node_modules/@types`] },
    };
    writeFileSync(
      `${project}/tsconfig.json`,
      JSON.stringify({ compilerOptions, files: ['example.ts', 'wrong.ts'] }),
    );
    const types = spawn(`${PROJECT}node_modules/.bin/tsc`, ['-p', project], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    expect(await text(types.stdout)).toBe('');
    const plain = execFileSync(process.execPath, [`${project}/plain.js`, `${node.run}/admin.sock`], {
      encoding: 'utf8',
    });
    expect(JSON.parse(plain)).toEqual(['stopped', null, 'not-found']);
  });
});
