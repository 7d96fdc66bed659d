import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { scratch } from './harness.ts';

/** A wall clock for one daemon, so many hours from the machine's. Nothing else sees it, neither do timers. */
export class FakeClock {
  readonly #folder = scratch('clock');

  constructor() {
    this.set(0);
  }

  /** Variables of the daemon that has this clock. */
  get environment(): Record<string, string> {
    const arch = readdirSync('/usr/lib').find((name) => existsSync(`/usr/lib/${name}/faketime`));
    return {
      LD_PRELOAD: `/usr/lib/${arch}/faketime/libfaketimeMT.so.1`,
      FAKETIME_TIMESTAMP_FILE: `${this.#folder}/offset`,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    };
  }

  set(hours: number): void {
    writeFileSync(`${this.#folder}/new`, `${hours < 0 ? '-' : '+'}${Math.abs(hours)}h`);
    renameSync(`${this.#folder}/new`, `${this.#folder}/offset`);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
