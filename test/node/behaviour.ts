import { chmodSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Environment, ExecRequest, Observed } from '../../daemon/environments/environment.ts';
import { DEFAULT_RSPEC } from '../../daemon/resources/rspec.ts';
import { plan } from '../../daemon/slivers/plan.ts';
import type { SliverRecord } from '../../daemon/slivers/record.ts';
import { sliverRecord } from '../record.ts';

/** What a test of an environment needs: the environment, an image made by `smallImageDirectory`, and its end. */
export interface Subject {
  readonly environment: Environment;
  readonly imageDigest: string;
  readonly profile: string;
  /** Takes away everything, the environment included. */
  end(): Promise<void>;
}

const log = pino({ level: 'silent' });

/** Brings a sliver to what its record says, as reconciliation does. `times`: how often each step runs. */
export async function settle(environment: Environment, record: SliverRecord, times = 1): Promise<Observed> {
  for (let round = 0; ; round++) {
    const observed = await environment.observe(record);
    const phases = plan(record, observed, Date.now());
    if (phases.every((phase) => phase === 'apply') && round > 0) return observed;
    if (round > 6) throw new Error(`does not come to rest: ${phases} after ${JSON.stringify(observed)}`);
    for (const phase of phases)
      for (const step of environment.phases[phase])
        for (let time = 0; time < times; time++) await step.act(record, log);
  }
}

export interface Ran {
  exitCode: number | undefined;
  stdout: string;
  stderr: string;
}

/** Runs a program inside to its end. */
export async function execute(
  environment: Environment,
  sliver: SliverRecord,
  request: ExecRequest | string,
  input?: string,
): Promise<Ran> {
  const asked = typeof request === 'string' ? { argv: ['sh', '-c', request] } : request;
  const process = await environment.exec(sliver, asked);
  const read = async (stream: AsyncIterable<Buffer | string> | null) => {
    let text = '';
    for await (const chunk of stream ?? []) text += chunk;
    return text;
  };
  process.stdin.end(input);
  const [stdout, stderr, end] = await Promise.all([
    read(process.stdout),
    read(process.stderr),
    process.ended,
  ]);
  return { exitCode: 'exitCode' in end ? end.exitCode : undefined, stdout, stderr };
}

/** Waits until a condition holds; fails with what it last saw. */
export async function eventually<T>(look: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
  const deadline = Date.now() + 20_000;
  for (let pause = 10; ; pause = Math.min(pause * 1.5, 300)) {
    const value = await look();
    if (holds(value)) return value;
    if (Date.now() > deadline) throw new Error(`never came: last seen ${JSON.stringify(value)}`);
    await sleep(pause);
  }
}

/**
 * What every environment does alike: the promises that the manager's API makes, whatever runs the sliver.
 * @param mapsIds root inside is nobody outside; by a Docker engine, as a rule, it is the host's root.
 */
export function behaviour(name: string, make: () => Promise<Subject>, { mapsIds = false } = {}): void {
  describe(`environment ${name}`, () => {
    let subject: Subject;
    let environment: Environment;
    let lastId = 100;
    const made: SliverRecord[] = [];

    const newRecord = (changes: Partial<SliverRecord> = {}): SliverRecord => {
      const id = ++lastId;
      const record = sliverRecord({
        id,
        name: `test_s${id}`,
        environment: name,
        imageDigest: subject.imageDigest,
        profile: subject.profile,
        rspec: { ...DEFAULT_RSPEC, 'disk.bytes': 32 * 2 ** 20, 'disk.inodes': 4096 },
        ...changes,
      });
      made.push(record);
      return record;
    };
    const started = async (changes: Partial<SliverRecord> = {}) => {
      const record = newRecord(changes);
      await settle(environment, record);
      return record;
    };
    const removed = (record: SliverRecord) => settle(environment, { ...record, desired: 'deleted' });
    const sh = (record: SliverRecord, script: string) => execute(environment, record, script);

    beforeAll(async () => {
      subject = await make();
      environment = subject.environment;
    });
    afterAll(async () => {
      for (const record of made) await removed(record);
      await subject?.end();
    });

    it('creates: from nothing to a running init that the host sees', async () => {
      const record = newRecord();
      expect(await environment.observe(record)).toMatchObject({
        container: 'absent',
        disks: [],
        debris: false,
      });
      const observed = await settle(environment, record);
      expect(observed).toMatchObject({ container: 'running', run: 1, disk: 1, disks: [1], debris: false });
      expect(observed.pid).toBeGreaterThan(1);
      expect(() => process.kill(observed.pid ?? 0, 0)).not.toThrow();
      expect((await sh(record, 'kill -0 1 && cat /proc/1/cmdline')).exitCode).toBe(0);
    });

    if (mapsIds)
      it("gives root inside no hold on the host's devices", async () => {
        const devices = ['null', 'zero', 'full', 'random', 'urandom', 'tty'].map(
          (device) => `/dev/${device}`,
        );
        const rights = () => devices.map((device) => [statSync(device).mode, statSync(device).uid]);
        const before = rights();
        const record = await started({ initscript: '#!/bin/sh\nchmod 640 /proc/self/fd/* /dev/*' });
        await sh(record, `chmod 640 ${devices.join(' ')} /proc/1/fd/* /proc/self/fd/*`);
        const after = rights();
        for (const device of devices) chmodSync(device, 0o666);
        expect(after).toEqual(before);
      });

    it('prepares a stopped sliver, and starts nothing in it', async () => {
      const record = newRecord({ desired: 'stopped' });
      expect(await settle(environment, record)).toMatchObject({ container: 'absent', disks: [1] });
      await expect(environment.exec(record, { argv: ['true'] })).rejects.toMatchObject({
        code: 'wrong-state',
      });
      expect(await settle(environment, { ...record, desired: 'running' })).toMatchObject({
        container: 'running',
      });
    });

    it('does not run an expired sliver', async () => {
      const record = await started();
      const expired = { ...record, expiresAt: Date.now() - 1000 };
      expect(await settle(environment, expired)).toMatchObject({ container: 'absent', disks: [1] });
    });

    describe('exec', () => {
      let record: SliverRecord;
      beforeAll(async () => {
        record = await started();
      });

      it.each([
        ['true', 0],
        ['false', 1],
        ['exit 77', 77],
        ['kill -9 $$', 137],
      ])('tells the exit status of %s', async (script, status) => {
        expect((await sh(record, script)).exitCode).toBe(status);
      });

      it('keeps stdout and stderr apart', async () => {
        expect(await sh(record, 'echo out; echo err >&2; exit 3')).toEqual({
          exitCode: 3,
          stdout: 'out\n',
          stderr: 'err\n',
        });
      });

      it('passes stdin through, to its end', async () => {
        const input = 'line\n'.repeat(20_000);
        const ran = await execute(environment, record, { argv: ['cat'] }, input);
        expect(ran.exitCode).toBe(0);
        expect(ran.stdout).toBe(input);
      });

      it('loses nothing of a long output, both streams at once', async () => {
        const ran = await sh(record, 'yes 0123456789 | head -c 1000000; yes err | head -c 100000 >&2');
        expect([ran.exitCode, ran.stdout.length, ran.stderr.length]).toEqual([0, 1_000_000, 100_000]);
      });

      it('gives 127 for a program that is not there, and says so', async () => {
        const ran = await execute(environment, record, { argv: ['no-such-program'] });
        expect(ran.exitCode).toBe(127);
        expect(ran.stderr + ran.stdout).toMatch(/no-such-program/);
      });

      it('sets variables, working directory and user', async () => {
        const argv = ['sh', '-c', 'echo "$WHAT $(pwd) $(id -u):$(id -g)"'];
        const request = { argv, env: { WHAT: 'a b' }, cwd: '/tmp', user: '65534:65534' };
        expect((await execute(environment, record, request)).stdout).toBe('a b /tmp 65534:65534\n');
        const plain = await execute(environment, record, 'echo "$(id -u) $HOME $(pwd)"');
        expect(plain.stdout).toBe('0 /root /root\n');
      });

      it('runs as a user of its own, as a login would', async () => {
        await sh(
          record,
          'mkdir -p /home/alice; echo alice:x:1000:1001:,,,:/home/alice:/bin/ash >> /etc/passwd;' +
            'echo bob:x:1002:1001::/gone: >> /etc/passwd;' +
            'echo staff:x:1001: >> /etc/group; echo dialout:x:20:bob,alice >> /etc/group',
        );
        const say = 'echo "$(id -u) $(id -G) $HOME $SHELL $USER $LOGNAME $(pwd)"';
        const as = async (user?: string) =>
          (await execute(environment, record, { argv: ['sh', '-c', say], ...(user ? { user } : {}) })).stdout;
        expect(await as('alice')).toBe('1000 1001 20 /home/alice /bin/ash alice alice /home/alice\n');
        expect(await as('1000')).toBe(await as('alice'));
        expect(await as('1000:5')).toBe('1000 5 /home/alice /bin/ash alice alice /home/alice\n');
        expect(await as('bob')).toBe('1002 1001 20 /gone /bin/sh bob bob /\n');
        expect(await as('4321')).toBe('4321 4321 / /bin/sh   /\n');
        expect(await as()).toBe('0 0 /root /bin/sh root root /root\n');
        await expect(execute(environment, record, { argv: ['true'], user: 'nobody_here' })).rejects.toThrow(
          `there is no user 'nobody_here' in the /etc/passwd of ${record.name}`,
        );
      });

      it("reads no file of the host's for it, wherever the guest's links lead, and waits for none", async () => {
        const baits = [
          'ln -s /proc/1/root/etc/passwd',
          'ln -s /proc/self/root/etc/passwd',
          'ln -s ../../../../../../etc/../proc/self/fd/0',
          'ln -s /dev/zero',
          'mkfifo',
        ];
        for (const bait of baits) {
          // One program holds it, since an engine's own exec reads the file too, and would wait for it for ever.
          const guest = await environment.exec(record, {
            argv: [
              'sh',
              '-c',
              `mv /etc/passwd /etc/kept; ${bait} /etc/passwd; echo set; read go; rm /etc/passwd; mv /etc/kept /etc/passwd`,
            ],
          });
          let said = '';
          guest.stdout.on('data', (data) => {
            said += data;
          });
          await eventually(
            async () => said,
            (text) => text === 'set\n',
          );
          // The host has the first two, the image none.
          for (const user of ['daemon', 'www-data', 'alice'])
            await expect(environment.exec(record, { argv: ['true'], user })).rejects.toThrow(/no user/);
          guest.stdin.end('go\n');
          expect(await guest.ended).toEqual({ exitCode: 0 });
        }
        // A link within the sliver is one as any other, from its own root.
        await sh(
          record,
          'mkdir -p /srv/etc; mv /etc/passwd /srv/etc/users; ln -s /srv/etc/users /etc/passwd',
        );
        const ran = await execute(environment, record, { argv: ['id', '-u'], user: 'alice' });
        expect(ran.stdout).toBe('1000\n');
      });

      it('gives a terminal of the size asked for, and changes it', async () => {
        const process = await environment.exec(record, {
          // An engine may set the first size a moment after the start.
          argv: ['sh', '-c', 'until stty size 2>/dev/null | grep .; do sleep 0.02; done; read go; stty size'],
          terminal: { columns: 91, rows: 33 },
        });
        expect(process.stderr).toBeNull();
        let seen = '';
        process.stdout.on('data', (data) => {
          seen += data;
        });
        await eventually(
          async () => seen,
          (text) => /\d+ \d+/.test(text),
        );
        process.resize(120, 50);
        await sleep(200);
        process.stdin.write('\n');
        expect(await process.ended).toEqual({ exitCode: 0 });
        expect(seen).toMatch(/33 91/);
        expect(seen).toMatch(/50 120/);
      });

      it('ends what was started when told to', async () => {
        const process = await environment.exec(record, { argv: ['sleep', '1000'] });
        process.stdout.resume();
        process.stderr?.resume();
        await eventually(
          () => sh(record, 'pidof sleep'),
          (ran) => ran.exitCode === 0,
        );
        process.kill('SIGTERM');
        const end = await process.ended;
        expect('signal' in end || end.exitCode !== 0).toBe(true);
        await eventually(
          () => sh(record, 'pidof sleep'),
          (ran) => ran.exitCode !== 0,
        );
      });
    });

    it('knows who it is: /etc/slicename, host name, resolv.conf, loopback alone', async () => {
      const record = await started();
      const host = record.name.replace('_', '-');
      expect((await sh(record, 'cat /etc/slicename; hostname; cat /etc/hostname')).stdout).toBe(
        `${record.name}\n${host}\n${host}\n`,
      );
      expect((await sh(record, 'test -r /etc/resolv.conf')).exitCode).toBe(0);
      // 0x9: up, loopback.
      expect((await sh(record, 'ls /sys/class/net; cat /sys/class/net/lo/flags')).stdout).toBe('lo\n0x9\n');
    });

    it('runs the initscript at each start and keeps its output', async () => {
      const record = await started({
        initscript: '#!/bin/sh\necho "hello from $(cat /etc/slicename) as $(id -u)"\necho x >>/root/starts\n',
      });
      const text = await eventually(
        () => environment.log(record),
        (said) => said.includes('hello'),
      );
      expect(text).toContain(`hello from ${record.name} as 0`);
      await settle(environment, { ...record, run: 2 });
      const again = { ...record, run: 2 };
      await eventually(
        () => sh(again, 'wc -l </root/starts'),
        (ran) => ran.stdout.trim() === '2',
      );
    });

    it('takes an initscript without a #! line, and bounds what it writes', async () => {
      const record = await started({ initscript: 'yes 0123456789abcdef | head -n 40000\necho the end\n' });
      const text = await eventually(
        () => environment.log(record),
        (said) => said.includes('the end'),
      );
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(64 * 1024);
    });

    it('freezes all progress, and thaws it', async () => {
      const record = await started();
      await sh(record, '(while :; do echo x >>/tmp/ticks; sleep 0.05; done) >/dev/null 2>&1 </dev/null &');
      const ticks = async () => Number((await sh(record, 'wc -l </tmp/ticks')).stdout);
      await eventually(ticks, (count) => count > 2);
      const frozen = { ...record, desired: 'frozen' as const };
      const { since: began = 0 } = await environment.observe(record);
      const { since, ...rest } = await settle(environment, frozen);
      expect(rest).toMatchObject({ container: 'frozen', run: 1, disk: 1 });
      expect(since).toBeGreaterThan(began);
      expect((await environment.observe(frozen)).since).toBe(since);
      await sleep(600);
      expect(await settle(environment, record)).toMatchObject({ container: 'running', run: 1 });
      // 0.6 s would have given 10 or so had it run.
      const after = await ticks();
      await eventually(ticks, (count) => count > after);
    });

    it('starts frozen when that is what is wanted, and stops from there', async () => {
      const record = newRecord({ desired: 'frozen' });
      expect(await settle(environment, record)).toMatchObject({ container: 'frozen' });
      expect(await settle(environment, { ...record, desired: 'stopped' })).toMatchObject({
        container: 'absent',
      });
    });

    it('stops every process, keeps the files, and starts again', async () => {
      const record = await started();
      await sh(
        record,
        'echo kept >/root/file; (trap "" TERM; while :; do sleep 1; done) >/dev/null 2>&1 </dev/null &',
      );
      const { pid } = await environment.observe(record);
      expect(await settle(environment, { ...record, desired: 'stopped' })).toMatchObject({
        container: 'absent',
      });
      expect(() => process.kill(pid ?? 0, 0)).toThrow();
      const restarted = { ...record, run: 2 };
      expect(await settle(environment, restarted)).toMatchObject({ container: 'running', run: 2 });
      expect((await sh(restarted, 'cat /root/file; pidof sleep')).stdout).toBe('kept\n');
    });

    it('asks processes to end before it kills them', async () => {
      const record = await started();
      const script = `trap 'echo asked >/root/asked; exit' TERM; echo >/root/ready; while :; do sleep 0.05; done`;
      await sh(record, `sh -c '${script.replaceAll("'", `'\\''`)}' >/dev/null 2>&1 </dev/null &`);
      await eventually(
        () => sh(record, 'cat /root/ready'),
        (ran) => ran.exitCode === 0,
      );
      const next = { ...record, run: 2 };
      await settle(environment, next);
      expect((await sh(next, 'cat /root/asked')).stdout).toBe('asked\n');
    });

    it('restarts: another init, the same files', async () => {
      const record = await started();
      await sh(record, 'echo kept >/root/file');
      const before = await environment.observe(record);
      const next = { ...record, run: 2 };
      const after = await settle(environment, next);
      expect(after).toMatchObject({ container: 'running', run: 2, disk: 1 });
      expect(after.pid).not.toBe(before.pid);
      expect((await sh(next, 'cat /root/file')).stdout).toBe('kept\n');
    });

    it('resets: a clean file system, and the same name', async () => {
      const record = await started();
      await sh(record, 'echo dirty >/root/file; rm /bin/yes; echo bad >/etc/slicename');
      const clean = { ...record, run: 2, disk: 2 };
      expect(await settle(environment, clean)).toMatchObject({
        container: 'running',
        run: 2,
        disk: 2,
        disks: [2],
        debris: false,
      });
      expect((await sh(clean, 'ls /root; ls /bin/yes; cat /etc/slicename')).stdout).toBe(
        `/bin/yes\n${record.name}\n`,
      );
    });

    it('deletes: nothing is left', async () => {
      const record = await started({ initscript: 'echo hello' });
      const { pid } = await environment.observe(record);
      expect(await removed(record)).toMatchObject({ container: 'absent', disks: [], debris: false });
      expect(() => process.kill(pid ?? 0, 0)).toThrow();
      expect(await environment.sweep(new Set(made.map(({ id }) => id)))).toEqual([]);
    });

    it('notices a dead init, says so to its watcher, and starts it again', async () => {
      const record = await started();
      const { pid } = await environment.observe(record);
      let changes = 0;
      const unwatch = environment.watch(record, () => {
        changes++;
      });
      await sleep(300);
      process.kill(pid ?? 0, 'SIGKILL');
      await eventually(
        () => environment.observe(record),
        ({ container }) => container === 'partial',
      );
      await eventually(
        async () => changes,
        (count) => count > 0,
      );
      unwatch();
      const again = await settle(environment, record);
      expect(again).toMatchObject({ container: 'running', run: 1 });
      expect(again.pid).not.toBe(pid);
    });

    it('has idempotent steps: each done twice leads to the same end', async () => {
      const record = newRecord({ initscript: 'true' });
      expect(await settle(environment, record, 2)).toMatchObject({ container: 'running', disks: [1] });
      expect((await sh(record, 'cat /etc/slicename')).stdout).toBe(`${record.name}\n`);
      const frozen = { ...record, desired: 'frozen' as const };
      expect(await settle(environment, frozen, 2)).toMatchObject({ container: 'frozen' });
      expect(await settle(environment, record, 2)).toMatchObject({ container: 'running' });
      const reset = { ...record, run: 2, disk: 2 };
      expect(await settle(environment, reset, 2)).toMatchObject({ container: 'running', disks: [2] });
      const deleted = { ...reset, desired: 'deleted' as const };
      expect(await settle(environment, deleted, 2)).toMatchObject({ container: 'absent', disks: [] });
    });

    it('picks up after a cut at every step of a start', async () => {
      const steps = [...environment.phases.provision, ...environment.phases.start];
      for (let cut = 1; cut <= steps.length; cut++) {
        const record = newRecord({ initscript: 'true' });
        for (const step of steps.slice(0, cut)) await step.act(record, log);
        expect(await settle(environment, record)).toMatchObject({ container: 'running', disks: [1] });
        expect(await removed(record)).toMatchObject({ container: 'absent', disks: [], debris: false });
      }
    });

    it('sweeps away slivers that nobody knows, and only those', async () => {
      const [known, unknown] = [await started(), await started()];
      const { pid } = await environment.observe(unknown);
      const ids = made.map(({ id }) => id).filter((id) => id !== unknown.id);
      expect(await environment.sweep(new Set(ids))).not.toEqual([]);
      expect(await environment.observe(unknown)).toMatchObject({ container: 'absent', disks: [] });
      expect(() => process.kill(pid ?? 0, 0)).toThrow();
      expect(await environment.observe(known)).toMatchObject({ container: 'running' });
      expect(await environment.sweep(new Set(ids))).toEqual([]);
    });

    it('tells usage in numbers', async () => {
      const record = await started();
      await sh(record, 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done');
      const usage = await environment.usage(record);
      expect(usage.cpuMicroseconds).toBeGreaterThan(0);
      for (const value of Object.values(usage).filter((value) => typeof value !== 'object'))
        expect(value).toBeGreaterThanOrEqual(0);
    });

    it('keeps slivers from seeing each other', async () => {
      const [one, other] = [await started(), await started()];
      await sh(one, 'sleep 4321 >/dev/null 2>&1 </dev/null & echo mine >/tmp/mine');
      expect((await sh(one, 'ps')).stdout).toContain('sleep 4321');
      expect((await sh(other, 'ps; ls /tmp')).stdout).not.toMatch(/4321|mine/);
      expect((await sh(other, 'ipcs; cat /proc/mounts')).stdout).not.toContain(one.name);
    });
  });
}
