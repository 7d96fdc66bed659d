import { type ChildProcess, execFileSync, spawn } from 'node:child_process';

const INTERNET = new URL('../../scripts/lib/internet', import.meta.url).pathname;
let worlds = 0;

/** The internet of sandbox nodes (scripts/lib/internet) for the nodes of one test file. */
export class World {
  /** Of the outside host. */
  static readonly address = '203.0.113.7';
  static readonly address6 = '2001:db8:ffff::7';
  readonly #name = `sliverd-test-${process.pid}-${++worlds}`;

  constructor() {
    execFileSync(INTERNET, [this.#name, 'up']);
  }

  /** Gives the network namespace of a process an uplink `eth0` with that address, and a default route. */
  connect(pid: number, address: string): void {
    execFileSync(INTERNET, [this.#name, 'connect', String(pid), address]);
  }

  /** Runs a program in the network namespace of a process; its stdout. */
  enter(pid: number, file: string, ...args: string[]): string {
    return execFileSync('nsenter', [`--net=/proc/${pid}/ns/net`, file, ...args], { encoding: 'utf8' });
  }

  /** The network namespace of the outside host, or of a router. */
  namespace(host: 'world' | 'r1' | 'r2' | 'r3'): string {
    return `${this.#name}-${host}`;
  }

  /** Runs a program on the outside host, or a router (`r1` is next to the nodes); its stdout. */
  inside(host: 'world' | 'r1' | 'r2' | 'r3', file: string, ...args: string[]): string {
    return execFileSync('ip', ['netns', 'exec', `${this.#name}-${host}`, file, ...args], {
      encoding: 'utf8',
      timeout: 60_000,
    });
  }

  /** Makes the link between the second and the third router so wide: 1500 is usual. */
  narrow(mtu: number): void {
    this.inside('r2', 'ip', 'link', 'set', 'out', 'mtu', String(mtu));
    this.inside('r3', 'ip', 'link', 'set', 'in', 'mtu', String(mtu));
  }

  /** Starts a program on the outside host. */
  spawn(file: string, ...args: string[]): ChildProcess {
    return spawn('ip', ['netns', 'exec', `${this.#name}-world`, file, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  }

  stop(): void {
    execFileSync(INTERNET, [this.#name, 'down']);
  }
}
