import { generateKeyPairSync } from 'node:crypto';
import { readCounters } from '../../../daemon/cgroups/files.ts';
import { parseTicket } from '../../../daemon/resources/tickets/link.ts';
import { delegate, publicKeyOf } from '../../../daemon/resources/tickets/ticket.ts';
import { TestEngine } from '../../node/environments/engine.ts';
import { request } from '../../node/harness.ts';
import {
  CGROUP,
  existing,
  importSmallImage,
  inSliver,
  ok,
  PATIENCE,
  startNode,
  stopNode,
  tell,
} from './node.ts';

// In the test VM: `lab_hog` takes all it can of one resource after the other, `lab_calm` lives beside it, both in the
// environment that is named.
const [environment] = process.argv.slice(2);
const HOG = { 'memory.max': 64 << 20, 'pids.max': 40, 'disk.bytes': 32 << 20, 'disk.inodes': 2000 };
const usage = (name: string) => ok('GET', `/v1/slivers/${name}/usage`);
const show = (name: string) => ok('GET', `/v1/slivers/${name}`);
const both = async <T>(ask: (name: string) => Promise<T>) => ({
  hog: await ask('lab_hog'),
  calm: await ask('lab_calm'),
});

const engine = environment === 'docker' ? new TestEngine('/data/engine') : undefined;
await engine?.start(PATIENCE);
await startNode(`reserve: {cores: 1}\n${engine ? `docker: {socket: ${engine.socket}}\n` : ''}`);
await importSmallImage();
await ok('POST', '/v1/slivers', { name: 'lab_hog', image: 'small', environment, rspec: HOG });
await ok('POST', '/v1/slivers', { name: 'lab_calm', image: 'small', environment });
tell('node', await ok('GET', '/v1/node'));
const calmAtFirst = await show('lab_calm');

// Memory: `tail` keeps all that it reads.
tell('memory', {
  ran: await inSliver('lab_hog', 'tail -c 200m /dev/zero > /dev/null; echo "tail ended with $?"'),
  usage: await both(usage),
  hog: await show('lab_hog'),
});

// CPU: two loops against a fifth of a core, for a while.
await ok('PATCH', '/v1/slivers/lab_hog', { rspec: { 'cpu.max': 0.2 } });
const before = await both(usage);
const from = performance.now();
const loops = 'for n in 1 2; do timeout 5 sh -c "while :; do :; done" & done; wait';
await inSliver('lab_hog', loops);
const microseconds = (performance.now() - from) * 1000;
tell('cpu', { microseconds, before, after: await both(usage) });

// The owner's reserve: each may take all that there is, and together they leave the node its core.
await ok('PATCH', '/v1/slivers/lab_hog', { rspec: { 'cpu.max': 'max' } });
const together = () => readCounters(`${CGROUP}/cpu.stat`);
const [atFirst, start] = [together(), performance.now()];
await Promise.all(['lab_hog', 'lab_calm'].map((name) => inSliver(name, loops)));
tell('reserve', { microseconds: (performance.now() - start) * 1000, atFirst, atLast: together() });

// Cores: bound to one, and free again, while it runs.
const cores = async (cpus: string) => {
  await ok('PATCH', '/v1/slivers/lab_hog', { rspec: { 'cpuset.cpus': cpus } });
  return (await both((name) => inSliver(name, 'nproc'))) as Record<'hog' | 'calm', { stdout: string }>;
};
tell('cores', { bound: await cores('1'), free: await cores('') });

// A core alone, by a lease: the others run elsewhere, until it is given back.
const holder = generateKeyPairSync('ed25519').privateKey;
const [rspec, now] = [{ 'cpu.cores': 1 }, Math.floor(Date.now() / 1000)];
const until = new Date((now + 3600) * 1000).toISOString();
const { ticket } = await ok('POST', '/v1/tickets', { to: publicKeyOf(holder), rspec, until });
const { nbf } = parseTicket(ticket)[0]!.claims;
const final = await delegate(ticket, holder, { rspec, nbf, exp: now + 3600, slice: 'lab_hog' });
const lease = await ok('POST', '/v1/leases', { sliver: 'lab_hog', ticket: final });
const on = () => both((name) => inSliver(name, 'grep Cpus_allowed_list: /proc/self/status'));
// What the lease changes for others follows it; a request about one of them waits for that.
await ok('POST', '/v1/slivers/lab_calm/start');
const alone = await on();
await ok('DELETE', `/v1/leases/${lease.id}`);
for (const name of ['lab_hog', 'lab_calm']) await ok('POST', `/v1/slivers/${name}/start`);
tell('alone', { lease, during: alone, after: await on() });

// Processes: each makes two, for ever. In a shell of its own, so that none of them holds the exec's streams.
await inSliver('lab_hog', 'sh -c "bomb() { bomb | bomb & }; bomb" > /dev/null 2>&1 &');
const refused = async () => (await usage('lab_hog')).pidsRefused;
for (const deadline = performance.now() + 60_000; performance.now() < deadline && !(await refused()); );
const bombed = await both(usage);
const calmRan = await inSliver('lab_calm', 'for n in 1 2 3; do true & done; wait; echo fine');
const restarted = await ok('POST', '/v1/slivers/lab_hog/restart');
tell('pids', { usage: bombed, calmRan, restarted, afterwards: await usage('lab_hog') });

// The disk's rate: 4 MiB each, to the disk, at 1 MiB a second and without a bound.
await ok('PATCH', '/v1/slivers/lab_hog', { rspec: { 'cpu.max': 'max', 'io.wbps': 1 << 20 } });
const write = async (name: string) => {
  // By the clock inside, since how long an exec takes is another matter.
  const now = 'read up rest < /proc/uptime; echo $up';
  const dd = 'dd if=/dev/zero of=/root/written bs=64k count=64 conv=fsync 2>&1';
  const ran = await inSliver(name, `${now}; ${dd} && rm /root/written && ${now}`);
  const [from = '', ...rest] = ran.stdout.trim().split('\n');
  return { ran, seconds: Number(rest.at(-1)) - Number(from) };
};
const [hogWrote, calmWrote] = await Promise.all([write('lab_hog'), write('lab_calm')]);
tell('io', { hog: hogWrote, calm: calmWrote, usage: await both(usage) });

// Space and files.
await ok('PATCH', '/v1/slivers/lab_hog', { rspec: { 'io.wbps': 'max' } });
const fill = (mebibytes: number) => `dd if=/dev/zero of=/root/large bs=1M count=${mebibytes} 2>&1`;
const crowd = 'mkdir /root/many && cd /root/many && for n in $(seq 3000); do : > $n || exit 1; done';
// In /etc, where an engine binds files that it keeps beside the layer, as well.
const hosts = 'dd if=/dev/zero of=/etc/hosts bs=1M count=64 2>&1; status=$?; : > /etc/hosts; exit $status';
const etc = await inSliver('lab_hog', hosts);
const space = { hog: await inSliver('lab_hog', fill(64)), calm: await inSliver('lab_calm', fill(16)) };
const full = await usage('lab_hog');
const freed = await inSliver('lab_hog', 'rm /root/large && echo again > /root/small && cat /root/small');
const files = await both((name) => inSliver(name, crowd, 300));
tell('disk', { etc, space, full, freed, files, crowded: await usage('lab_hog') });

tell('calm', { atFirst: calmAtFirst, atLast: await show('lab_calm') });
for (const name of ['lab_hog', 'lab_calm']) await ok('DELETE', `/v1/slivers/${name}`);
await stopNode();
const containers = engine && (await request<object[]>(engine.socket, 'GET', '/containers/json?all=1')).body;
tell('left', { ...existing(), ...(containers ? { inEngine: containers } : {}) });
await engine?.stop(PATIENCE);
