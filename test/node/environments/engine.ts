import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { until } from '../harness.ts';

/** A Docker engine of the test's own, in the namespaces that the test runs in, with everything of it in one folder. */
export class TestEngine {
  readonly socket: string;
  readonly #folder: string;
  #process: ChildProcess | undefined;

  constructor(folder: string) {
    this.#folder = folder;
    this.socket = `${folder}/docker.sock`;
  }

  async start(): Promise<void> {
    mkdirSync(this.#folder, { recursive: true });
    const log = openSync(`${this.#folder}/log`, 'a');
    this.#process = spawn(
      'dockerd',
      [
        ...['--data-root', `${this.#folder}/data`, '--exec-root', `${this.#folder}/exec`],
        ...['--host', `unix://${this.socket}`, '--pidfile', `${this.#folder}/pid`],
        ...['--iptables=false', '--ip6tables=false', '--bridge=none'],
        ...['--exec-opt', 'native.cgroupdriver=cgroupfs'],
      ],
      { stdio: ['ignore', log, log] },
    );
    this.#process.on('error', () => {});
    await until(
      () => existsSync(this.socket) || this.#process?.exitCode !== null,
      `dockerd to serve (${this.#folder}/log)`,
      60_000,
    );
    if (!existsSync(this.socket))
      throw new Error(`dockerd ended: ${readFileSync(`${this.#folder}/log`, 'utf8').slice(-2000)}`);
  }

  /** Stops the engine, and with it its containers; what it stores stays, until the folder is removed. */
  async stop(): Promise<void> {
    this.#process?.kill('SIGTERM');
    await until(
      () => this.#process?.exitCode !== null || this.#process.signalCode !== null,
      'dockerd to end',
      60_000,
    );
  }
}
