import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Logger } from 'pino';
import type { Config } from './config.ts';
import { examine, type Finding } from './doctor/index.ts';

const AFTER_START = 30_000;

/**
 * What the doctor says of this node. A daemon that starts again in the same boot takes the last answer and lets the
 * doctor look in the background, so that a restart serves at once; the kernel under it is the same.
 */
export class Findings {
  readonly #config: Config;
  readonly #key: string;
  #current: readonly Finding[] = [];
  #timer: NodeJS.Timeout | undefined;
  #background: Promise<unknown> | undefined;
  #fresh = false;

  constructor(config: Config, version: string) {
    this.#config = config;
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    this.#key = [boot, version, config.cgroup, config.stateDirectory].join(' ');
  }

  get current(): readonly Finding[] {
    return this.#current;
  }

  async load(): Promise<void> {
    try {
      const kept = JSON.parse(readFileSync(this.#file, 'utf8')) as { key: string; findings: Finding[] };
      if (kept.key === this.#key) this.#current = kept.findings;
    } catch {
      // none, or damaged: looked for anew
    }
    if (this.#current.length === 0) await this.examine();
  }

  /** Tries everything again. */
  async examine(): Promise<Finding[]> {
    const { stateDirectory, runDirectory } = this.#config;
    const findings = await examine({ stateDirectory, runDirectory });
    this.#current = findings;
    this.#fresh = true;
    writeFileSync(`${this.#file}.new`, JSON.stringify({ key: this.#key, findings }), { mode: 0o600 });
    renameSync(`${this.#file}.new`, this.#file);
    return findings;
  }

  /** Looks once more when the start is over, if this daemon has not looked yet. */
  refresh(log: Logger): void {
    if (this.#fresh) return;
    const look = () => {
      this.#background = this.examine().catch((err) => log.error({ err }, 'the doctor failed'));
    };
    this.#timer = setTimeout(look, AFTER_START).unref();
  }

  /** Waits for a look in the background, which would leave what it was trying if it were cut off. */
  async idle(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#background;
  }

  get #file(): string {
    return `${this.#config.runDirectory}/doctor.json`;
  }
}
