import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { World } from '../node/world.ts';
import { type Beside, beside, type Idle, idle, restart } from './costs.ts';
import { recordsBench } from './flows/index.ts';
import { managerBench } from './manager/index.ts';
import { fill, measureRounds, OPERATIONS, type Operation } from './measure.ts';
import { networkBench } from './network/index.ts';
import { level, type Report, table } from './report.ts';
import { sensorsBench } from './sensors/index.ts';
import { sshBench } from './ssh/index.ts';
import { crun } from './subjects/crun.ts';
import { docker } from './subjects/docker.ts';
import { lxc } from './subjects/lxc.ts';
import { podman } from './subjects/podman.ts';
import { sliverd } from './subjects/sliverd.ts';
import { type Subject, Unavailable } from './subjects/subject.ts';
import { targets } from './targets.ts';

/** What can be asked for by itself. */
const PARTS = [...OPERATIONS, 'idle', 'network', 'ssh', 'manager', 'sensors', 'records'] as const;
/** Too long to be done unless it is asked for. */
const LONG: readonly string[] = ['records'];

const USAGE = `Usage: npm run bench [-- OPTIONS]      (as root)

  --count N         slivers for the second level and the costs of a full node (200; of its network 500)
  --rounds N        rounds of each level (20)
  --only LIST       of ${PARTS.join(',')}: with any of the first four, create and delete happen too
                    \`records\` (ten minutes and 3 GB in /var/tmp) is done only when it is asked for
  --flows N         of \`records\`, in millions (10)
  --peers LIST      of podman,lxc,docker (all that are installed)
  --install-peers   install them from Debian first
  --json FILE       write the report there as well
  --quick           few rounds and 20 slivers: does it work?`;

const { values } = parseArgs({
  options: {
    count: { type: 'string' },
    rounds: { type: 'string' },
    only: { type: 'string' },
    flows: { type: 'string' },
    peers: { type: 'string', default: 'podman,lxc,docker' },
    'install-peers': { type: 'boolean' },
    json: { type: 'string' },
    quick: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  },
});

const number = (text: string | undefined, otherwise: number) => {
  const value = Number(text ?? otherwise);
  if (Number.isInteger(value) && value > 0 && value <= 1000) return value;
  throw new Error(`'${text}' is not a number from 1 to 1000`);
};
const say = (text: string) => void process.stderr.write(`${text}\n`);
const project = new URL('../..', import.meta.url).pathname;

/** Everything happens in mount and network namespaces of its own. */
function enterNamespaces(): never {
  const script = 'ip link set lo up && exec "$@"';
  const { status } = spawnSync(
    'unshare',
    [
      ...['--mount', '--net', '--propagation', 'private', '--', 'sh', '-c', script, 'sh'],
      ...[process.execPath, ...process.execArgv, ...process.argv.slice(1)],
    ],
    { stdio: 'inherit', env: { ...process.env, SLIVERD_BENCH_INSIDE: '1' } },
  );
  process.exit(status ?? 1);
}

function installPeers(): void {
  const packages = readFileSync(`${project}scripts/debian-packages`, 'utf8')
    .split('\n')
    .map((line) => line.split(/\s+/))
    .flatMap(([group, name]) => (group === 'bench' && name ? [name] : []));
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (...args: string[]) => spawnSync('apt-get', args, { stdio: ['ignore', 2, 2], env });
  apt('update', '-qq');
  if (apt('install', '-y', '-qq', '--no-install-recommends', ...packages).status !== 0)
    say('apt-get failed: what is not installed is skipped');
}

async function main(): Promise<void> {
  const rounds = number(values.rounds, values.quick ? 3 : 20);
  const only = (values.only?.split(',') ??
    PARTS.filter((part) => !LONG.includes(part))) as (typeof PARTS)[number][];
  for (const part of only)
    if (!PARTS.includes(part)) throw new Error(`'${part}' is none of ${PARTS.join(', ')}`);
  const peers = values.peers.split(',').filter(Boolean);
  for (const name of peers)
    if (!(name in PEERS)) throw new Error(`'${name}' is none of ${Object.keys(PEERS).join(', ')}`);

  const report: Report = { subjects: {}, skipped: {}, levels: [], beside: [], restarts: [] };
  const operations = OPERATIONS.filter((operation) => only.includes(operation));
  // First, for its node mounts in copies of this mount namespace what others mount here.
  if (only.includes('idle')) report.idleConnected = await idleConnected();
  if (operations.length) await lifecycle(report, operations, peers, rounds);
  if (only.includes('network'))
    report.network = await networkBench({
      rounds,
      peers,
      say,
      flowSeconds: values.quick ? 5 : 30,
      count: number(values.count, values.quick ? 20 : 500),
    });
  if (only.includes('ssh')) report.ssh = await sshBench(rounds, say);
  if (only.includes('manager')) report.manager = await managerBench(rounds, say);
  if (only.includes('sensors')) {
    const count = number(values.count, values.quick ? 20 : 200);
    report.sensors = await sensorsBench(count, values.quick ? 5 : 30, say);
  }
  if (only.includes('records'))
    report.records = await recordsBench(number(values.flows, values.quick ? 1 : 10) * 1e6, rounds, say);
  console.log(table(report));
  if (values.json)
    writeFileSync(values.json, `${JSON.stringify({ ...report, targets: targets(report) }, null, 2)}\n`);
}

/** A node whose slivers share an address, as nobody asks it anything or sends a packet. */
async function idleConnected(): Promise<Idle> {
  const count = number(values.count, values.quick ? 20 : 200);
  const world = new World();
  try {
    const node = await sliverd((pid) => world.connect(pid, '198.51.100.10'));
    try {
      await fill(
        [node],
        Array.from({ length: count }, (_, index) => 1 + index),
      );
      say(`idle, with ${count} on the shared network`);
      return await idle(node, values.quick ? 5 : 60);
    } finally {
      await node.stop();
    }
  } finally {
    world.stop();
  }
}

const PEERS: Record<string, () => Promise<Subject>> = { docker, podman, lxc };

/** A sliver's life, beside those of others. */
async function lifecycle(
  report: Report,
  only: readonly Operation[],
  wanted: readonly string[],
  rounds: number,
): Promise<void> {
  const count = number(values.count, values.quick ? 20 : 200);
  const node = await sliverd();
  const subjects: Subject[] = [node];
  const join = async (name: string) => {
    if (!wanted.includes(name)) return;
    try {
      const subject = await PEERS[name]?.();
      if (subject) subjects.push(subject);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      report.skipped[name] = error instanceof Unavailable ? why : `it failed: ${why}`;
      say(`${name} is skipped, ${report.skipped[name]}`);
    }
  };
  try {
    await join('docker');
    // Only now: the node and the engine do the same in mount namespaces of their own, which began as copies of this.
    execFileSync('mount', ['-t', 'cgroup2', 'cgroup2', '/sys/fs/cgroup']);
    const floor = await crun(node);
    subjects.push(floor);
    await join('podman');
    await join('lxc');
    for (const { name, includes } of subjects) report.subjects[name] = includes;

    say(`one at a time: ${subjects.map(({ name }) => name).join(', ')}`);
    report.levels.push(level(1, await measureRounds(subjects, { only, rounds, firstId: 1000, say })));

    say('memory beside ten of each');
    const ten = Array.from({ length: 10 }, (_, index) => 500 + index);
    const besides: Beside[] = [];
    const others = subjects.slice(1);
    const empty = await fill(others, ten);
    besides.push(...others.map((subject) => beside(subject, ten.length)));
    await empty();

    // The peers stay as they are: only ours and its floor are filled up.
    const filled = [node, floor];
    say(`${count} of ${filled.map(({ name }) => name).join(' and of ')}`);
    const started = performance.now();
    // One sliver exists already, whose bundle crun uses, and one is made in each round.
    const many = Array.from({ length: count - 1 }, (_, index) => 1 + index);
    const clear = await fill(filled, many);
    say(`made in ${((performance.now() - started) / 1000).toFixed(1)} s`);
    report.levels.push(level(count, await measureRounds(filled, { only, rounds, firstId: 1500, say })));
    say('idle');
    // A whole minute, since each sliver is looked at once in that time.
    report.idle = await idle(node, values.quick ? 5 : 60);
    report.beside.push(beside(node, count), ...besides);
    say('restarts');
    for (let again = 0; again < 3; again++) report.restarts.push(await restart(node));
    await clear();
  } finally {
    for (const subject of subjects.reverse())
      await subject.stop().catch((error) => say(`${subject.name}: ${error.message}`));
  }
}

if (values.help) {
  console.log(USAGE);
} else if (process.getuid?.() !== 0) {
  say('needs root: sudo npm run bench');
  process.exitCode = 1;
} else {
  if (!process.env.SLIVERD_BENCH_INSIDE) {
    if (values['install-peers']) installPeers();
    enterNamespaces();
  }
  main().catch((error) => {
    say(error instanceof Error ? (error.stack ?? error.message) : String(error));
    process.exitCode = 1;
  });
}
