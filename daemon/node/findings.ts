import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Logger } from 'pino';
import { SliverdError } from '../errors.ts';
import type { Config } from './config.ts';
import { clearExaminations, examine, type Finding } from './doctor/index.ts';

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
  readonly #ending = new AbortController();
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
    else await clearExaminations(this.#config); // of a daemon that was killed in it
  }

  /** Tries everything again. */
  async examine(signal?: AbortSignal): Promise<Finding[]> {
    const { stateDirectory, runDirectory } = this.#config;
    const findings = await examine({ stateDirectory, runDirectory, ...(signal ? { signal } : {}) });
    this.#current = findings;
    this.#fresh = true;
    writeFileSync(`${this.#file}.new`, JSON.stringify({ key: this.#key, findings }), { mode: 0o600 });
    renameSync(`${this.#file}.new`, this.#file);
    return findings;
  }

  /** Looks once more when the start is over, if this daemon has not looked yet. */
  refresh(log: Logger): void {
    if (this.#fresh) return;
    const { signal } = this.#ending;
    const look = () => {
      this.#background = this.examine(signal).catch((err) => {
        if (!signal.aborted) log.error({ err }, 'the doctor failed');
      });
    };
    this.#timer = setTimeout(look, AFTER_START).unref();
  }

  /**
   * Ends a look in the background, and waits for what it is trying, which would stay if it were cut off: on a slow
   * machine the whole look takes longer than systemd waits for a daemon to end.
   */
  async idle(): Promise<void> {
    clearTimeout(this.#timer);
    this.#ending.abort(new SliverdError('busy', 'the node is going down'));
    await this.#background;
  }

  get #file(): string {
    return `${this.#config.runDirectory}/doctor.json`;
  }
}
