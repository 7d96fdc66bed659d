import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { request, TestNode, until } from './harness.ts';
import { smallImageDirectory } from './image.ts';

const image = smallImageDirectory();
let node: TestNode;

beforeAll(async () => {
  node = await TestNode.start();
  await node.ok('POST', '/v1/images', { name: 'small', source: { path: image } });
  await node.ok('POST', '/v1/slivers', { name: 'a_b', image: 'small' });
});
afterAll(async () => {
  await node?.stop();
  rmSync(image, { recursive: true, force: true });
});

/** Resident memory of the daemon, bytes. */
const resident = () =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${node.daemon?.pid}/status`, 'utf8'))?.[1]) * 1024;
/** Sends bytes as they are, and reads until the daemon hangs up. */
const raw = (bytes: string, path = `${node.run}/admin.sock`) =>
  new Promise<string>((resolve) => {
    const socket = connect(path);
    let text = '';
    socket.on('data', (data) => {
      text += data;
    });
    socket.on('close', () => resolve(text));
    socket.write(bytes);
  });
const alive = async () => expect((await node.request('GET', '/v1/node')).status).toBe(200);

describe('a bad request', () => {
  it.each([
    ['unknown field', { name: 'c_d', image: 'small', colour: 'red' }, 400],
    ['wrong type', { name: 'c_d', image: 7 }, 400],
    ['no name', { image: 'small' }, 400],
    ['upper case', { name: 'C_d', image: 'small' }, 400],
    ['one part', { name: 'cd', image: 'small' }, 400],
    ['slash', { name: 'c_d/e', image: 'small' }, 400],
    ['newline', { name: 'c_d\n', image: 'small' }, 400],
    ['dots', { name: '../c_d', image: 'small' }, 400],
    ['option', { name: '-c_d', image: 'small' }, 400],
    ['unknown rspec key', { name: 'c_d', image: 'small', rspec: { 'cpu.magic': 1 } }, 400],
    ['out of range', { name: 'c_d', image: 'small', rspec: { 'cpu.weight': 0 } }, 400],
    ['fraction', { name: 'c_d', image: 'small', rspec: { 'pids.max': 8.5 } }, 400],
    [
      'high above max',
      { name: 'c_d', image: 'small', rspec: { 'memory.high': 2 ** 30, 'memory.max': 2 ** 29 } },
      400,
    ],
    ['disk that is not there', { name: 'c_d', image: 'small', rspec: { 'disk.bytes': 2 ** 50 } }, 507],
    ['unknown image', { name: 'c_d', image: 'none' }, 404],
    ['unknown profile', { name: 'c_d', image: 'small', profile: 'god' }, 400],
    ['unknown environment', { name: 'c_d', image: 'small', environment: 'xen' }, 400],
    ['past expiry', { name: 'c_d', image: 'small', expiresAt: '2001-01-01T00:00:00Z' }, 400],
    ['no time', { name: 'c_d', image: 'small', expiresAt: 'soon' }, 400],
    ['authority that no slice can be', { name: 'c_d', image: 'small', authority: 'not a name' }, 400],
    ['broken key', { name: 'c_d', image: 'small', keys: ['ssh-ed25519 AAAA me'] }, 400],
    ['not JSON', '{"name":', 400],
    ['an array', '[]', 400],
    ['there already', { name: 'a_b', image: 'small' }, 409],
  ])('%s', async (_what, body, status) => {
    const answer = await node.request('POST', '/v1/slivers', body);
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toMatch(/application\/problem\+json/);
    expect(answer.body.detail.length).toBeGreaterThan(10);
    expect(answer.body.code).toMatch(/^[a-z-]+$/);
    expect((await node.ok('GET', '/v1/slivers')).items.map((item: { name: string }) => item.name)).toEqual([
      'a_b',
    ]);
  });

  it('of 100 MB is refused without being read', async () => {
    const before = resident();
    const answer = await request(
      `${node.run}/admin.sock`,
      'POST',
      '/v1/slivers',
      `"${'x'.repeat(100 << 20)}"`,
    ).catch((error) => error);
    expect(answer.status === 413 || /EPIPE|ECONNRESET/.test(answer.code)).toBe(true);
    await alive();
    expect(resident() - before).toBeLessThan(64 << 20);
  });

  it('does not exist elsewhere', async () => {
    expect((await node.request('GET', '/v1/nothing')).body).toMatchObject({ status: 404, code: 'not-found' });
    expect((await node.request('GET', '/v1/slivers/x_y')).body).toMatchObject({
      status: 404,
      code: 'not-found',
    });
    expect((await node.request('GET', `/v1/slivers/${'x'.repeat(5000)}`)).status).toBe(414);
    expect((await node.request('GET', '/v1/slivers/%2e%2e%2f')).status).toBe(404);
    expect((await node.request('GET', '/v1/slivers?limit=-1')).status).toBe(400);
    expect((await node.request('GET', '/v1/slivers?wrong=1')).status).toBe(400);
  });
});

describe('bad clients', () => {
  it('half a request holds nobody up', async () => {
    const half = connect(`${node.run}/admin.sock`);
    half.on('error', () => {});
    half.write(
      'POST /v1/slivers HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"na',
    );
    await alive();
    half.destroy();
  });

  it.each([
    ['what is not HTTP', '\0\0\0 garbage\r\n\r\n', 'bad-request'],
    [
      'headers without end',
      `GET /v1/node HTTP/1.1\r\nhost: x\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`,
      'headers-too-large',
    ],
    [
      'a path that is no URL',
      'GET /v1/slivers/%zz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
      'bad-request',
    ],
    [
      'a name that is too long',
      `GET /v1/slivers/${'x'.repeat(300)} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`,
      'path-too-long',
    ],
    [
      'an expectation that nobody knows',
      'GET /v1/slivers/x_y HTTP/1.1\r\nhost: x\r\nexpect: x\r\nconnection: close\r\n\r\n',
      'not-found',
    ],
    [
      'a WebSocket asked as HTTP',
      'GET /v1/slivers/a_b/exec/stream HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
      'bad-request',
    ],
    ...['%zz', 'x-y', 'x'.repeat(300)].map((name, number) => [
      `a WebSocket of what can't be a name (${number})`,
      `GET /v1/slivers/${name}/exec/stream HTTP/1.1\r\nhost: x\r\nconnection: upgrade, close\r\nupgrade: websocket\r\n\r\n`,
      ['bad-request', 'not-found', 'path-too-long'][number]!,
    ]),
    [
      'a WebSocket without its key',
      'GET /v1/slivers/a_b/exec/stream HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
      'bad-request',
    ],
    [
      'an upgrade where there is none, as if it had not been asked for',
      'POST /v1/slivers HTTP/1.1\r\nhost: x\r\nconnection: upgrade, close\r\nupgrade: websocket\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{"a": 1} ',
      'bad-request',
    ],
  ])('%s is answered with a problem document', async (_what, text, code) => {
    const answer = await raw(text);
    const { status, ...problem } = JSON.parse(answer.slice(answer.indexOf('{')));
    expect(problem).toMatchObject({ code, type: `urn:sliverd:problem:${code}` });
    expect(answer).toMatch(
      new RegExp(`^HTTP/1.1 ${status} [^]*\\r\\ncontent-type: application/problem\\+json`, 'i'),
    );
  });

  it('a slice that is refused a WebSocket is answered and hung up on', async () => {
    const answer = await raw(
      'GET /v1/slivers/x_y/exec/stream HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
      `${node.run}/slivers/1/inside/manager.sock`,
    );
    expect(answer).toMatch(/^HTTP\/1.1 404 .*"code":"not-found"/s);
  });

  it('1,000 requests at once are all answered', async () => {
    const before = resident();
    const all = await Promise.all(
      Array.from({ length: 1000 }, (_, i) => node.request('GET', i % 2 ? '/v1/slivers' : '/v1/node')),
    );
    expect(all.every(({ status }) => status === 200)).toBe(true);
    expect(resident() - before).toBeLessThan(96 << 20);
  });

  it('2,000 that come while the daemon has no time wait, and none is turned away', async () => {
    const pid = node.daemon?.pid ?? 0;
    process.kill(pid, 'SIGSTOP');
    const sockets = Array.from({ length: 2000 }, () => connect(`${node.run}/admin.sock`));
    try {
      await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    } finally {
      process.kill(pid, 'SIGCONT');
      for (const socket of sockets) socket.destroy();
    }
    await alive();
  });

  it('100 changes of one sliver at once all hold', async () => {
    const all = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        node.request('PATCH', '/v1/slivers/a_b', { rspec: { 'cpu.weight': i + 1 } }),
      ),
    );
    expect(all.every(({ status }) => status === 200)).toBe(true);
    expect((await node.ok('GET', '/v1/slivers/a_b')).state).toBe('running');
  });

  it('one that never reads its events is cut off, and the daemon stays small', async () => {
    const socket = connect(`${node.run}/admin.sock`);
    let closed = false;
    socket.on('error', () => {});
    socket.on('close', () => {
      closed = true;
    });
    socket.write('GET /v1/events HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n\r\n');
    socket.pause();
    const before = resident();
    const script = 'x'.repeat(60_000);
    for (let i = 0; i < 40; i++) await node.ok('PATCH', '/v1/slivers/a_b', { initscript: `${script}${i}` });
    expect(resident() - before).toBeLessThan(64 << 20);
    socket.resume();
    socket.destroy();
    await until(() => closed, 'the socket to close');
    await alive();
  });

  it('one that never reads what its program writes holds the program, not the daemon', async () => {
    const socket = new WebSocket(`ws+unix:${node.run}/admin.sock:/v1/slivers/a_b/exec/stream`, {
      perMessageDeflate: false,
    });
    await new Promise((resolve) => socket.on('open', resolve));
    socket.send(JSON.stringify({ argv: ['cat', '/dev/zero'] }));
    socket.pause();
    const before = resident();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(resident() - before).toBeLessThan(32 << 20);
    socket.terminate();
    await until(
      async () => !(await node.exec('a_b', 'ps')).stdout.includes('cat /dev/zero'),
      'the program to be hung up',
    );
  });
});

describe('exec', () => {
  /** Runs a program over the stream with a terminal; everything it wrote. */
  const terminal = (argv: string[]) =>
    new Promise<{ output: string; end: { exitCode?: number } }>((resolve, reject) => {
      const socket = new WebSocket(`ws+unix:${node.run}/admin.sock:/v1/slivers/a_b/exec/stream`, {
        perMessageDeflate: false,
      });
      const chunks: Buffer[] = [];
      socket.on('error', reject);
      socket.on('open', () => socket.send(JSON.stringify({ argv, terminal: { columns: 100, rows: 30 } })));
      socket.on('message', (data: Buffer, binary) => {
        if (binary) chunks.push(data.subarray(1));
        else resolve({ output: Buffer.concat(chunks).toString('latin1'), end: JSON.parse(String(data)) });
      });
    });

  it('loses nothing of a terminal at its end, 40 times 200 kB', async () => {
    for (let i = 0; i < 40; i++) {
      const { output, end } = await terminal(['sh', '-c', 'head -c 200000 /dev/zero | tr "\\0" x; exit 5']);
      expect(end).toEqual({ exitCode: 5 });
      expect(output.length).toBe(200_000);
    }
  });

  it('loses nothing of a program that ends at once, 160 times, eight at a time', async () => {
    const one = async () => {
      for (let i = 0; i < 20; i++) {
        const { output, end } = await terminal(['echo', 'all of it']);
        expect([output, end]).toEqual(['all of it\r\n', { exitCode: 0 }]);
      }
    };
    await Promise.all(Array.from({ length: 8 }, one));
  });

  it('lets nothing that a program left on its terminal hold up its end', async () => {
    const { output, end } = await terminal(['sh', '-c', 'trap "" HUP; sleep 300 & echo $!; exit 3']);
    expect(end).toEqual({ exitCode: 3 });
    expect((await node.exec('a_b', 'kill', output.trim())).exitCode).toBe(0);
  });

  it('gives a terminal of the size asked for', async () => {
    // crun 1.8 gives the size a moment after the program has begun, with a SIGWINCH as for any change.
    const script = 'until stty size | grep -v "^0 0"; do sleep 0.02; done';
    expect((await terminal(['timeout', '10', 'sh', '-c', script])).output.trim()).toBe('30 100');
  });

  it('keeps streams apart, passes input, and tells status and missing programs', async () => {
    const run = (body: object) => node.ok('POST', '/v1/slivers/a_b/exec', body);
    expect(await run({ argv: ['sh', '-c', 'cat; echo err >&2; exit 7'], stdin: 'in' })).toMatchObject({
      exitCode: 7,
      stdout: 'in',
      stderr: 'err\n',
    });
    expect((await run({ argv: ['nonexistent'] })).exitCode).toBe(127);
    expect((await run({ argv: ['/etc/passwd'] })).exitCode).toBe(126);
    expect((await run({ argv: ['sh', '-c', 'kill -9 $$'] })).exitCode).toBe(137);
    expect(
      (
        await run({
          argv: ['sh', '-c', 'echo $A; pwd; id -u'],
          env: { A: 'b c' },
          cwd: '/tmp',
          user: '65534',
        })
      ).stdout,
    ).toBe('b c\n/tmp\n65534\n');
    expect(await run({ argv: ['head', '-c', '3000000', '/dev/zero'] })).toMatchObject({
      truncated: true,
      exitCode: 0,
    });
  });

  it('ends a program that takes too long', async () => {
    const late = await node.request('POST', '/v1/slivers/a_b/exec', {
      argv: ['sleep', '60'],
      timeoutSeconds: 0.5,
    });
    expect(late.status).toBe(503);
    await until(async () => !(await node.exec('a_b', 'ps')).stdout.includes('sleep 60'), 'it to be killed');
  });
});

describe('events', () => {
  it('are kept, paged, and resumed where a reader was', async () => {
    const { items } = await node.ok('GET', '/v1/events?limit=3');
    expect(items).toHaveLength(3);
    const rest = await node.ok('GET', `/v1/events?after=${items[2].id}`);
    expect(rest.items[0].id).toBe(items[2].id + 1);
    const seen = await new Promise<string>((resolve) => {
      const socket = connect(`${node.run}/admin.sock`);
      let text = '';
      socket.on('data', (data) => {
        text += data;
        if (/event: sliver\.changed\ndata: .*re_sumed/.test(text)) {
          socket.destroy();
          resolve(text);
        }
      });
      socket.write(
        `GET /v1/events HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\nlast-event-id: ${items[2].id}\r\n\r\n`,
      );
      void node
        .ok('POST', '/v1/slivers', { name: 're_sumed', image: 'small', desired: 'stopped' })
        .then(() => node.ok('PATCH', '/v1/slivers/re_sumed', { initscript: null }));
    }).catch((error) => String(error));
    expect(seen).toContain(`id: ${items[2].id + 1}\n`);
    expect(seen).not.toContain(`id: ${items[2].id}\n`);
    await node.ok('DELETE', '/v1/slivers/re_sumed');
  });
});
