import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Client, listAll } from '../../daemon/cli/connection/client.ts';
import { chooseSocket } from '../../daemon/cli/connection/endpoint.ts';
import { subscribe } from '../../daemon/cli/connection/events.ts';
import { CliError, EXIT, exitOfCode, problemError } from '../../daemon/cli/exit.ts';
import { EventParser } from '../../daemon/client/event-parser.ts';
import { ERRORS } from '../../daemon/errors.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'sliverctl-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function socket(...parts: string[]): string {
  const at = path.join(folder, ...parts, 'admin.sock');
  mkdirSync(path.dirname(at), { recursive: true });
  writeFileSync(at, '');
  return at;
}

function failure(work: () => unknown): CliError {
  try {
    work();
  } catch (error) {
    if (error instanceof CliError) return error;
  }
  throw new Error('it did not fail');
}

describe('choice of the node', () => {
  it('tells what to do when there is none', () => {
    const error = failure(() => chooseSocket({}, {}, folder));
    expect(error.exit).toBe(EXIT.unreachable);
    expect(error.next).toMatch(/quickstart/);
  });
  it('prefers what is said over what is there', () => {
    const own = socket();
    const trial = socket('nodes', 'trial');
    expect(chooseSocket({ socket: '/a' }, { SLIVERD_SOCKET: '/b' }, folder)).toBe('/a');
    expect(chooseSocket({ node: 'trial' }, { SLIVERD_SOCKET: '/b' }, folder)).toBe(trial);
    expect(chooseSocket({}, { SLIVERD_SOCKET: '/b' }, folder)).toBe('/b');
    expect(chooseSocket({}, {}, folder)).toBe(own);
  });
  it('takes the only other node, and asks when there are several', () => {
    const trial = socket('nodes', 'trial');
    expect(chooseSocket({}, {}, folder)).toBe(trial);
    socket('nodes', 'second');
    const error = failure(() => chooseSocket({}, {}, folder));
    expect(error.exit).toBe(EXIT.usage);
    expect(error.message).toContain('second, trial');
    expect(error.next).toContain('--node second');
  });
  it('names the nodes there are when one is not', () => {
    socket('nodes', 'trial');
    expect(failure(() => chooseSocket({ node: 'other' }, {}, folder)).next).toContain('trial');
    expect(failure(() => chooseSocket({ node: '../x' }, {}, folder)).exit).toBe(EXIT.usage);
    expect(failure(() => chooseSocket({ node: 'a', socket: 'b' }, {}, folder)).exit).toBe(EXIT.usage);
  });
});

describe('exit codes', () => {
  it('exist for every code of the catalogue', () => {
    const codes = Object.fromEntries(Object.keys(ERRORS).map((code) => [code, exitOfCode(code)]));
    expect(codes).toMatchObject({
      'bad-name': 2,
      'bad-rspec': 2,
      'not-found': 3,
      exists: 4,
      'in-use': 4,
      'wrong-state': 4,
      'not-settled': 6,
      'no-capacity': 1,
      internal: 1,
    });
    expect(exitOfCode('of-a-newer-daemon', 409)).toBe(4);
    expect(exitOfCode(undefined, 500)).toBe(1);
  });
  it('come with a next step', () => {
    const error = problemError({ code: 'not-settled', detail: 'no' }, 503, '/v1/slivers/ucb_p2ps/start');
    expect(error.next).toContain('sliver show ucb_p2ps');
    const missing = problemError({ code: 'not-found', detail: 'no sliver' }, 404, '/v1/slivers/a_b');
    expect(missing.next).toContain('sliver list');
  });
});

describe('events', () => {
  const event = { id: 1, time: '2026-01-01T00:00:00Z', type: 'a', subject: 'b', data: {} };
  it('are put together from any pieces', () => {
    const text = `: hello\n\nid: 1\nevent: a\ndata: ${JSON.stringify(event)}\n\r\ndata: not json\n\ndata:${JSON.stringify(event)}\r\n\r\n`;
    for (const size of [1, 7, 1000]) {
      const parser = new EventParser();
      const found = [];
      for (let at = 0; at < text.length; at += size) found.push(...parser.feed(text.slice(at, at + size)));
      expect(found).toEqual([event, event]);
    }
  });
});

describe('a connection', () => {
  let server: http.Server;
  let client: Client;
  beforeEach(async () => {
    const at = path.join(folder, 's');
    server = http.createServer((request, response) => {
      const json = (status: number, body: unknown, type = 'application/json') =>
        response.writeHead(status, { 'content-type': type }).end(JSON.stringify(body));
      const url = new URL(request.url!, 'http://localhost');
      if (url.pathname === '/v1/echo') json(200, { method: request.method, headers: request.headers });
      else if (url.pathname === '/v1/pages')
        json(
          200,
          url.searchParams.get('after') === 'b'
            ? { items: ['c'], next: null }
            : { items: ['a', 'b'], next: 'b' },
        );
      else if (url.pathname === '/v1/events') {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('data: {"id":5,"type":"x","subject":"y","data":{}}\n\n');
      } else if (url.pathname === '/v1/cut')
        response.writeHead(200, { 'content-length': 100 }).write('x', () => response.destroy());
      else if (url.pathname === '/v1/gone') response.writeHead(204).end();
      else
        json(409, { code: 'in-use', detail: 'in use by a_b', usedBy: ['a_b'] }, 'application/problem+json');
    });
    await new Promise<void>((resolve) => server.listen(at, resolve));
    client = new Client(at);
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  it('sends JSON and asks not to wait', async () => {
    const answer = await client.request<{ method: string; headers: Record<string, string> }>(
      'POST',
      '/v1/echo',
      {
        body: { a: 'ä' },
        noWait: true,
      },
    );
    expect(answer.method).toBe('POST');
    expect(answer.headers).toMatchObject({ prefer: 'respond-async', 'content-length': '10' });
    expect(await client.request('DELETE', '/v1/gone')).toBeUndefined();
  });
  it('makes errors of problems', async () => {
    const error = await client.get('/v1/images/x').catch((error) => error);
    expect(error).toBeInstanceOf(CliError);
    expect(error).toMatchObject({
      exit: EXIT.conflict,
      message: 'in use by a_b',
      problem: { usedBy: ['a_b'] },
    });
  });
  it('gathers pages', async () => {
    expect(await listAll(client, '/v1/pages')).toEqual(['a', 'b', 'c']);
  });
  it('follows events until closed', async () => {
    const events = await subscribe(client, { subject: 'y' });
    for await (const event of events) {
      expect(event.id).toBe(5);
      events.close();
    }
  });
  it('tells that the daemon went away', async () => {
    await expect(client.get('/v1/cut')).rejects.toMatchObject({ exit: EXIT.unreachable });
    const none = new Client(path.join(folder, 'none'));
    await expect(none.get('/v1/node')).rejects.toMatchObject({ exit: EXIT.unreachable });
  });
});

describe('the program', () => {
  const main = path.resolve('daemon/cli/main.ts');
  const run = (...words: string[]) =>
    promisify(execFile)(process.execPath, [main, ...words], {
      env: { ...process.env, SLIVERD_SOCKET: path.join(folder, 'none'), XDG_CACHE_HOME: folder },
    }).then(
      ({ stdout, stderr }) => ({ status: 0, stdout, stderr }),
      ({ code, stdout, stderr }) => ({ status: code as number, stdout, stderr }),
    );
  it('keeps its exit codes and its streams', async () => {
    expect((await run('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(await run('sliver', 'crate')).toMatchObject({ status: 2, stdout: '' });
    const json = await run('status', '--json');
    expect(json).toMatchObject({ status: 5, stdout: '' });
    expect(JSON.parse(json.stderr)).toMatchObject({ code: 'unreachable' });
    expect(await run('sliver', 'exec', 'a_b', 'true')).toMatchObject({ status: 125 });
  });
  it('writes completions for every shell', async () => {
    for (const shell of ['bash', 'zsh', 'fish']) {
      const { status, stdout } = await run('completion', shell);
      expect(status).toBe(0);
      expect(stdout).toContain('memory.max=');
      expect(stdout).not.toContain('hidden');
    }
    expect(await run('__complete', 'sliver')).toEqual({ status: 0, stdout: '', stderr: '' });
  });
});
