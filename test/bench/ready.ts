import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** A server that has the answer ready: what node:http itself costs. */
export async function ready(socket: string, body: string): Promise<ChildProcess> {
  const program = `
    const body = Buffer.from(process.argv[2]);
    require('node:http').createServer((_, answer) => {
      answer.setHeader('content-type', 'application/json; charset=utf-8');
      answer.end(body);
    }).listen(process.argv[1], () => console.log('ready'));`;
  const child = spawn(process.execPath, ['-e', program, socket, body], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout!, 'data');
  return child;
}
