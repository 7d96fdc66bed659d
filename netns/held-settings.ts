import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { readSysctl, setSysctl } from './sysctl.ts';

/**
 * Settings of the owner's machine that are other than they were as long as the node is up. A file tells what they
 * were, ahead of each change, so that they are put back by whichever daemon takes the node down.
 */
export class HeldSettings {
  readonly #file: string;
  readonly #held: Map<string, { was: string; now: string }>;

  /** @param file where a reboot forgets it, as it does the settings */
  constructor(file: string) {
    this.#file = file;
    this.#held = new Map(Object.entries(JSON.parse(read(file) || '{}')));
  }

  /** @param name below /proc/sys/net */
  hold(name: string, now: string): void {
    const known = this.#held.get(name);
    if (known?.now !== now) {
      this.#held.set(name, { was: known?.was ?? readSysctl(name), now });
      this.#write();
    }
    setSysctl(name, now);
  }

  /** What a setting would be without us. */
  was(name: string): string {
    return this.#held.get(name)?.was ?? readSysctl(name);
  }

  /** Whether it is other than it was, or kept as it was. */
  holds(name: string): boolean {
    return this.#held.has(name);
  }

  /** Sets anew what somebody has set otherwise. */
  keep(): void {
    for (const [name, { now }] of this.#held) trySetting(name, now);
  }

  /** Puts all of them back, the last that was changed first: one may have changed others with it. */
  giveBack(): void {
    for (const [name, { was }] of [...this.#held].reverse()) trySetting(name, was);
    this.#held.clear();
    this.#write();
  }

  #write(): void {
    if (this.#held.size === 0) {
      rmSync(this.#file, { force: true });
      return;
    }
    writeFileSync(`${this.#file}.new`, JSON.stringify(Object.fromEntries(this.#held)));
    renameSync(`${this.#file}.new`, this.#file);
  }
}

/** A link may be gone, and its settings with it. */
function trySetting(name: string, value: string): void {
  try {
    setSysctl(name, value);
  } catch {}
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
