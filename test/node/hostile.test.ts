import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { TestNode, until } from './harness.ts';
import { baseImageTar } from './image.ts';

/** What root in a sliver, who means harm, tries against the node: each of these once worked. */
let node: TestNode;
const sh = (name: string, script: string, timeoutSeconds = 60) =>
  node.request('POST', `/v1/slivers/${name}/exec`, { argv: ['sh', '-c', script], timeoutSeconds });
const create = (name: string, more: object = {}) =>
  node.ok('POST', '/v1/slivers', { name, image: 'debian', ...more });
const show = (name: string) => node.ok('GET', `/v1/slivers/${name}`);
/** Puts a program of `hostile/` at /root in a sliver. */
const give = async (name: string, program: string) => {
  const stdin = readFileSync(`${import.meta.dirname}/hostile/${program}`, 'utf8');
  await node.ok('POST', `/v1/slivers/${name}/exec`, { argv: ['tee', `/root/${program}`], stdin });
};
const stream = (name: string, request: object) => {
  const socket = new WebSocket(`ws+unix:${node.run}/admin.sock:/v1/slivers/${name}/exec/stream`);
  socket.on('open', () => socket.send(JSON.stringify(request)));
  return socket;
};
/** Programs of the host that stay for programs in slivers. */
const waiting = () =>
  readdirSync('/proc').filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${node.run}/slivers/`);
    } catch {
      return false;
    }
  });

beforeAll(async () => {
  node = await TestNode.start();
  await node.ok('POST', '/v1/images', { name: 'debian', source: { path: await baseImageTar() } });
  await create('bad_guest', { initscript: '#!/bin/sh\necho started\n' });
}, 600_000);
afterAll(() => node?.stop());

describe('root in a sliver', () => {
  it("cannot write into the node's folder, though the mount of it is its own to change", async () => {
    const grow = 'mount -o remount,bind,rw /run/sliverd && echo x >> /run/sliverd/initscript';
    expect((await sh('bad_guest', grow)).body).toMatchObject({ exitCode: 2, stderr: /Permission denied/ });
    expect(await node.ok('GET', '/v1/slivers/bad_guest/log')).toMatch(/^started/);
  });

  it('cannot make cgroups, a tree of which could be too deep to remove', async () => {
    const { body } = await sh(
      'bad_guest',
      'mount -o remount,bind,rw /sys/fs/cgroup && mkdir /sys/fs/cgroup/x',
    );
    expect(body).toMatchObject({ exitCode: 1, stderr: /cannot create directory/ });
  });

  it("gets none of the owner's huge pages, which memory.max doesn't count", () => {
    // For each size, pages and reservations; no files where the machine has no such controller in cgroup v2.
    const each = 'for file in /sys/fs/cgroup$0/s1/hugetlb.*.max; do [ ! -e $file ] || cat $file; done';
    const limits = node.inside('sh', '-c', each, node.cgroup).split('\n').filter(Boolean);
    expect(limits.filter((limit) => limit !== '0')).toEqual([]);
  });

  it("takes none of the node's inotify instances, nor another sliver's", async () => {
    const most = Number(readFileSync('/proc/sys/fs/inotify/max_user_instances', 'utf8'));
    const many = (number: number) => `perl -e '
      for (1 .. ${number}) { my $fd = syscall(253); $fd >= 0 or last; $n++; open($f[$n], "<&=", $fd) } print $n + 0'`;
    await create('other_guest');
    const held = `perl -e '$| = 1; for (1 .. ${most}) { my $fd = syscall(253); $fd >= 0 or last; $n++ } print $n + 0; sleep' > /tmp/count 2>&1 &
      while ! test -s /tmp/count; do sleep 0.05; done; cat /tmp/count`;
    const taken = Number((await sh('bad_guest', held)).body.stdout);
    const left = Number((await sh('other_guest', many(most))).body.stdout);
    await sh('bad_guest', 'pkill perl');
    await node.ok('DELETE', '/v1/slivers/other_guest');
    expect(taken).toBeGreaterThan(most / 2);
    expect(left).toBeGreaterThan(most / 2);
  });

  it('that reboots without end is started later and later', async () => {
    const initscript = `#!/usr/bin/perl\nsyscall(169, 0xfee1dead, 672274793, 0x1234567, 0);\n`;
    await create('short_life', { initscript });
    await until(async () => ((await show('short_life')).cause?.attempts ?? 0) >= 3, 'its third death');
    const { state, cause } = await show('short_life');
    expect(state).toBe('failed');
    expect(cause).toMatchObject({ step: 'run', reason: expect.stringMatching(/init ended by itself/) });
    await node.ok('DELETE', '/v1/slivers/short_life');
  });
});

describe.runIf(process.arch === 'x64')('the daemon', () => {
  it('never waits for a lease that a guest has on its log', async () => {
    await give('bad_guest', 'lease.pl');
    const held =
      'perl /root/lease.pl > /tmp/held 2>&1 & while ! test -s /tmp/held; do sleep 0.05; done; cat /tmp/held';
    expect((await sh('bad_guest', held)).body.stdout).toBe('held\n');
    expect(await node.request('GET', '/v1/slivers/bad_guest/log')).toMatchObject({
      status: 503,
      body: { code: 'busy' },
    });
  });

  it('ends a process that waits for its own FUSE server, which no signal does', async () => {
    await give('bad_guest', 'fuse.pl');
    const stuck = `perl /root/fuse.pl /mnt/silent silent > /dev/null 2>&1 &
      until grep -q request_wait_answer /proc/$!/wchan; do sleep 0.05; done; echo stuck`;
    expect((await sh('bad_guest', stuck)).body.stdout).toBe('stuck\n');
    expect(await node.ok('POST', '/v1/slivers/bad_guest/restart')).toMatchObject({
      state: 'running',
      cause: null,
    });
  });

  it('gives up a terminal that its guest holds up, and leaves nothing beside the sliver', async () => {
    await give('bad_guest', 'fuse.pl');
    const made = 'perl /root/fuse.pl /mnt/false terminal && rm /dev/ptmx && ln -s /mnt/false/ptmx /dev/ptmx';
    await sh('bad_guest', `(${made}) > /dev/null 2>&1`);
    const socket = stream('bad_guest', { argv: ['true'], terminal: { columns: 80, rows: 24 } });
    const said = await new Promise<string>((resolve) =>
      socket.on('message', (data) => resolve(String(data))),
    );
    socket.terminate();
    expect(JSON.parse(said).problem).toMatchObject({
      code: 'host-tool',
      detail: expect.stringMatching(/terminal/),
    });
    await until(() => waiting().length === 0, 'crun to go');
    expect((await node.ok('POST', '/v1/slivers/bad_guest/restart')).state).toBe('running');
  });
});

describe('a program that outlives its client', () => {
  const stubborn = 'trap "" HUP; echo ready; exec sleep 1000';

  it.each([
    ['on pipes', { argv: ['sh', '-c', stubborn] }],
    ['on a terminal', { argv: ['sh', '-c', stubborn], terminal: { columns: 80, rows: 24 } }],
  ])('goes on, %s, with nothing of ours beside it', async (_on, request) => {
    const socket = stream('bad_guest', request);
    await new Promise((resolve) => socket.once('message', resolve));
    expect(waiting().length).toBeGreaterThan(0);
    socket.terminate();
    await until(() => waiting().length === 0, 'crun to go');
    expect((await sh('bad_guest', 'pkill -x sleep')).body.exitCode).toBe(0);
  });

  it('and holds its streams costs no descriptor of the daemon, once the time is over', async () => {
    const open = () => readdirSync(`/proc/${pid}/fd`).length;
    const { pid } = await node.ok('GET', '/v1/node');
    const before = open();
    for (let round = 0; round < 5; round++)
      expect((await sh('bad_guest', 'sleep 1000 &', 0.5)).status).toBe(503);
    await until(() => open() <= before + 2, 'descriptors to be closed');
    await sh('bad_guest', 'pkill -x sleep');
  });

  it('may read slowly: waiting for it leaves nothing behind each time', async () => {
    const socket = stream('bad_guest', { argv: ['sh', '-c', 'cat | wc -c'] });
    await new Promise((resolve) => socket.once('open', resolve));
    for (let sent = 0; sent < 100; sent++)
      await new Promise((resolve) => socket.send(Buffer.alloc(500_001), resolve));
    const said = new Promise((resolve) => socket.once('message', (data) => resolve(String(data))));
    socket.send(Buffer.of(0));
    expect(await said).toMatch(/50000000/);
    socket.terminate();
    expect(node.log).not.toMatch(/MaxListenersExceeded/);
  });
});
