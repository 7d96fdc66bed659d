import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTerminal, type Terminal } from '../terminal.ts';
import { TestNode, until } from './harness.ts';
import { smallImageDirectory } from './image.ts';

const MAIN = new URL('../../daemon/cli/main.ts', import.meta.url).pathname;
let node: TestNode;
let image: string;

const environment = () => ({ ...process.env, SLIVERD_SOCKET: `${node.run}/admin.sock`, NO_COLOR: '1' });

function start(words: string[], stdin: 'ignore' | 'pipe' = 'ignore'): ChildProcess {
  return spawn(process.execPath, [MAIN, ...words], { stdio: [stdin, 'pipe', 'pipe'], env: environment() });
}

async function ended(child: ChildProcess): Promise<number | string> {
  if (child.exitCode === null && child.signalCode === null)
    await new Promise((resolve) => child.once('exit', resolve));
  return child.exitCode ?? child.signalCode ?? '';
}

async function ctl(...words: string[]): Promise<{ status: number | string; stdout: string; stderr: string }> {
  return ctlWith('', ...words);
}

async function ctlWith(input: string | Buffer, ...words: string[]) {
  const child = start(words, 'pipe');
  child.stdin!.on('error', () => {}); // it may end without reading its input
  child.stdin!.end(input);
  const [stdout, stderr, status] = await Promise.all([
    text(child.stdout!),
    text(child.stderr!),
    ended(child),
  ]);
  return { status, stdout, stderr };
}

/** A person's terminal with a program in it. */
class Screen {
  seen = '';
  readonly terminal: Terminal;

  constructor(file: string, args: string[]) {
    this.terminal = openTerminal(file, args, {
      columns: 100,
      rows: 30,
      env: { ...environment(), TERM: 'xterm' } as Record<string, string>,
    });
    this.terminal.master.on('data', (data) => {
      this.seen += data;
    });
  }

  type(keys: string): void {
    this.terminal.master.write(keys);
  }

  /** Waits for text that was not there when it was last waited for. */
  async reads(pattern: RegExp): Promise<string> {
    let found = '';
    await until(
      () => {
        const match = pattern.exec(this.seen);
        found = match?.[0] ?? '';
        if (match) this.seen = this.seen.slice(match.index + found.length);
        return match !== null;
      },
      `${pattern} on the screen, which shows ${JSON.stringify(this.seen.slice(-500))}`,
      20_000,
    );
    return found;
  }
}

const screen = (...words: string[]) => new Screen(process.execPath, [MAIN, ...words]);

beforeAll(async () => {
  node = await TestNode.start();
  image = smallImageDirectory();
  expect((await ctl('image', 'import', 'small', image)).status).toBe(0);
  expect((await ctl('sliver', 'create', 'cli_x', '--image', 'small')).status).toBe(0);
});
afterAll(async () => {
  await node?.stop();
  if (image) rmSync(image, { recursive: true });
});

describe('sliverctl and a node', () => {
  it('takes a sliver through its life', async () => {
    const key = `${node.folder}/key.pub`;
    writeFileSync(
      key,
      'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINf2UeZ6UWSiKhS4lCZ0u9r5Bqi5u8mDAm3HqHlVd9mN me\n',
    );
    const words = ['sliver', 'create', 'life_a', 'memory.max=96M', 'pids.max=50', '--image', 'small'];
    const made = await ctl(...words, '--key', key, '--expires', '3d', '--stopped', '--json');
    expect(made).toMatchObject({ status: 0, stderr: '' });
    const sliver = JSON.parse(made.stdout);
    expect(sliver).toMatchObject({ name: 'life_a', state: 'stopped', rspec: { 'memory.max': 96 * 2 ** 20 } });
    expect(sliver.keys).toEqual([expect.stringMatching(/^ssh-ed25519 .* me$/)]);
    expect(Date.parse(sliver.expiresAt) - Date.now()).toBeGreaterThan(2.9 * 86_400_000);

    for (const [operation, state] of Object.entries({
      start: 'running',
      freeze: 'frozen',
      thaw: 'running',
      restart: 'running',
      reset: 'running',
      stop: 'stopped',
    }))
      expect(await ctl('sliver', operation, 'life_a')).toEqual({
        status: 0,
        stdout: `life_a: ${state}\n`,
        stderr: '',
      });
    const set = await ctl(
      '--json',
      'sliver',
      'set',
      'life_a',
      'memory.max=max',
      '--no-key',
      '--expires',
      'never',
    );
    expect(JSON.parse(set.stdout)).toMatchObject({
      keys: [],
      expiresAt: null,
      rspec: { 'memory.max': 'max' },
    });
    expect((await ctl('sliver', 'list')).stdout).toMatch(/^NAME .*\ncli_x +running .*\nlife_a +stopped /);
    expect(await ctl('sliver', 'delete', 'life_a')).toMatchObject({ status: 0 });
    expect(JSON.parse((await ctl('sliver', 'list', '--json')).stdout).items).toHaveLength(1);
  });

  it('keeps its exit codes', async () => {
    const codes: Record<string, number> = {
      'sliver show no_body': 3,
      'sliver create cli_x --image small': 4,
      'sliver create Cli --image small': 2,
      'sliver create cli_y --image none': 3,
      'sliver create cli_y --image small pids.max=1': 2,
      'image delete small': 4,
      'sliver set cli_x': 2,
      'sliver exec no_body -- true': 125,
      status: 0,
    };
    for (const [words, status] of Object.entries(codes)) {
      const ran = await ctl(...words.split(' '));
      expect([words, ran.status]).toEqual([words, status]);
      if (status !== 0) expect(ran.stderr).toMatch(/^sliverctl: ./);
      if (status !== 0) expect(ran.stdout).toBe('');
    }
    const refused = await ctl('--json', 'image', 'delete', 'small');
    expect(JSON.parse(refused.stderr)).toMatchObject({ code: 'in-use', usedBy: ['cli_x'] });
  });

  it('follows events', async () => {
    const child = start(['events', '--follow', '--json', '--subject', 'cli_x']);
    let seen = '';
    child.stdout!.on('data', (data) => {
      seen += data;
    });
    await until(() => seen.includes('sliver.created'), 'what was before');
    await ctl('sliver', 'freeze', 'cli_x');
    await ctl('sliver', 'thaw', 'cli_x');
    await until(() => seen.includes('sliver.thaw'), 'what happens now');
    child.kill();
    await ended(child);
    const events = seen
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const ids = events.map(({ id }) => id).filter((id) => id > 0);
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
    expect(events.every(({ subject }) => subject === 'cli_x')).toBe(true);
  });

  it('tells on a terminal what it waits for, and leaves no trace of it', async () => {
    const shown = screen('sliver', 'restart', 'cli_x');
    expect(await shown.terminal.ended).toEqual({ exitCode: 0 });
    expect(shown.seen.split('\u001b[K').at(-1)).toBe('cli_x: running\r\n');
  });

  it('completes the names that there are', async () => {
    expect((await ctl('__complete', 'sliver')).stdout).toBe('cli_x\n');
    expect((await ctl('__complete', 'image')).stdout).toBe('small\n');
    expect((await ctl('__complete', 'profile')).stdout).toContain('standard\n');
  });
});

describe('sliverctl sliver exec', () => {
  const exec = (...argv: string[]) => ctl('sliver', 'exec', 'cli_x', '--', ...argv);

  it('passes streams and the status', async () => {
    expect(await exec('sh', '-c', 'echo out; echo err >&2; exit 42')).toEqual({
      status: 42,
      stdout: 'out\n',
      stderr: 'err\n',
    });
    expect((await exec('sh', '-c', 'kill -9 $$')).status).toBe(137);
    expect((await exec('sh', '-c', 'exit 255')).status).toBe(255);
    expect((await exec('no-such-program')).status).toBe(127);
    expect((await exec('/etc/passwd')).status).toBe(126);
    const words = [
      '-u',
      '1000:1000',
      '-w',
      '/tmp',
      '-e',
      'WHAT=a b',
      'sh',
      '-c',
      'echo "$WHAT $(pwd) $(id -u)"',
    ];
    expect((await ctl('sliver', 'exec', 'cli_x', ...words)).stdout).toBe('a b /tmp 1000\n');
    const nobody = await ctl(
      'sliver',
      'exec',
      'cli_x',
      '-u',
      'nobody',
      '--',
      'sh',
      '-c',
      'id -u; echo $USER',
    );
    expect(nobody.stdout).toBe('65534\nnobody\n');
    expect(await ctl('sliver', 'exec', 'cli_x', '-u', 'no_one', '--', 'true')).toMatchObject({
      status: 125,
      stderr: expect.stringContaining("there is no user 'no_one' in the /etc/passwd of cli_x"),
    });
    const json = await ctl('--json', 'sliver', 'exec', 'cli_x', '--', 'sh', '-c', 'echo o; exit 3');
    expect(json.status).toBe(3);
    expect(JSON.parse(json.stdout)).toMatchObject({ exitCode: 3, stdout: 'o\n' });
  });

  it('passes input to its end, and what comes after the end of input', async () => {
    const input = Buffer.alloc(8 << 20, 'sliver ');
    const counted = await ctlWith(input, 'sliver', 'exec', 'cli_x', '--', 'sh', '-c', 'wc -c; echo after');
    expect(counted).toEqual({ status: 0, stdout: `${input.length}\nafter\n`, stderr: '' });
    const back = await ctlWith(input, 'sliver', 'exec', 'cli_x', '--', 'cat');
    expect(back.stdout === input.toString()).toBe(true);
    expect((await ctlWith(input, 'sliver', 'exec', 'cli_x', '--', 'true')).status).toBe(0);
  });

  it('holds the program back for a slow reader, and keeps memory small', async () => {
    const size = 200 << 20;
    const child = start(['sliver', 'exec', 'cli_x', '--', 'head', '-c', String(size), '/dev/zero']);
    let read = 0;
    let peak = 0;
    for await (const chunk of child.stdout!) {
      if (read === 0) await sleep(1000); // long enough to fill whatever would hold it
      read += chunk.length;
      if (child.exitCode === null)
        peak = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? peak);
    }
    expect(await ended(child)).toBe(0);
    expect(read).toBe(size);
    expect(peak).toBeLessThan(250_000);
  });

  it('ends in silence when nobody reads, and so does the program', async () => {
    const child = start(['sliver', 'exec', 'cli_x', '--', 'yes', 'unread']);
    const complaint = text(child.stderr!);
    await new Promise((resolve) => child.stdout!.once('data', resolve));
    child.stdout!.destroy();
    expect(await ended(child)).toBe(141);
    expect(await complaint).toBe('');
    await until(async () => (await exec('pidof', 'yes')).status !== 0, 'yes to end');
  });

  it('passes signals', async () => {
    const child = start([
      ...['sliver', 'exec', 'cli_x', '--', 'sh', '-c'],
      'trap "echo caught; exit 7" INT; echo ready; while :; do sleep 0.05; done',
    ]);
    let seen = '';
    child.stdout!.on('data', (data) => {
      seen += data;
    });
    await until(() => seen.includes('ready'), 'the program to start');
    child.kill('SIGINT');
    expect(await ended(child)).toBe(7);
    expect(seen).toContain('caught');
    const killed = start(['sliver', 'exec', 'cli_x', '--', 'sleep', '4242']);
    await until(async () => (await exec('pidof', 'sleep')).status === 0, 'sleep to start');
    killed.kill('SIGKILL');
    await until(async () => (await exec('pidof', 'sleep')).status !== 0, 'sleep to end with its client');
  });

  it('is a terminal: its size, its keys, its end', async () => {
    const shown = screen('sliver', 'exec', 'cli_x', '--', 'sh');
    await shown.reads(/# /);
    // Each line ends as on a console: once.
    shown.type('tty; stty size\r');
    await shown.reads(/\/dev\/pts\/\d+\r\n30 100/);
    shown.terminal.resize(120, 50);
    // The new size gets there in its own time: the shell asks until it has.
    shown.type('until stty size | grep -q "50 120"; do sleep 0.05; done; echo sized\r');
    await shown.reads(/\nsized/);
    shown.type('sleep 1000\r');
    // Before it runs, the shell may still have the terminal in its own mode, where ^C is a character.
    await until(async () => (await exec('pidof', 'sleep')).status === 0, 'sleep to start');
    shown.type('\u0003');
    shown.type('echo "[$?]"\r');
    await shown.reads(/\[130\]/);
    shown.type('exit 5\r');
    expect(await shown.terminal.ended).toEqual({ exitCode: 5 });
  });

  it.each([
    ['the end of the program', 'exit 0\r', '=0'],
    ['a signal to itself', '', '=143'],
  ])('gives the terminal back after %s', async (_what, keys, status) => {
    const command = `echo "<$(stty -g)>"; ${process.execPath} ${MAIN} sliver exec cli_x -- sh; echo "=$?"; echo "<$(stty -g)>"`;
    const shown = new Screen('sh', ['-c', command]);
    const before = await shown.reads(/<[0-9a-f:]+>/);
    await shown.reads(/# /);
    if (keys) shown.type(keys);
    else
      for (const pid of readFileSync(
        `/proc/${shown.terminal.child.pid}/task/${shown.terminal.child.pid}/children`,
        'utf8',
      )
        .trim()
        .split(' '))
        process.kill(Number(pid), 'SIGTERM');
    await shown.reads(new RegExp(status));
    expect(await shown.reads(/<[0-9a-f:]+>/)).toBe(before);
    await shown.terminal.ended;
  });
});

describe('keys', () => {
  it('are given, listed and taken away by fingerprint; a line that is none is found in its file', async () => {
    const base64 = 'AAAAC3NzaC1lZDI1NTE5AAAAINf2UeZ6UWSiKhS4lCZ0u9r5Bqi5u8mDAm3HqHlVd9mN';
    const good = `${node.folder}/good.pub`;
    const bad = `${node.folder}/bad.pub`;
    writeFileSync(good, `# of us\n\nrestrict,pty ssh-ed25519 ${base64} me\n`);
    writeFileSync(bad, `# of them\r\nssh-ed25519 ${base64.slice(0, 40)} you\r\n`);
    const added = await ctl('key', 'add', 'cli_x', good);
    expect(added).toMatchObject({ status: 0, stderr: '' });
    const [, fingerprint] = /\n(SHA256:\S+) +ssh-ed25519 +256 +me +restrict,pty\n$/.exec(added.stdout) ?? [];
    expect(fingerprint).toBeDefined();
    const refused = await ctl('key', 'set', 'cli_x', good, bad);
    expect(refused).toMatchObject({ status: 2, stdout: '' });
    expect(refused.stderr).toMatch(/bad\.pub: line 2 is no key: the key is damaged/);
    const listed = JSON.parse((await ctl('key', 'list', 'cli_x', '--json')).stdout);
    expect(listed.items).toMatchObject([{ fingerprint, comment: 'me', options: ['restrict', 'pty'] }]);
    expect((await ctl('key', 'revoke', 'cli_x', 'serial=5')).stderr).toMatch(/no certificate authority/);
    expect((await ctl('key', 'revoke', 'cli_x', fingerprint ?? '')).stdout).toContain(fingerprint);
    expect((await ctl('key', 'revoked', 'cli_x')).stdout).toContain(fingerprint);
    expect(await ctl('key', 'revoke', 'cli_x', '--instead', '--json')).toMatchObject({
      status: 0,
      stdout: '{\n  "items": []\n}\n',
    });
    expect((await ctl('key', 'remove', 'cli_x', fingerprint ?? '')).status).toBe(0);
    const gone = await ctl('key', 'remove', 'cli_x', fingerprint ?? '');
    expect(gone.status).toBe(3);
    expect(gone.stderr).toMatch(/cli_x has no key SHA256:.*sliverctl key list cli_x/);
  });
});

describe('sliverctl without its daemon', () => {
  it('says so, and finds it again', async () => {
    await node.kill();
    const alone = await ctl('status');
    expect(alone.status).toBe(5);
    expect(alone.stderr).toMatch(/no daemon answers.*not running/);
    expect((await ctl('sliver', 'exec', 'cli_x', 'true')).status).toBe(125);
    await node.launch();
    expect((await ctl('sliver', 'exec', 'cli_x', 'true')).status).toBe(0);
  });

  it('takes the node down by one command', async () => {
    expect(await ctl('node', 'down')).toMatchObject({ status: 0, stderr: '' });
    await node.ended();
    expect((await ctl('status')).status).toBe(5);
  });
});
