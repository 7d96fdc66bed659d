import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { pino } from 'pino';
import { type Header, pack } from 'tar-stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { explain, SliverdError } from '../../daemon/errors.ts';
import { type ImageSource, ImageStore } from '../../daemon/images/store.ts';
import { Database } from '../../daemon/store/database.ts';
import { until } from './harness.ts';
import { smallImageDirectory } from './image.ts';

const log = pino({ level: 'silent' });
let work: string;
let directory: string;
let database: Database;
let store: ImageStore;
let small: string;
let archive: string;

beforeAll(() => {
  small = smallImageDirectory();
  archive = `${small}.tar`;
  execFileSync('tar', ['-cf', archive, '--sort=name', '-C', small, '.']);
});
afterAll(() => {
  rmSync(small, { recursive: true });
  rmSync(archive);
});

beforeEach(() => {
  work = mkdtempSync(`${tmpdir()}/sliverd-images-`);
  directory = `${work}/state/images`;
  database = new Database(`${work}/state/node.db`);
  store = new ImageStore({ directory, database, log });
});
afterEach(() => {
  database.close();
  rmSync(work, { recursive: true });
});

const PROJECT = new URL('../..', import.meta.url).pathname;
const nobody = () => [];
const make = (name: string, source: ImageSource) => store.create(name, source, { progress: () => {} });
const shell = (script: string) => execFileSync('sh', ['-ec', script], { cwd: work, encoding: 'utf8' });

/** The beginning of a program with a store of its own. */
const storeAt = (state: string) => `
  import { readdirSync } from 'node:fs';
  import { pino } from '${PROJECT}node_modules/pino/pino.js';
  import { ImageStore } from '${PROJECT}daemon/images/store.ts';
  import { Database } from '${PROJECT}daemon/store/database.ts';
  const options = { directory: '${state}/images', database: new Database('${state}/node.db') };
  const store = new ImageStore({ ...options, log: pino({ level: 'silent' }) });`;

async function refusal(work: Promise<unknown>): Promise<SliverdError> {
  const error = await work.then(
    () => expect.fail('it was accepted'),
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(SliverdError);
  expect(readdirSync(directory).filter((name) => name.startsWith('.'))).toEqual([]);
  return error as SliverdError;
}

async function tar(...entries: (Partial<Header> & { name: string; content?: string })[]): Promise<string> {
  const stream = pack();
  for (const { content, ...header } of entries) stream.entry(header, content ?? '');
  stream.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  writeFileSync(`${work}/made.tar`, Buffer.concat(chunks));
  return `${work}/made.tar`;
}

describe('import of a path', () => {
  it('unpacks an archive with owners, modes, times, links, attributes and capabilities as they are', async () => {
    const source = `${work}/source`;
    mkdirSync(`${source}/bin`, { recursive: true });
    writeFileSync(`${source}/bin/program`, 'x'.repeat(100_000));
    linkSync(`${source}/bin/program`, `${source}/bin/second`);
    chmodSync(`${source}/bin/program`, 0o4755);
    symlinkSync('/etc', `${source}/absolute`);
    symlinkSync('../../../../etc/passwd', `${source}/relative`);
    shell(`
      chown -h 65534:7 source/absolute; chown 1000:1001 source/bin; touch -d @1234567890.5 source/bin
      setcap cap_net_raw+ep source/bin/program
      tar -cf all.tar --format=posix --acls --xattrs '--xattrs-include=*' -C source .`);
    const image = await make('all', { path: `${work}/all.tar` });
    expect(image).toMatchObject({ name: 'all', bytes: 100_000, files: 6, source: `path ${work}/all.tar` });
    expect(image.digest).toBe(`sha256:${shell('sha256sum all.tar').slice(0, 64)}`);
    const root = store.root(image.digest);
    expect(lstatSync(`${root}/bin/program`)).toMatchObject({ mode: 0o104755, nlink: 2, size: 100_000 });
    expect(lstatSync(`${root}/bin`)).toMatchObject({ uid: 1000, gid: 1001, mtimeMs: 1234567890500 });
    expect(lstatSync(`${root}/absolute`)).toMatchObject({ uid: 65534, gid: 7 });
    expect(readlinkSync(`${root}/absolute`)).toBe('/etc');
    expect(readlinkSync(`${root}/relative`)).toBe('../../../../etc/passwd');
    expect(shell(`getcap ${root}/bin/program`)).toMatch('cap_net_raw=ep');
    expect(lstatSync(directory).mode & 0o777).toBe(0o700);
    expect(store.list()).toEqual([image]);
    expect(store.get('all')).toEqual(image);
  });

  it('unpacks attributes of users, and none that overlayfs gives a meaning', async () => {
    const pax = Object.fromEntries(
      ['user.colour', 'user.overlay.opaque', 'trusted.overlay.opaque', 'trusted.x'].map((name) => [
        `SCHILY.xattr.${name}`,
        'y',
      ]),
    );
    const image = await make('a', {
      path: await tar({ name: 'd/', type: 'directory', pax }, { name: 'd/f', pax }),
    });
    const found = shell(
      `tar -c --xattrs '--xattrs-include=*' -C ${store.root(image.digest)} . | grep -ao 'SCHILY.*'`,
    );
    expect(found).toBe('SCHILY.xattr.user.colour=y\n'.repeat(2));
  });

  it('gives one content for plain, gzip, zstd (also in many frames) and xz, and shares it', async () => {
    shell(`cp ${archive} plain; gzip -k plain; zstd -q plain; xz -k -0 plain
      head -c 300000 plain | zstd -q > frames.zst; tail -c +300001 plain | zstd -q >> frames.zst`);
    const digests = new Set<string>();
    for (const [name, file] of Object.entries({
      plain: 'plain',
      gzip: 'plain.gz',
      zstd: 'plain.zst',
      frames: 'frames.zst',
      xz: 'plain.xz',
    }))
      digests.add((await make(name, { path: `${work}/${file}` })).digest);
    expect(digests.size).toBe(1);
    expect(store.list().map((image) => image.name)).toEqual(['frames', 'gzip', 'plain', 'xz', 'zstd']);
    expect(readdirSync(directory)).toHaveLength(1);
  });

  it('takes a directory, and finds the same content in it twice', async () => {
    const first = await make('first', { path: small });
    writeFileSync(`${small}/etc/motd`, 'new');
    const second = await make('second', { path: small });
    rmSync(`${small}/etc/motd`);
    shell(
      `touch -d @${Math.floor(lstatSync(`${store.root(first.digest)}/etc`).mtimeMs / 1000)} ${small}/etc`,
    );
    expect(second.digest).not.toBe(first.digest);
    const copy = await make('copy', { path: store.root(first.digest) });
    expect(copy.digest).toBe(first.digest);
    expect(shell(`chroot ${store.root(first.digest)} sh -c 'echo it runs | cat'`)).toBe('it runs\n');
  });

  it('tells how it goes', async () => {
    const told: [string, number | undefined][] = [];
    await store.create('a', { path: archive }, { progress: (...words) => told.push([words[0], words[1]]) });
    expect(told.at(0)?.[0]).toMatch(/^unpacking: \d+ files, \d+ MB$/);
    expect(told.at(-1)).toEqual(['done', 100]);
  });

  it('refuses what cannot be read', async () => {
    shell('mkfifo fifo');
    for (const [path, reason] of [
      ['relative.tar', /must be absolute/],
      ['/dev/zero', /neither a file nor a directory/],
      [`${work}/fifo`, /neither/],
      [`${work}/missing.tar`, /no such file/],
      ['/proc/self/mem', /cannot be read at byte 0: EIO/],
    ] as const) {
      const error = await refusal(make('a', { path }));
      expect([error.code, explain(error)]).toEqual(['bad-source', expect.stringMatching(reason)]);
    }
  });

  it('refuses damage in each compression, with nothing left behind', async () => {
    shell(`cp ${archive} plain; gzip -k plain; zstd -q plain; xz -k -0 plain
      for kind in gz zst xz; do head -c 200000 plain.$kind > short.$kind; done; head -c 200000 plain > short.tar
      cp plain.gz garbage.gz; echo garbage >> garbage.gz; gzip -c < /dev/null > empty.gz; : > empty.tar
      head -c 100000 /dev/urandom > random.tar`);
    for (const file of [
      'short.tar',
      'short.gz',
      'short.zst',
      'short.xz',
      'garbage.gz',
      'empty.gz',
      'empty.tar',
      'random.tar',
    ]) {
      const error = await refusal(make('a', { path: `${work}/${file}` }));
      expect(error.code, `${file}: ${explain(error)}`).toBe('bad-archive');
    }
    expect(readdirSync(directory)).toEqual([]);
    expect(store.list()).toEqual([]);
  });

  it('refuses what tar itself cannot unpack', async () => {
    // Correct in its headers, and impossible: a name of dots that the file system takes for the directory.
    const error = await refusal(make('a', { path: await tar({ name: 'a/.', content: 'x' }) }));
    expect([error.code, explain(error)]).toEqual(['bad-archive', expect.stringMatching(/tar: .*a\/\./)]);
  });

  it('refuses what there is no room for, before the disk is full', async () => {
    // A bomb of zeros, which is small as long as it is compressed.
    shell(`fallocate -l 64M disk; mkfs.ext4 -q disk; mkdir mounted
      truncate -s 100M zeros; tar -cf - zeros | gzip > bomb.tar.gz; rm zeros`);
    const script = `
      ${storeAt(`${work}/mounted`)}
      const source = { path: '${work}/bomb.tar.gz' };
      const error = await store.create('a', source, { progress() {} }).catch((error) => error);
      console.log(JSON.stringify([error.code, error.cause?.message, readdirSync('${work}/mounted/images')]));`;
    // The mount lives as long as the program.
    const program = [process.execPath, '--input-type=module', '--eval', script];
    const mounted = [
      '--mount',
      '--propagation=private',
      'sh',
      '-ec',
      'mount -o loop disk mounted; exec "$@"',
      'sh',
    ];
    const said = execFileSync('unshare', [...mounted, ...program], { cwd: work, encoding: 'utf8' });
    expect(JSON.parse(said)).toEqual([
      'too-large',
      expect.stringMatching(/more than this node has room for/),
      [],
    ]);
  });

  it('refuses a directory with a device node in it', async () => {
    shell('mkdir -p tree/dev; mknod tree/dev/null c 1 3');
    const error = await refusal(make('a', { path: `${work}/tree` }));
    expect(error.code).toBe('bad-archive');
    expect(explain(error)).toMatch('"./dev/null" is a character device; images hold no device nodes');
  });

  it('never writes outside, whatever links the archive brings', async () => {
    const outside = `${work}/outside`;
    mkdirSync(outside);
    writeFileSync(`${outside}/passwd`, 'untouched');
    const up = '../'.repeat(20);
    for (const entries of [
      [
        { name: 'a', type: 'symlink', linkname: outside },
        { name: 'a/passwd', content: 'x' },
      ],
      [
        { name: 'a', type: 'symlink', linkname: `${up}${outside}` },
        { name: 'a/', type: 'directory' },
        { name: 'a/passwd' },
      ],
      [
        { name: 'a', type: 'symlink', linkname: `${outside}/passwd` },
        { name: 'a', content: 'x' },
      ],
      [
        { name: 'a', type: 'symlink', linkname: `${outside}/passwd` },
        { name: 'b', type: 'link', linkname: 'a' },
        { name: 'b', content: 'x' },
      ],
      [{ name: `${up}${outside}/passwd`, content: 'x' }],
      [{ name: `${outside}/passwd`, content: 'x' }],
      [
        { name: 'a', type: 'link', linkname: `${outside}/passwd` },
        { name: 'a', content: 'x' },
      ],
    ] as unknown as Parameters<typeof tar>[]) {
      const error = await refusal(make('a', { path: await tar(...entries) }));
      expect(error.code).toBe('bad-archive');
      expect(readdirSync(outside)).toEqual(['passwd']);
      expect(readFileSync(`${outside}/passwd`, 'utf8')).toBe('untouched');
      expect(lstatSync(`${outside}/passwd`).nlink).toBe(1);
    }
  });
});

describe('names', () => {
  it('never change what they stand for', async () => {
    const first = await make('a', { path: archive });
    expect(await make('a', { path: archive })).toEqual(first);
    const error = await refusal(make('a', { path: await tar({ name: 'other', content: 'x' }) }));
    expect([error.code, explain(error)]).toEqual(['exists', expect.stringMatching(/images never change/)]);
    expect(store.list()).toEqual([first]);
    expect(readdirSync(directory)).toHaveLength(1);
  });

  it('are made once at a time', async () => {
    const first = make('a', { path: archive });
    const second = make('a', { path: archive }).catch((error) => error.code);
    expect(await second).toBe('exists');
    expect((await first).name).toBe('a');
  });

  it('of one content made at once share it', async () => {
    const made = await Promise.all(['a', 'b', 'c'].map((name) => make(name, { path: archive })));
    expect(new Set(made.map((image) => image.digest)).size).toBe(1);
    expect(readdirSync(directory)).toHaveLength(1);
  });

  it('are not deleted while slivers use them, and take the tree along when they are the last', async () => {
    const image = await make('a', { path: archive });
    await make('b', { path: archive });
    const error = await refusal(
      store.delete('a', (digest) => (digest === image.digest ? ['x_y', 'x_z'] : [])),
    );
    expect([error.code, error.extra, error.message]).toEqual([
      'in-use',
      { usedBy: ['x_y', 'x_z'] },
      expect.stringMatching('slivers x_y, x_z'),
    ]);
    await store.delete('a', nobody);
    expect(existsSync(store.root(image.digest))).toBe(true);
    await store.delete('b', nobody);
    expect(readdirSync(directory)).toEqual([]);
    expect((await refusal(store.delete('b', nobody))).code).toBe('not-found');
  });

  it('can be given up while a build has nothing to give yet', async () => {
    const abort = new AbortController();
    const progress = (message: string) => /downloading/.test(message) && abort.abort();
    const error = await refusal(
      store.create('a', { build: 'debian-12' }, { progress, signal: abort.signal }),
    );
    expect(explain(error)).toMatch(/aborted/);
    expect(readdirSync(directory)).toEqual([]);
    expect((await refusal(make('a', { build: 'debian-0' }))).message).toMatch(/debian-0/);
  });

  it('can be given up half-way', async () => {
    const abort = new AbortController();
    const error = await refusal(
      store.create('a', { path: archive }, { progress: () => abort.abort(), signal: abort.signal }),
    );
    expect(explain(error)).toMatch(/aborted/);
    expect(readdirSync(directory)).toEqual([]);
  });
});

describe('sweep', () => {
  it('removes unfinished work and trees that nobody uses, and keeps the others', async () => {
    const named = await make('named', { path: archive });
    const used = await make('used', { path: await tar({ name: 'x', content: 'x' }) });
    const gone = await make('gone', { path: await tar({ name: 'y', content: 'y' }) });
    mkdirSync(`${directory}/.staging-0123/root/etc`, { recursive: true });
    database.sql.exec("DELETE FROM images WHERE name IN ('used', 'gone')");
    const removed = await store.sweep([used.digest]);
    expect(removed.sort()).toEqual(
      [`${directory}/.staging-0123`, store.root(gone.digest).replace(/\/root$/, '')].sort(),
    );
    for (const image of [named, used]) expect(existsSync(store.root(image.digest))).toBe(true);
    expect(readdirSync(directory)).toHaveLength(2);
  });
});

it('leaves nothing behind of archives with random damage, in staging or outside', async () => {
  const good = readFileSync(
    await tar(
      { name: 'd/', type: 'directory' },
      { name: 'd/file', content: 'x'.repeat(600) },
      { name: 'link', type: 'symlink', linkname: '/etc' },
      { name: 'hard', type: 'link', linkname: 'd/file' },
      { name: 'é', content: 'pax' },
    ),
  );
  const mutation = fc.oneof(
    fc.record({ at: fc.nat(good.length - 1), bytes: fc.uint8Array({ minLength: 1, maxLength: 12 }) }),
    // Names, which a random byte seldom hits, with the checksum put right.
    fc.record({
      header: fc.constantFrom(0, 512, 2048, 2560),
      name: fc.constantFrom('link/x', '../x', '/x', 'd', ''),
    }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(mutation, { minLength: 1, maxLength: 3 }),
      fc.nat(good.length),
      async (mutations, length) => {
        const bad = Buffer.from(good.subarray(0, length < good.length / 4 ? length : good.length));
        for (const change of mutations) {
          if ('at' in change) Buffer.from(change.bytes).copy(bad, Math.min(change.at, bad.length));
          else if (bad.length >= change.header + 512) {
            bad.fill(0, change.header, change.header + 100);
            bad.write(change.name, change.header);
            bad.fill(' ', change.header + 148, change.header + 156);
            const sum = bad
              .subarray(change.header, change.header + 512)
              .reduce((total, byte) => total + byte, 0);
            bad.write(`${sum.toString(8).padStart(6, '0')}\0 `, change.header + 148);
          }
        }
        writeFileSync(`${work}/bad.tar`, bad);
        await make('a', { path: `${work}/bad.tar` }).then(
          () => store.delete('a', nobody),
          (error) => expect(['bad-archive'], explain(error)).toContain(error.code),
        );
        expect(readdirSync(directory)).toEqual([]);
        expect(readdirSync(work).sort()).toEqual(['bad.tar', 'made.tar', 'state']);
      },
    ),
    { numRuns: 60 },
  );
});

describe('kill -9', () => {
  /** A process that makes the image, killed once it says so, or a while after that. Then the daemon's next start. */
  async function killed(source: ImageSource, at: RegExp, wait: number): Promise<string[]> {
    database.close();
    const script = `
      ${storeAt(`${work}/state`)}
      console.log('started');
      await store.create('a', ${JSON.stringify(source)}, { progress: (message) => console.log(message) });
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script]);
    let told = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text) => {
        told += text;
      });
    const closed = once(child, 'close');
    try {
      await until(() => at.test(told) || child.exitCode !== null, `the work to be at ${at}`, 60_000);
      expect(child.exitCode, told).toBe(null);
      await sleep(wait);
      expect(child.exitCode, told).toBe(null);
    } finally {
      child.kill('SIGKILL');
      await closed;
      database = new Database(`${work}/state/node.db`);
      store = new ImageStore({ directory, database, log });
    }
    await until(() => processes().length === 0, 'what it started to end with it', 10_000);
    return await store.sweep([]);
  }

  /** Processes with this text in their arguments or working directory. */
  const processes = () =>
    readdirSync('/proc').filter((pid) => {
      if (!/^[0-9]+$/.test(pid) || Number(pid) === process.pid) return false;
      try {
        return (
          readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(directory) ||
          readlinkSync(`/proc/${pid}/cwd`).startsWith(directory) ||
          readFileSync(`/proc/${pid}/mounts`, 'utf8').includes(directory)
        );
      } catch {
        return false;
      }
    });

  it('at any moment of an import leaves the whole image, or what a sweep clears', async () => {
    const source = `${work}/source`;
    mkdirSync(source);
    for (let file = 0; file < 500; file++) writeFileSync(`${source}/${file}`, 'x'.repeat(20_000));
    shell('tar -cf big.tar -C source .; xz -0 -k big.tar');
    const outcomes = new Set<string>();
    const moments: [RegExp, number][] = [
      ...[0, 20, 60, 150, 400].map((wait): [RegExp, number] => [/started/, wait]),
      ...[0, 5, 20, 80].map((wait): [RegExp, number] => [/writing it to the disk/, wait]),
      [/done/, 0],
    ];
    for (const [at, wait] of moments) {
      await killed({ path: `${work}/${wait % 20 === 0 ? 'big.tar.xz' : 'big.tar'}` }, at, wait);
      const made = store.list();
      outcomes.add(made.length === 0 ? 'nothing' : 'whole');
      expect(readdirSync(directory), `killed ${wait} ms after ${at}`).toHaveLength(made.length);
      if (made.length === 0) continue;
      expect(readdirSync(store.root(made[0]!.digest))).toHaveLength(500);
      expect(made[0]).toMatchObject({ files: 501, bytes: 10_000_000 });
      await store.delete('a', nobody);
    }
    expect(outcomes).toEqual(new Set(['nothing', 'whole']));
  });

  it('while an image is built ends all that builds it', async () => {
    const removed = await killed({ build: 'debian-12' }, /extracting/, 500);
    expect(removed).toHaveLength(1);
    expect(readdirSync(directory)).toEqual([]);
    expect(store.list()).toEqual([]);
  });
});
