import { chmod, mkdir } from 'node:fs/promises';
import { pack } from 'tar-stream';
import { SliverdError } from '../../errors.ts';
import { run } from '../../kernel/run.ts';
import { debianMirrors } from '../apt-sources.ts';
import { BLOCK } from '../archive/header.ts';
import { Program } from '../program.ts';
import { FILES, type Recipe, recipe } from '../recipes.ts';
import type { SourceOptions } from './source.ts';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** What mmdebstrap says, what a person is told, and how far that is of the whole in percent, as measured. */
const PROGRESS: [RegExp, string, number][] = [
  [/running apt-get update/, 'reading what Debian has', 2],
  [/downloading packages/, 'downloading packages', 8],
  [/extracting archives/, 'extracting the essential packages', 15],
  [/installing essential/, 'installing the essential packages', 25],
  [/installing remaining/, 'installing the other packages', 45],
  [/cleaning package lists/, 'cleaning up', 85],
  [/creating tarball/, 'packing and unpacking the tree', 87],
];

/** How this machine reaches its mirrors: what apt is told about it beyond the sources. */
const APT_SETTINGS = ['Acquire::Check-Valid-Until', 'Acquire::Check-Date', 'Acquire::http', 'Acquire::https'];

/**
 * Builds a Debian tree by mmdebstrap and gives it as tar, without device nodes. It runs in mount and process
 * namespaces of its own, so that it ends whole, mounts included, when the stream is left or the daemon dies.
 */
export async function* buildArchive(
  name: string,
  options: SourceOptions,
  { release, packages }: Recipe = recipe(name),
): AsyncGenerator<Buffer> {
  const mirrors = debianMirrors();
  const settings = await aptSettings();
  await mkdir(options.scratch);
  // For apt's own unprivileged user, which downloads.
  await chmod(options.scratch, 0o1777);
  const args = [
    '--mode=root',
    '--variant=minbase',
    '--format=tar',
    '--skip=output/dev',
    // What counts is whole on the disk at the end, or is not there.
    '--dpkgopt=force-unsafe-io',
    `--keyring=${KEYRING}`,
    `--include=${packages.join(',')}`,
    ...settings.map((setting) => `--aptopt=${setting}`),
    ...customize(settings),
    release,
    '-',
    ...sourceLines(release, mirrors),
  ];
  options.progress('starting mmdebstrap', 0);
  // The scratch directory takes the place of /tmp, for the way to it is closed to others.
  const script = 'mount --bind "$1" /tmp && shift && exec mmdebstrap "$@"';
  const unshare = [
    '--mount',
    '--propagation=private',
    '--pid',
    '--fork',
    '--kill-child=KILL',
    '--mount-proc',
  ];
  const network = options.buildNetwork;
  // One day's builds of the same packages give the same bytes.
  const day = Math.floor(Date.now() / 86_400_000) * 86_400;
  const program = new Program(
    network ? 'nsenter' : 'unshare',
    [
      ...(network ? [`--net=${network}`, '--', 'unshare'] : []),
      ...unshare,
      '--',
      'sh',
      '-c',
      script,
      'build',
      options.scratch,
      ...args,
    ],
    {
      ...(options.signal ? { signal: options.signal } : {}),
      env: { TMPDIR: '/tmp', SOURCE_DATE_EPOCH: String(day) },
      onLine: (line) => {
        options.log.debug({ recipe: name, line }, 'mmdebstrap');
        const step = PROGRESS.find(([pattern]) => pattern.test(line));
        if (step) options.progress(step[1], step[2]);
      },
    },
  );
  yield* deviceDirectory(day);
  yield* program.output();
}

/** mmdebstrap leaves out the directory with the nodes; it is where a sliver's own are mounted. */
async function* deviceDirectory(day: number): AsyncGenerator<Buffer> {
  const archive = pack();
  archive.entry({ name: './dev/', type: 'directory', mode: 0o755, mtime: new Date(day * 1000) }, '');
  archive.finalize();
  // Its header; the archive goes on with the others.
  for await (const chunk of archive) {
    yield (chunk as Buffer).subarray(0, BLOCK);
    return;
  }
}

/** The lines of the image's /etc/apt/sources.list. */
export function sourceLines(release: string, mirrors: { archive: string[]; security: string[] }): string[] {
  return [
    ...mirrors.archive.flatMap((uri) =>
      [release, `${release}-updates`].map((suite) => `deb ${uri} ${suite} main`),
    ),
    ...mirrors.security.map((uri) => `deb ${uri} ${release}-security main`),
  ];
}

/** The settings as lines of apt.conf. A proxy that an address has a password for is used, and not left in the image. */
async function aptSettings(): Promise<string[]> {
  const dump = await run('apt-config', ['dump', '--no-empty', ...APT_SETTINGS]);
  const lines = dump.split('\n').filter((line) => line.endsWith('";'));
  for (const line of lines)
    if (!/^[\w:.-]+ "[^"\n]*";$/.test(line))
      throw new SliverdError('bad-source', `apt has a setting that cannot be passed on: ${line}`);
  return lines;
}

function customize(settings: string[]): string[] {
  const hooks = Object.entries(FILES).map(([path, content]) => `printf %s ${quoted(content)} > "$1"${path}`);
  hooks.push('rm "$1"/etc/dpkg/dpkg.cfg.d/99mmdebstrap');
  const secret = settings.filter((line) => /:\/\/[^/]*@/.test(line));
  if (secret.length > 0)
    hooks.push(
      `printf '%s\\n' ${settings
        .filter((line) => !secret.includes(line))
        .map(quoted)
        .join(' ')} > "$1"/etc/apt/apt.conf.d/99mmdebstrap`,
    );
  return hooks.map((hook) => `--customize-hook=${hook}`);
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
