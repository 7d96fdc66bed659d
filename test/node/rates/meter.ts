import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';

/** The outside host's meter (meter.py). */
export class Meter {
  readonly #process: ChildProcess;
  readonly #lines: Interface;

  private constructor(process: ChildProcess) {
    this.#process = process;
    this.#lines = createInterface({ input: process.stdout! });
  }

  /** @param namespace of the outside host */
  static async start(namespace: string): Promise<Meter> {
    const program = `${import.meta.dirname}/meter.py`;
    const meter = new Meter(
      spawn('ip', ['netns', 'exec', namespace, '/usr/bin/python3', program], {
        stdio: ['pipe', 'pipe', 'inherit'],
      }),
    );
    await meter.#line();
    return meter;
  }

  /** Bits per second that came in at each of its ports within these seconds. */
  async rates(seconds: number): Promise<Record<string, number>> {
    this.#process.stdin!.write(`${seconds}\n`);
    return JSON.parse(await this.#line());
  }

  stop(): void {
    this.#process.kill('SIGKILL');
  }

  #line(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#process.once('exit', reject);
      this.#lines.once('line', (line) => {
        this.#process.off('exit', reject);
        resolve(line);
      });
    });
  }
}
