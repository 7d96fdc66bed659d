import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestNode, until } from './harness.ts';
import { smallImageDirectory } from './image.ts';

const image = smallImageDirectory();
let node: TestNode;
const sliver = (name: string) => node.ok('GET', `/v1/slivers/${name}`);
const sh = (name: string, script: string) => node.exec(name, 'sh', '-c', script);

beforeAll(async () => {
  node = await TestNode.start();
  await node.ok('POST', '/v1/images', { name: 'small', source: { path: image } });
});
afterAll(async () => {
  await node?.stop();
  rmSync(image, { recursive: true, force: true });
});

describe('a sliver', () => {
  it('is there when create answers, and knows who it is', async () => {
    const made = await node.ok('POST', '/v1/slivers', { name: 'ucb_p2ps', image: 'small' });
    expect(made).toMatchObject({
      name: 'ucb_p2ps',
      state: 'running',
      desired: 'running',
      cause: null,
      profile: 'standard',
    });
    const { stdout } = await sh(
      'ucb_p2ps',
      'cat /etc/slicename; hostname; id -u; cat /proc/1/comm; echo $$ > /dev/null; cat /proc/self/uid_map',
    );
    expect(stdout.split('\n').slice(0, 4)).toEqual(['ucb_p2ps', 'ucb-p2ps', '0', 'init']);
    expect(stdout).toMatch(/0 +18[0-9]+ +65536/);
  });

  it('keeps its files over stop and start, and has none of them after reset', async () => {
    await sh('ucb_p2ps', 'echo kept > /root/file');
    expect((await node.ok('POST', '/v1/slivers/ucb_p2ps/stop')).state).toBe('stopped');
    const refused = await node.request('POST', '/v1/slivers/ucb_p2ps/exec', { argv: ['true'] });
    expect(refused).toMatchObject({ status: 409, body: { code: 'wrong-state' } });
    expect((await node.ok('POST', '/v1/slivers/ucb_p2ps/start')).state).toBe('running');
    expect((await sh('ucb_p2ps', 'cat /root/file')).stdout).toBe('kept\n');
    await node.ok('POST', '/v1/slivers/ucb_p2ps/reset');
    expect((await sh('ucb_p2ps', 'ls /root')).stdout).toBe('');
  });

  it('stands still while it is frozen', async () => {
    await sh('ucb_p2ps', '(while :; do echo x >> /root/ticks; sleep 0.01; done) > /dev/null 2>&1 &');
    await until(async () => (await sh('ucb_p2ps', 'wc -c < /root/ticks')).stdout.trim() > '0', 'it to tick');
    expect((await node.ok('POST', '/v1/slivers/ucb_p2ps/freeze')).state).toBe('frozen');
    const { usage_usec: before } = cpu(node);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(cpu(node).usage_usec).toBe(before);
    expect((await node.request('POST', '/v1/slivers/ucb_p2ps/exec', { argv: ['true'] })).status).toBe(409);
    expect((await node.ok('POST', '/v1/slivers/ucb_p2ps/thaw')).state).toBe('running');
    await sh('ucb_p2ps', 'pkill sh');
  });

  it('runs its initscript at each start and keeps what it wrote, bounded', async () => {
    const initscript =
      '#!/bin/sh\necho run >> /root/runs\nhead -c 300000 /dev/zero | tr "\\\\0" x\necho; echo the end\nexit 3\n';
    await node.ok('PATCH', '/v1/slivers/ucb_p2ps', { initscript });
    await node.ok('POST', '/v1/slivers/ucb_p2ps/restart');
    await until(
      async () => /exit status 3/.test(await node.ok('GET', '/v1/slivers/ucb_p2ps/log')),
      'the initscript to end',
    );
    const log: string = await node.ok('GET', '/v1/slivers/ucb_p2ps/log');
    expect(log.length).toBeLessThanOrEqual(64 * 1024);
    expect(log).toContain('the end');
    await node.ok('POST', '/v1/slivers/ucb_p2ps/restart');
    await until(
      async () => (await sh('ucb_p2ps', 'cat /root/runs')).stdout === 'run\nrun\n',
      'its second run',
    );
  });

  it('is started again when its init ends by itself, and says so', async () => {
    const { pid } = await sliver('ucb_p2ps');
    process.kill(pid, 'SIGKILL');
    await until(async () => {
      const now = await sliver('ucb_p2ps');
      return now.state === 'running' && now.pid !== pid;
    }, 'a new init');
    const { items } = await node.ok('GET', '/v1/events?subject=ucb_p2ps');
    expect(items.map((event: { type: string }) => event.type)).toContain('sliver.died');
  });

  it('has at each look what somebody took away, and a log that is not too long', async () => {
    const { pid, id } = await sliver('ucb_p2ps');
    const bound = `/sys/fs/cgroup${node.cgroup}/s${id}/cgroup.max.descendants`;
    const lo = (...words: string[]) =>
      node.inside('nsenter', `--net=/proc/${pid}/ns/net`, '--', 'ip', 'link', ...words);
    const log = () => node.ok('GET', '/v1/slivers/ucb_p2ps/log');
    for (const time of ['first', 'second']) {
      node.inside('sh', '-c', `echo 7 > ${bound}`);
      lo('set', 'lo', 'down');
      await sh('ucb_p2ps', 'head -c 2000000 /dev/zero | tr "\\0" x >> /proc/1/fd/1; sync');
      expect(await log(), time).toMatch(/^x{65536}$/);
      const looked = await node.ok('POST', '/v1/slivers/ucb_p2ps/start');
      expect(looked, time).toMatchObject({ state: 'running', pid });
      expect(node.inside('cat', bound), time).toBe('0\n');
      expect(lo('show', 'lo'), time).toMatch(/LOOPBACK,UP/);
      expect(await log(), time).toBe('');
    }
  });

  it.each([{}, { 'disk.inodes': 1024 }, { 'disk.inodes': 32_768 }])(
    'has the smallest disk that may be asked for, with %j',
    async (inodes) => {
      const rspec = { 'disk.bytes': 16 << 20, ...inodes };
      const made = await node.ok('POST', '/v1/slivers', { name: 'small_disk', image: 'small', rspec });
      expect(made.state).toBe('running');
      const [, total = ''] = (await sh('small_disk', 'df -i / | tail -n 1')).stdout.split(/ +/);
      expect(Number(total)).toBeGreaterThanOrEqual(made.rspec['disk.inodes']);
      await node.ok('DELETE', '/v1/slivers/small_disk');
    },
  );

  it('has a full disk alone', async () => {
    const small = { 'disk.bytes': 16 << 20, 'disk.inodes': 2000 };
    await node.ok('POST', '/v1/slivers', { name: 'full_disk', image: 'small', rspec: small });
    const bytes = await sh('full_disk', 'dd if=/dev/zero of=/root/big bs=1M count=100; sync');
    expect(bytes.stderr).toMatch(/No space left/);
    expect(
      (await sh('ucb_p2ps', 'dd if=/dev/zero of=/root/big bs=1M count=20 2>/dev/null && sync && echo ok'))
        .stdout,
    ).toBe('ok\n');
    const inodes = await sh(
      'full_disk',
      'rm /root/big; mkdir /root/many; cd /root/many; i=0; while [ $i -lt 3000 ] && touch f$i 2> /dev/null; do i=$((i+1)); done 2>&1; echo $i',
    );
    expect(Number(inodes.stdout.trim().split('\n').at(-1))).toBeLessThan(2100);
    // Full, it still stops, starts and is deleted.
    await node.ok('POST', '/v1/slivers/full_disk/restart');
    const usage = await node.ok('GET', '/v1/slivers/full_disk/usage');
    expect(usage.diskInodes).toBeGreaterThan(1900);
    await node.ok('DELETE', '/v1/slivers/full_disk');
  });

  it('grows its disk, while it runs where the node can', async () => {
    const size = async () => Number((await sh('ucb_p2ps', 'df -k / | tail -n 1')).stdout.split(/ +/)[1]);
    const before = await size();
    await node.ok('PATCH', '/v1/slivers/ucb_p2ps', { rspec: { 'disk.bytes': 3 * 2 ** 30 } });
    const { degraded } = await node.ok('GET', '/v1/node');
    const later = degraded.some(({ what }: { what: string }) => /grow while/.test(what));
    if (later) await node.ok('POST', '/v1/slivers/ucb_p2ps/restart');
    expect(await size()).toBeGreaterThan(before * 1.4);
    await node.ok('PATCH', '/v1/slivers/ucb_p2ps', { rspec: { 'disk.bytes': 2 ** 30 } });
    await node.ok('POST', '/v1/slivers/ucb_p2ps/restart');
    expect(await size()).toBeLessThan(before * 0.7);
  });

  it('ends when it expires, and is renewed', async () => {
    const soon = new Date(Date.now() + 1500).toISOString();
    await node.ok('POST', '/v1/slivers', { name: 'short_life', image: 'small', expiresAt: soon });
    await until(async () => (await sliver('short_life')).state === 'expired', 'it to expire');
    const refused = await node.request('POST', '/v1/slivers/short_life/start');
    expect(refused).toMatchObject({ status: 409, body: { code: 'wrong-state' } });
    const later = new Date(Date.now() + 3_600_000).toISOString();
    expect((await node.ok('PATCH', '/v1/slivers/short_life', { expiresAt: later })).state).toBe('running');
    await node.ok('DELETE', '/v1/slivers/short_life');
  });

  it('sees neither processes nor files of another', async () => {
    await node.ok('POST', '/v1/slivers', { name: 'other_one', image: 'small' });
    await sh('other_one', 'echo secret > /root/secret');
    expect((await sh('ucb_p2ps', 'ps | wc -l')).stdout.trim()).toMatch(/^[1-6]$/);
    expect((await sh('ucb_p2ps', 'ls /root/secret; mknod /root/disk b 7 0')).stderr).toMatch(
      /No such file[\s\S]*not permitted/,
    );
    expect(
      (await sh('ucb_p2ps', 'mount -t ext4 /dev/loop0 /mnt; cat /proc/kcore | head -c 1; dmesg')).exitCode,
    ).not.toBe(0);
    await node.ok('DELETE', '/v1/slivers/other_one');
  });
});

describe('bad luck', () => {
  it('is told on the sliver, and mended when the reason goes away', async () => {
    node.inside('sh', '-c', `mv ${node.state}/images ${node.state}/images.away`);
    const answer = await node.request('POST', '/v1/slivers/ucb_p2ps/restart');
    expect(answer).toMatchObject({ status: 503, body: { code: 'not-settled' } });
    const { state, cause } = await sliver('ucb_p2ps');
    expect(state).toBe('failed');
    expect(cause).toMatchObject({
      step: 'start/root',
      attempts: expect.any(Number),
      retryAt: expect.any(String),
    });
    expect(cause.reason).toMatch(/image 'small' is gone/);
    node.inside('sh', '-c', `mv ${node.state}/images.away ${node.state}/images`);
    await until(async () => (await sliver('ucb_p2ps')).state === 'running', 'it to run again');
    expect((await sliver('ucb_p2ps')).cause).toBeNull();
  });

  it('does not touch slivers: crashed, ended or started anew, their processes are the same', async () => {
    const { pid, since } = await sliver('ucb_p2ps');
    await sh('ucb_p2ps', 'sleep 1000 > /dev/null 2>&1 &');
    const sleeper = (await sh('ucb_p2ps', 'pidof sleep')).stdout;
    await node.kill();
    await node.launch();
    expect(await sliver('ucb_p2ps')).toMatchObject({ state: 'running', pid, since });
    node.daemon?.kill('SIGTERM');
    await node.ended();
    await node.launch();
    expect(await sliver('ucb_p2ps')).toMatchObject({ state: 'running', pid, since });
    expect((await sh('ucb_p2ps', 'pidof sleep')).stdout).toBe(sleeper);
  });

  it('does not make slivers younger: since when one is frozen, or goes on, is told as before', async () => {
    const running = await sliver('ucb_p2ps');
    for (const operation of ['freeze', 'thaw']) {
      const { state, since } = await node.ok('POST', `/v1/slivers/ucb_p2ps/${operation}`);
      expect(Date.parse(since)).toBeGreaterThan(Date.parse(running.since));
      await node.kill();
      await node.launch();
      expect(await sliver('ucb_p2ps')).toMatchObject({ state, since, pid: running.pid });
    }
  });

  it('leaves no program of an exec that nobody waits for any more', async () => {
    const running = node
      .request('POST', '/v1/slivers/ucb_p2ps/exec', { argv: ['sleep', '777'] })
      .catch(() => undefined);
    await until(async () => (await sh('ucb_p2ps', 'ps')).stdout.includes('sleep 777'), 'it to run');
    await node.kill();
    await running;
    await node.launch();
    await until(async () => !(await sh('ucb_p2ps', 'ps')).stdout.includes('sleep 777'), 'it to be hung up');
  });

  it('refuses a second daemon on the same state', async () => {
    const first = node.daemon;
    await node.launch({}, false);
    const second = node.daemon;
    node.daemon = second;
    await node.ended();
    expect(second?.exitCode).toBe(1);
    expect(node.log).toMatch(/another sliverd has the state/);
    node.daemon = first;
    node.daemon?.kill('SIGKILL');
    await node.ended();
    await node.launch();
  });
});

function cpu(of: TestNode): Record<string, number> {
  const text = of.inside('sh', '-c', `cat /sys/fs/cgroup${of.cgroup}/s1/cpu.stat`);
  return Object.fromEntries(
    text
      .trim()
      .split('\n')
      .map((line) => line.split(' '))
      .map(([key, value]) => [key, Number(value)]),
  );
}
