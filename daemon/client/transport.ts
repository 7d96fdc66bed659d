import { spawn } from 'node:child_process';
import { Agent, type ClientRequest } from 'node:http';
import { connect, Socket } from 'node:net';
import { Duplex } from 'node:stream';

/** Opens a connection to a manager: a stream that carries HTTP/1.1. */
export type Connect = () => Duplex;

/** By a socket: `/run/sliverd/manager.sock` in a sliver, `/run/sliverd/admin.sock` for the administrator. */
export function socket(path: string): Connect {
  return () => connect(path);
}

/**
 * By a program whose input and output are the connection, such as `ssh SLICE@NODE -s manager`. It is started for each connection and
 * ended with it. When it ends too early, what it wrote to its standard error is the reason.
 */
export function program(file: string, args: readonly string[]): Connect {
  return () => {
    const child = spawn(file, args, { stdio: 'pipe' });
    const { stdin, stdout, stderr } = child;
    const stream = new Duplex({
      read: () => void stdout.resume(),
      // Why one that has ended took nothing is told below.
      write: (piece: Buffer, _encoding, done) => void stdin.write(piece, () => done()),
      final: (done) => void stdin.end(() => done()),
      destroy: (error, done) => {
        if (child.exitCode === null && child.signalCode === null) child.kill();
        done(error);
      },
    });
    let said = '';
    stdin.on('error', () => {});
    stdout.on('data', (piece: Buffer) => stream.push(piece) || stdout.pause());
    stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-1000);
    });
    child.on('error', (cause) => stream.destroy(new Error(`could not start ${file}`, { cause })));
    child.on('close', (code) => {
      if (code)
        stream.destroy(new Error(`${file} ended with status ${code}: ${said.trim() || 'it said nothing'}`));
      else stream.push(null);
    });
    return stream;
  };
}

/** node:http over such streams, which need not be sockets. They are kept between requests, as a program may take long to connect. */
export class StreamAgent extends Agent {
  readonly #connect: Connect;

  constructor(connect: Connect, maxSockets: number) {
    super({ keepAlive: true, maxSockets });
    this.#connect = connect;
  }

  override createConnection(): Duplex {
    return this.#connect();
  }

  // What node's own do with sockets (TCP's keepalive, a time limit, whether the process stays for them) others haven't.
  override keepSocketAlive(stream: Duplex): boolean {
    return stream instanceof Socket ? (super.keepSocketAlive(stream) as unknown as boolean) : true;
  }

  override reuseSocket(stream: Duplex, request: ClientRequest): void {
    if (stream instanceof Socket) super.reuseSocket(stream, request);
  }
}
