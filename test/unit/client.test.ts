import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Client, ProblemError } from '../../daemon/client/index.ts';

/** The client against servers that do what no manager does. */
let folder: string;
let server: Server;
let client: Client;
const serve = (listener: RequestListener) =>
  new Promise<void>((resolve) => {
    server = createServer(listener).listen(`${folder}/s`, resolve);
  });

beforeEach(() => {
  folder = mkdtempSync(`${tmpdir()}/sliverd-client-`);
  client = new Client(`${folder}/s`);
});
afterEach(() => {
  client.close();
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

it('an error that is no problem document is told as it is', async () => {
  await serve((_request, response) => response.writeHead(502, { 'content-type': 'text/html' }).end('<p>no'));
  const error = await client.request('GET', '/v1/node').catch((cause) => cause);
  expect(error).toBeInstanceOf(ProblemError);
  expect(error).toMatchObject({ status: 502, code: '', message: '<p>no', problem: { type: 'about:blank' } });
});

it('a request whose connection is lost is not sent again', async () => {
  let heard = 0;
  await serve((request, response) => {
    if (++heard === 1) response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    else request.socket.destroy();
  });
  await client.request('GET', '/v1/node');
  await expect(client.request('GET', '/v1/node')).rejects.toThrow(/hang up|ECONNRESET/);
  expect(heard).toBe(2);
});

it('streams of events keep no request waiting', async () => {
  await serve((request, response) => {
    if (request.url === '/v1/events')
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: {"id":1}\n\n');
    else response.writeHead(200, { 'content-type': 'application/json' }).end('{"name":"n"}');
  });
  const streams = Array.from({ length: 20 }, () => client.events());
  await Promise.all(streams.map((stream) => stream.next()));
  expect((await client.request('GET', '/v1/node')).name).toBe('n');
  await Promise.all(streams.map((stream) => stream.return()));
});

it('a stream goes on behind the last event, and ends with what it is refused', async () => {
  const asked: unknown[] = [];
  await serve((request, response) => {
    asked.push(request.headers['last-event-id']);
    if (asked.length === 3)
      return void response
        .writeHead(403, { 'content-type': 'application/problem+json' })
        .end('{"code":"denied"}');
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: {"id":7}\n\ndata: {"id":0}\n\n', () => request.socket.destroy());
  });
  const ids: number[] = [];
  const read = async () => {
    for await (const { id } of client.events()) ids.push(id);
  };
  await expect(read()).rejects.toMatchObject({ code: 'denied' });
  expect([ids, asked]).toEqual([
    [7, 0, 7, 0],
    [undefined, '7', '7'],
  ]);
});
