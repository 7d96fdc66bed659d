import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { pino } from 'pino';
import { packAddress } from '../../../netns/address.ts';
import { openNetwork } from '../../../netns/index.ts';
import { parseRefusal, type Refusal } from '../../../netns/limits/refusals.ts';
import { NO_CAPS, NO_LIMITS } from '../../../netns/network-limits.ts';
import { until } from '../../node/harness.ts';
import { Meter } from '../../node/rates/meter.ts';
import { PATIENCE, tell } from './node.ts';

// In the test VM: what bounds do to a sliver's traffic with this kernel's queues (test/node/rates.test.ts has all of it on
// the machine's own). The world is one host behind a link, the sliver a network namespace.
const [WORLD, MBIT] = ['203.0.113.7', 1e6];
const ip = (words: string) => execFileSync('ip', words.split(' '));
ip('netns add world');
ip('link add up0 type veth peer world0 netns world');
ip('address add 198.51.100.10/24 dev up0');
ip('link set up0 up');
ip(`-n world address add ${WORLD}/32 dev lo`);
ip('-n world address add 198.51.100.1/24 dev world0');
ip('-n world link set lo up');
ip('-n world link set world0 up');
ip('route add default via 198.51.100.1');

const cgroup = '/sys/fs/cgroup/slivers';
mkdirSync(cgroup);
const network = await openNetwork({
  uplink: 'up0',
  runDirectory: '/run',
  bpf: '/run/bpf',
  cgroup,
  caps: NO_CAPS,
  refuse: [parseRefusal('tcp/25') as Refusal],
  door: 2222,
  flows: {
    folder: '/run/flows',
    budget: { bytes: 2 ** 24, days: 1 },
    cgroup: `${cgroup}/flows`,
    version: 'test',
  },
  log: pino({ level: 'warn' }),
});
const sliver = spawn('unshare', ['--net', 'sleep', '100000']);
const pid = sliver.pid ?? 0;
const home = readlinkSync('/proc/self/ns/net');
await until(() => readlinkSync(`/proc/${pid}/ns/net`) !== home, 'its namespace', PATIENCE);
const meter = await Meter.start('world');
const queues = (link: string) => execFileSync('tc', ['qdisc', 'show', 'dev', link], { encoding: 'utf8' });
const limit = (bits: number, flows = {}) => {
  const rates = { ...NO_LIMITS.up, max: bits };
  return network.attach(1, pid, {
    ...NO_LIMITS,
    up: rates,
    down: rates,
    flows: { ...NO_LIMITS.flows, ...flows },
  });
};
/** A flow of the sliver's, until it is killed. */
function flow(port: number, input: string): ChildProcess {
  const script = `exec busybox nc ${WORLD} ${port} < ${input} > /dev/null`;
  return spawn('nsenter', [`--net=/proc/${pid}/ns/net`, 'sh', '-c', script]);
}

await limit(Number.POSITIVE_INFINITY);
tell('free', queues('up0') + queues('slivers0'));
await limit(2 * MBIT);
tell('queues', [queues('up0'), queues('slivers0')]);

const up = flow(7001, '/dev/zero');
await meter.rates(1);
tell('up', (await meter.rates(3))[7001]! / MBIT);
up.kill();
const down = flow(8001, '/dev/null');
await meter.rates(1);
const received = async () => (await network.usage(1)).bytes?.down ?? 0;
const [before, began] = [await received(), performance.now()];
await meter.rates(3);
tell('down', (((await received()) - before) * 8) / ((performance.now() - began) / 1000) / MBIT);
down.kill();
tell('held', (await network.usage(1)).held);

// The kernel tells of flows that go on, and of those that it has forgotten.
const asked = { destination: { address: packAddress(WORLD)!, port: 7001 } };
const recorded = async () => (await network.flows?.find([asked], 10))?.flows ?? [];
const brief = async () =>
  (await recorded()).map(({ sliver, open, sent, start }) => [sliver, open, sent.bytes > 1000, start > 0]);
tell('open', await brief());
execFileSync('conntrack', ['--flush']);
await until(async () => (await recorded()).some(({ open }) => !open), 'the flow in the records', PATIENCE);
tell('ended', await brief());

// So many connections, so many destinations, and nothing of what the owner refuses.
const python = (...words: string[]) =>
  spawnSync('nsenter', [`--net=/proc/${pid}/ns/net`, 'python3', ...words], { encoding: 'utf8' });
const flood = (to: string, ...words: string[]) =>
  python('test/node/limits/flood.py', '198.51.100.10', to, '200', 'udp', ...words);
await limit(2 * MBIT, { connections: 32 });
flood(WORLD);
tell('connections', network.refused().get(1));
execFileSync('conntrack', ['--flush']);
await limit(2 * MBIT, { destinationsPerMinute: 20 });
flood('203.0.113.8', '100');
tell('destinations', network.refused().get(1));
tell('mail', python('-c', `import socket; socket.create_connection(('${WORLD}', 25), 20)`).stderr);
tell('owner', network.refused().get(1));

for (const link of ['up0', 'slivers0']) execFileSync('tc', ['qdisc', 'delete', 'dev', link, 'root']);
await until(() => ['up0', 'slivers0'].every((link) => queues(link).includes('htb')), 'the queues', PATIENCE);
meter.stop();
sliver.kill('SIGKILL');
const door = createServer().listen(2222);
await once(door, 'listening');
const knock = `
  const { connect } = require('node:net');
  (async () => {
    for (let i = 0; i < 400; i++)
      await new Promise((done) => {
        const one = connect({ host: '198.51.100.10', port: 2222, localAddress: '${WORLD}' }, () => (one.destroy(), done()));
        one.on('error', done);
      });
  })();`;
spawnSync('ip', ['netns', 'exec', 'world', process.execPath, '-e', knock]);
tell('knocked', network.knocks?.held());
network.knocks?.forgive(WORLD);
await until(() => network.knocks?.held().length === 0, 'it to be forgiven', PATIENCE);
door.close();
await network.down();
tell('left', queues('up0'));
