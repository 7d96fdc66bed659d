import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type ErrorCode, SliverdError } from '../errors.ts';
import { HOST_ENV } from '../kernel/run.ts';

export interface ProgramOptions {
  /** What its stdin is; nothing unless given. */
  stdin?: 'pipe' | number;
  env?: Record<string, string>;
  /** Each line it writes to stderr. */
  onLine?: (line: string) => void;
  /** Kills it. */
  signal?: AbortSignal;
  /** Of the error when it fails. */
  code?: ErrorCode;
}

/**
 * A program of the host that streams: it dies with the daemon (kill -9 included), and its complaints become the
 * error. `run` in kernel/run.ts is for what ends soon.
 */
export class Program {
  readonly child: ChildProcess;
  readonly #file: string;
  readonly #code: ErrorCode;
  readonly #signal: AbortSignal | undefined;
  readonly #closed: Promise<void>;
  #complaints: string[] = [];
  #failure: Error | undefined;

  constructor(file: string, args: string[], options: ProgramOptions = {}) {
    this.#file = file;
    this.#code = options.code ?? 'host-tool';
    this.#signal = options.signal;
    const stdio: StdioOptions = [options.stdin ?? 'ignore', 'pipe', 'pipe'];
    this.child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', file, ...args], {
      stdio,
      env: { ...HOST_ENV, ...options.env },
      killSignal: 'SIGKILL',
      ...(options.signal ? { signal: options.signal } : {}),
    });
    this.child.on('error', (error) => {
      this.#failure = error;
    });
    this.#closed = new Promise((resolve) => this.child.once('close', () => resolve()));
    // Each writer of the other end learns of a program that went away by how it ended.
    this.child.stdin?.on('error', () => {});
    let rest = '';
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split(/[\n\r]/);
      rest = lines.pop()?.slice(-4096) ?? '';
      for (const line of lines) this.#line(line, options.onLine);
    });
    this.child.stderr?.on('end', () => this.#line(rest, options.onLine));
  }

  #line(line: string, onLine: ProgramOptions['onLine']): void {
    if (line.trim() === '') return;
    this.#complaints = [...this.#complaints.slice(-5), line.trim().slice(0, 500)];
    onLine?.(line);
  }

  /** Its stdout; at the end throws when the program failed. Leaving the loop early kills it. */
  async *output(): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of this.child.stdout!) yield chunk as Buffer;
      await this.success();
    } finally {
      await this.kill();
    }
  }

  /** Writes to its stdin, no faster than it reads. */
  async write(chunk: Buffer): Promise<void> {
    const stdin = this.child.stdin!;
    if (!stdin.writable) return this.#gone();
    if (stdin.write(chunk)) return;
    await Promise.race([once(stdin, 'drain'), this.#closed]).catch(() => {});
    if (!stdin.writable) return this.#gone();
  }

  /** Ended already, with somebody still writing to it: that is a failure whatever its status. */
  async #gone(): Promise<void> {
    await this.success();
    throw this.#error('ended before it had read everything');
  }

  /** Waits for its end; throws unless it succeeded. */
  async success(): Promise<void> {
    await this.#closed;
    this.#signal?.throwIfAborted();
    if (this.child.exitCode !== 0)
      throw this.#error(`ended with ${this.child.signalCode ?? this.child.exitCode}`);
  }

  #error(how: string): SliverdError {
    const missing = this.child.exitCode === 127;
    const why = missing
      ? `${this.#file} is not installed (run 'sliverctl doctor')`
      : this.#complaints.join('; ') || how;
    const code = missing ? 'host-tool' : why.includes('No space left on device') ? 'no-capacity' : this.#code;
    return new SliverdError(code, `${this.#file}: ${why}`, {
      ...(this.#failure ? { cause: this.#failure } : {}),
      extra: { program: this.#file },
    });
  }

  /** Ends it, if it has not ended, and waits until it is gone. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    this.child.stdout?.resume();
    await this.#closed;
  }
}
