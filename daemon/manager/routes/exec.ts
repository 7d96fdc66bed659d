import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Static, Type } from 'typebox';
import type { WebSocket } from 'ws';
import { execSession } from '../../access/exec-session.ts';
import type { ExecProcess } from '../../environments/environment.ts';
import { SliverdError } from '../../errors.ts';
import type { Manager, Server } from '../context.ts';
import { Exec, ExecResult } from '../schemas.ts';

const Params = Type.Object({ name: Type.String({ maxLength: 256 }) });
const MOST = 1024 * 1024;
const tags = ['slivers'];

export function execRoutes(server: Server, manager: Manager): void {
  server.post(
    '/v1/slivers/:name/exec',
    {
      schema: {
        summary: 'Runs a program in a sliver to its end and answers with what it wrote',
        tags,
        params: Params,
        body: Exec,
        response: { 200: ExecResult },
      },
    },
    async ({ params, body }) => {
      const { record, environment } = manager.slivers.entered(params.name);
      const { stdin, timeoutSeconds = 60, ...request } = body;
      const process = await environment.exec(record, request);
      process.stdin.end(stdin ?? '');
      const [stdout, stderr, end] = await Promise.all([
        collect(process.stdout),
        process.stderr ? collect(process.stderr) : { text: '', truncated: false },
        within(process, timeoutSeconds, params.name),
      ]).catch((error) => {
        process.abandon(); // what it started in the background may hold its streams for ever
        throw error;
      });
      return {
        exitCode: 'exitCode' in end ? end.exitCode : null,
        signal: 'signal' in end ? end.signal : null,
        stdout: stdout.text,
        stderr: stderr.text,
        truncated: stdout.truncated || stderr.truncated,
      };
    },
  );

  server.route({
    method: 'GET',
    url: '/v1/slivers/:name/exec/stream',
    schema: { hide: true, params: Params }, // OpenAPI has no words for it: docs/api.md
    handler: async ({ params }) => {
      manager.store.get((params as Static<typeof Params>).name);
      throw new SliverdError('bad-request', 'this is a WebSocket: ask with its upgrade (docs/api.md)');
    },
    wsHandler: (socket: WebSocket, { params }) =>
      execSession(socket, () => manager.slivers.entered((params as Static<typeof Params>).name)),
  });
}

/** Reads to the end, keeping the first MiB: a program that writes more is not held up, and memory stays bounded. */
async function collect(stream: Readable): Promise<{ text: string; truncated: boolean }> {
  const kept: Buffer[] = [];
  let length = 0;
  let truncated = false;
  for await (const chunk of stream) {
    if (length < MOST) kept.push(chunk.subarray(0, MOST - length));
    length += chunk.length;
    truncated ||= length > MOST;
  }
  return { text: Buffer.concat(kept).toString('utf8'), truncated };
}

async function within(process: ExecProcess, seconds: number, name: string) {
  const cancel = new AbortController();
  const late = sleep(seconds * 1000, undefined, { signal: cancel.signal, ref: false }).then(
    () => {
      process.kill('SIGKILL');
      throw new SliverdError(
        'busy',
        `the program in ${name} did not end in ${seconds} s and was killed (timeoutSeconds)`,
      );
    },
    () => new Promise<never>(() => {}),
  );
  try {
    return await Promise.race([process.ended, late]);
  } finally {
    cancel.abort();
  }
}
