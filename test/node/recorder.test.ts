import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findFlows } from '../../netns/flows/archive.ts';
import { segmentNumbers, segmentPath } from '../../netns/flows/shelf.ts';
import { until } from './harness.ts';

// The recorder by itself, in a network namespace that it shares with nobody: what happens when it is told more than there is
// room for, and when it dies with what it was told.
const RECORDER = new URL('../../netns/flows/recorder.ts', import.meta.url).pathname;
const FLOOD = new URL('limits/flood.py', import.meta.url).pathname;
const [SOURCE, GATEWAY, TARGET] = ['198.51.100.10', '198.51.100.1', '203.0.113.7'];
const [SOURCE6, GATEWAY6, TARGET6] = ['2001:db8:1::10', '2001:db8:1::1', '2001:db8:2::a0:7'];
const SETUP = `
  ip link set lo up && ip link add v0 type veth peer name v1 && ip link set v0 up && ip link set v1 up
  ip address add ${SOURCE}/24 dev v0 && ip neigh add ${GATEWAY} lladdr 02:00:00:00:00:02 dev v0
  ip route add default via ${GATEWAY}
  nft add table inet t && nft 'add chain inet t out { type filter hook output priority -150; }'
  nft 'add rule inet t out ct mark set 0x10001'
  nft 'add chain inet t first { type filter hook output priority -300; }'
  nft 'add rule inet t first ct original zone set 1'
  ip address add ${SOURCE6}/64 dev v0 nodad && ip neigh add ${GATEWAY6} lladdr 02:00:00:00:00:02 dev v0
  ip route add default via ${GATEWAY6}
  echo 1 > /proc/sys/net/netfilter/nf_conntrack_events
  echo 1 > /proc/sys/net/netfilter/nf_conntrack_timestamp`;
/** More than the recorder's buffer in the kernel has room for. */
const MANY = 180_000;

const folder = mkdtempSync(`${tmpdir()}/sliverd-test-overrun-`);
let holder: ChildProcess;
let recorder: ChildProcess;

const within = (...command: string[]) =>
  ['nsenter', [`--net=/proc/${holder.pid}/ns/net`, ...command]] as const;
const inside = (...command: string[]) =>
  execFileSync(...within(...command), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

beforeAll(async () => {
  holder = spawn('unshare', ['--net', 'sleep', 'infinity'], { stdio: 'ignore' });
  await until(
    () => inside('ip', 'link') !== execFileSync('ip', ['link'], { encoding: 'utf8' }),
    'the namespace',
  );
  inside('sh', '-ec', SETUP);
  recorder = await record();
});

afterAll(() => {
  recorder?.kill('SIGKILL');
  holder?.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** Begins a recorder; it listens then. */
async function record(): Promise<ChildProcess> {
  const [file, args] = within(
    ...[process.execPath, '--disable-warning=ExperimentalWarning', RECORDER],
    ...[folder, String(2 ** 30), '1', 'test'],
  );
  const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  await until(() => listener() !== undefined, 'the recorder to listen');
  return child;
}

/** The socket that is told of connections that are gone, and how many times it had no room. */
function listener(): { drops: number } | undefined {
  const fields = inside('cat', '/proc/net/netlink')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .find(([, protocol, , groups]) => protocol === '12' && groups === '00000004');
  return fields && { drops: Number(fields[8]) };
}

/** So many flows, of other ports each time, that begin, and end at once. */
function flows(count: number, first: number): void {
  inside('python3', FLOOD, SOURCE, TARGET, String(count), 'udp', '1', String(first));
  inside('conntrack', '--flush');
}

/** Of the records: how many there are, and how many are not the same as another. */
function recorded(): { all: number; different: number } {
  const sum = { all: 0, different: 0 };
  for (const number of segmentNumbers(folder)) {
    const sql = new DatabaseSync(segmentPath(folder, number), { readOnly: true, timeout: 5000 });
    const count =
      'SELECT count(*) AS "all", count(DISTINCT local_port || remote_port) AS different FROM flows';
    const made = sql.prepare("SELECT 1 FROM sqlite_master WHERE name = 'flows'").get();
    const row = made && sql.prepare(count).get();
    sum.all += Number(row?.all ?? 0);
    sum.different += Number(row?.different ?? 0);
    sql.close();
  }
  return sum;
}

/** What is found in there of a flow to that address, by port 5353. */
function asked(address: string): [boolean, number, string, string][] {
  const netns = new URL('../../netns', import.meta.url).pathname;
  const script = `
    import { addressText, packAddress } from '${netns}/address.ts';
    import { findFlows } from '${netns}/flows/archive.ts';
    const { flows } = findFlows('${folder}', [{ destination: { address: packAddress('${address}'), port: 5353 } }], 10);
    const shown = ({ open, sliver, remote, local }) => [open, sliver, addressText(remote), addressText(local)];
    console.log(JSON.stringify(flows.map(shown)));`;
  return JSON.parse(
    inside(process.execPath, '--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script),
  );
}

it('records IPv6, which is found while it goes on and after it, in any form of its address', async () => {
  const send = `import socket; socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b'x', ('${TARGET6}', 5353))`;
  inside('python3', '-c', send);
  const forms = [TARGET6, '2001:DB8:2:0:0:0:A0:7', '2001:0db8:0002::00a0:0007'];
  for (const form of forms) expect(asked(form)).toEqual([[true, 1, TARGET6, SOURCE6]]);
  expect(asked('2001:db8:2::a0:8')).toEqual([]);
  inside('conntrack', '--flush');
  await until(() => recorded().all > 0, 'the flow');
  for (const form of forms) expect(asked(form)).toEqual([[false, 1, TARGET6, SOURCE6]]);
  expect(asked('2001:db8:2::a0:8')).toEqual([]);
});

it('that had no room for what it was told is told again, and has every flow once', async () => {
  const before = recorded().all;
  recorder.kill('SIGSTOP');
  flows(MANY, 0);
  expect(listener()?.drops).toBeGreaterThan(0);
  expect(recorded().all).toBe(before);
  recorder.kill('SIGCONT');
  await until(() => recorded().all >= before + MANY, 'every flow', 60_000);
  expect(recorded()).toEqual({ all: before + MANY, different: before + MANY });
  expect(findFlows(folder, [{}], 1).gaps).toEqual([]);
});

it('that dies with what it was told leaves a gap over every flow that is lost', async () => {
  const before = recorded().all;
  recorder.kill('SIGSTOP');
  const from = Date.now();
  flows(1000, MANY);
  const to = Date.now();
  recorder.kill('SIGKILL');
  await until(() => listener() === undefined, 'its socket to go');
  recorder = await record();
  await until(() => findFlows(folder, [{}], 1).gaps.length > 0, 'the gap');
  flows(1000, MANY + 1000);
  await until(() => recorded().all >= before + 1000, 'flows of later');
  expect(recorded().all).toBe(before + 1000);
  const [gap, ...more] = findFlows(folder, [{ from, to }], 1).gaps;
  expect(more).toEqual([]);
  expect(gap).toMatchObject({ reason: 'stopped' });
  expect(gap?.from).toBeLessThanOrEqual(from);
  expect(gap?.to).toBeGreaterThanOrEqual(to);
});
