import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, openSync, readFileSync } from 'node:fs';
import { request, until } from '../harness.ts';

/** A Docker engine of the test's own, in the namespaces that the test runs in, with everything of it in one folder. */
export class TestEngine {
  readonly socket: string;
  readonly #folder: string;
  #process: ChildProcess | undefined;

  constructor(folder: string) {
    this.#folder = folder;
    this.socket = `${folder}/docker.sock`;
  }

  async start(patience = 60_000): Promise<void> {
    mkdirSync(this.#folder, { recursive: true });
    const log = openSync(`${this.#folder}/log`, 'a');
    const deadline = performance.now() + patience;
    for (let serves = false; !serves; ) {
      const engine = spawn('dockerd', this.#flags(), { stdio: ['ignore', log, log] });
      engine.on('error', () => {});
      this.#process = engine;
      // The socket is there long before anybody answers.
      await until(
        async () => {
          serves = await request(this.socket, 'GET', '/_ping').then(
            ({ status }) => status === 200,
            () => false,
          );
          return serves || engine.exitCode !== null;
        },
        `dockerd to serve (${this.#folder}/log)`,
        patience,
      );
      // It gives its containerd 15 s, too little where processors are emulated and it is read for the first time.
      const again = /waiting for containerd/.test(this.#said) && performance.now() < deadline;
      if (!serves && !again) throw new Error(`dockerd ended: ${this.#said}`);
    }
  }

  get #said(): string {
    return readFileSync(`${this.#folder}/log`, 'utf8').slice(-2000);
  }

  #flags(): string[] {
    return [
      ...['--data-root', `${this.#folder}/data`, '--exec-root', `${this.#folder}/exec`],
      ...['--host', `unix://${this.socket}`, '--pidfile', `${this.#folder}/pid`],
      ...['--iptables=false', '--ip6tables=false', '--bridge=none'],
      ...['--exec-opt', 'native.cgroupdriver=cgroupfs'],
    ];
  }

  /** Stops the engine, and with it its containers; what it stores stays, until the folder is removed. */
  async stop(patience = 60_000): Promise<void> {
    this.#process?.kill('SIGTERM');
    await until(
      () => this.#process?.exitCode !== null || this.#process.signalCode !== null,
      'dockerd to end',
      patience,
    );
  }
}
