import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, readlinkSync } from 'node:fs';
import { pino } from 'pino';
import { openNetwork } from '../../../netns/index.ts';
import { NO_CAPS, NO_LIMITS } from '../../../netns/network-limits.ts';
import { until } from '../../node/harness.ts';
import { PATIENCE, tell } from './node.ts';

// In the test VM: slivers' own IPv6 addresses with this kernel (test/node/ipv6.test.ts has all of it on the machine's own). The
// world is one host behind a link in a namespace of the node's, slivers are network namespaces.
const WORLD = '2001:db8:ffff::7';
const NODE = ['nsenter', '--net=/run/netns/node', '--'];
if (process.argv[2] !== 'inside') {
  const ip = (words: string) => execFileSync('ip', words.split(' '));
  for (const name of ['node', 'far']) ip(`netns add ${name}`);
  ip('-n node link set lo up');
  ip('-n node link add up1 type veth peer far0 netns far');
  for (const [name, link, four, six] of [
    ['node', 'up1', '198.51.100.10/24', '2001:db8::10/64'],
    ['far', 'far0', '198.51.100.1/24', '2001:db8::1/64'],
  ]) {
    ip(`-n ${name} address add ${four} dev ${link}`);
    ip(`-n ${name} address add ${six} dev ${link} nodad`);
    ip(`-n ${name} link set ${link} up`);
  }
  ip(`-n far address add ${WORLD}/128 dev lo`);
  ip('-n far link set lo up');
  ip('-n node route add default via 198.51.100.1');
  ip('-n node -6 route add default via 2001:db8::1');
  const [file, ...words] = [...NODE, process.execPath, ...process.execArgv, process.argv[1]!, 'inside'];
  process.exit(spawnSync(file!, words, { stdio: 'inherit' }).status ?? 1);
}

const cgroup = '/sys/fs/cgroup/slivers6';
mkdirSync(cgroup);
mkdirSync('/run/six');
const network = await openNetwork({
  uplink: 'up1',
  runDirectory: '/run/six',
  bpf: '/run/six/bpf',
  cgroup,
  caps: NO_CAPS,
  refuse: [],
  log: pino({ level: 'warn' }),
});
const slivers = [1, 2].map(() => spawn('unshare', ['--net', 'sleep', '100000']));
const pids = slivers.map(({ pid }) => pid ?? 0);
const home = readlinkSync('/proc/self/ns/net');
for (const [at, pid] of pids.entries()) {
  await until(() => readlinkSync(`/proc/${pid}/ns/net`) !== home, 'its namespace', PATIENCE);
  await network.attach(at + 1, pid, NO_LIMITS);
}
const inside = (pid: number | undefined, ...words: string[]) =>
  spawnSync('nsenter', [`--net=/proc/${pid}/ns/net`, ...words], { encoding: 'utf8' });
const far = (...words: string[]) => spawnSync('ip', ['netns', 'exec', 'far', ...words], { encoding: 'utf8' });
const ping = (to: string, ...more: string[]) => ['busybox', 'ping', '-6', '-c', '1', '-W', '10', ...more, to];
const own = pids.map(
  (pid) =>
    /inet6 (2\S+)\/128/.exec(inside(pid, 'ip', '-6', 'address', 'show', 'dev', 'eth0').stdout)?.[1] ?? '',
);

tell('own', own);
tell('out', inside(pids[0], ...ping(WORLD)).status);
tell('in', far(...ping(own[1]!)).status);
tell('across', inside(pids[0], ...ping(own[1]!)).status);
// With as many hops as lead to the node.
tell('lastHop', far(...ping(own[0]!, '-t', '1')).status);
inside(pids[0], 'ip', '-6', 'address', 'add', `${own[1]}/128`, 'dev', 'lo', 'nodad');
tell('forged', inside(pids[0], ...ping(WORLD, '-I', own[1]!)).status);
tell('spoofed', network.refused().get(1)?.spoofed);
const forwarding = () => readFileSync('/proc/sys/net/ipv6/conf/all/forwarding', 'utf8').trim();
tell('forwards', forwarding());
for (const sliver of slivers) sliver.kill('SIGKILL');
await network.down();
tell('left', [
  forwarding(),
  execFileSync('ip', ['-6', 'rule'], { encoding: 'utf8' }),
  execFileSync('ip', ['-6', 'neighbour', 'show', 'proxy'], { encoding: 'utf8' }),
]);
