import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import Docker from 'dockerode';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { explain, type SliverdError } from '../../daemon/errors.ts';
import { ImageStore } from '../../daemon/images/store.ts';
import { Database } from '../../daemon/store/database.ts';
import { startEngine } from './docker-engine.ts';
import { smallImageDirectory } from './image.ts';

let engine: Awaited<ReturnType<typeof startEngine>>;
let docker: Docker;
let work: string;
let directory: string;
let database: Database;
let store: ImageStore;

/** Gives the engine an image of this directory. */
async function give(root: string, repo: string): Promise<void> {
  execFileSync('tar', ['-cf', `${work}/given.tar`, '-C', root, '.']);
  await docker.importImage(`${work}/given.tar`, { repo, tag: 'latest' });
}

beforeAll(async () => {
  engine = await startEngine();
  docker = new Docker({ socketPath: engine.socket });
});
afterAll(() => engine.stop());

beforeEach(() => {
  work = mkdtempSync(`${tmpdir()}/sliverd-images-`);
  directory = `${work}/images`;
  database = new Database(`${work}/node.db`);
  store = new ImageStore({
    directory,
    database,
    log: pino({ level: 'silent' }),
    dockerSocket: engine.socket,
  });
});
afterEach(() => {
  database.close();
  rmSync(work, { recursive: true });
});

const make = (reference: string, progress: (message: string) => void = () => {}) =>
  store.create('a', { docker: reference }, { progress });
const containers = async () => (await docker.listContainers({ all: true })).map(({ Names }) => Names);

async function refusal(work: Promise<unknown>): Promise<[string, string]> {
  const error = await work.then(
    () => expect.fail('it was accepted'),
    (error: SliverdError) => error,
  );
  expect(readdirSync(directory)).toEqual([]);
  return [error.code, explain(error)];
}

it('imports what the engine has', async () => {
  const small = smallImageDirectory();
  try {
    await give(small, 'small');
  } finally {
    rmSync(small, { recursive: true });
  }
  const told: string[] = [];
  const image = await make('small', (message) => told.push(message));
  expect(image).toMatchObject({ name: 'a', source: 'docker small' });
  expect(told).toContain('exporting from the Docker engine');
  expect(
    execFileSync('chroot', [store.root(image.digest), 'sh', '-c', 'echo it runs'], { encoding: 'utf8' }),
  ).toBe('it runs\n');
  expect(await containers()).toEqual([]);
});

it('refuses what an engine would take', async () => {
  mkdirSync(`${work}/bad/dev`, { recursive: true });
  execFileSync('mknod', [`${work}/bad/dev/disk`, 'b', '8', '0']);
  await give(`${work}/bad`, 'bad');
  expect(await refusal(make('bad'))).toEqual([
    'bad-archive',
    expect.stringMatching(/"dev\/disk" is a block device/),
  ]);
  expect(await containers()).toEqual([]);
});

it('says what is missing when the image cannot be had, or no engine answers', async () => {
  const missing = await refusal(make('sliverd.invalid/no/such:image'));
  expect(missing).toEqual([
    'bad-source',
    expect.stringMatching(/pulling sliverd\.invalid\/no\/such:image: .*(lookup|dial)/),
  ]);
  expect((await refusal(make('Not/A/Reference!')))[0]).toBe('bad-source');
  const socket = `${work}/none.sock`;
  store = new ImageStore({ directory, database, log: pino({ level: 'silent' }), dockerSocket: socket });
  const none = await refusal(make('small'));
  expect(none).toEqual([
    'unsupported',
    expect.stringContaining(`no Docker engine answers at ${socket}: start one`),
  ]);
});

it('leaves no container after a crash', async () => {
  await give(`${work}/images`, 'nothing');
  const name = 'sliverd-export-0123456789abcdef';
  await docker.createContainer({ name, Image: 'nothing', Cmd: ['/nothing'] });
  const scratch = `${directory}/.staging-0123/scratch`;
  mkdirSync(scratch, { recursive: true });
  writeFileSync(`${scratch}/docker-container.json`, JSON.stringify({ socket: engine.socket, name }));
  await store.sweep([]);
  expect(await containers()).toEqual([]);
  expect(readdirSync(directory)).toEqual([]);
});

it('makes nothing of an export that breaks off', async () => {
  const own = await startEngine();
  docker = new Docker({ socketPath: own.socket });
  try {
    mkdirSync(`${work}/big`);
    execFileSync('dd', ['if=/dev/urandom', `of=${work}/big/file`, 'bs=1M', 'count=64', 'status=none']);
    await give(`${work}/big`, 'big');
    store = new ImageStore({ directory, database, log: pino({ level: 'silent' }), dockerSocket: own.socket });
    const [code] = await refusal(
      make('big', (message) => {
        if (message.startsWith('unpacking')) void own.stop();
      }),
    );
    expect(['bad-source', 'unsupported', 'bad-archive']).toContain(code);
    expect(existsSync(`${work}/big/file`)).toBe(true);
  } finally {
    await own.stop();
    docker = new Docker({ socketPath: engine.socket });
  }
});
