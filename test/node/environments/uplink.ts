import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { pino } from 'pino';
import { openNetwork } from '../../../netns/index.ts';
import { NO_CAPS } from '../../../netns/network-limits.ts';
import type { SliverNetwork } from '../../../netns/sliver-network.ts';

/** An uplink in the network namespace that the test runs in, with the shared network behind it and one host outside. */
export class TestUplink {
  static readonly address = '198.51.100.10';
  static readonly outside = '198.51.100.1';
  static readonly address6 = '2001:db8::10';
  static readonly outside6 = '2001:db8::1';
  readonly network: SliverNetwork;
  readonly #host: ChildProcess;

  private constructor(network: SliverNetwork, host: ChildProcess) {
    this.network = network;
    this.#host = host;
  }

  /** @param cgroup that all slivers are in, from the root of the hierarchy */
  static async up(folder: string, cgroup: string): Promise<TestUplink> {
    const host = spawn('unshare', ['--net', '--', 'sh', '-c', 'ip link set lo up && echo && read _'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await once(host.stdout!, 'data');
    const { address, outside, address6, outside6 } = TestUplink;
    ip('link', 'add', 'up0', 'type', 'veth', 'peer', 'up0', 'netns', `${host.pid}`);
    ip('address', 'add', `${address}/24`, 'dev', 'up0');
    ip('-6', 'address', 'add', `${address6}/64`, 'dev', 'up0', 'nodad');
    ip('link', 'set', 'up0', 'up');
    const there = [`--net=/proc/${host.pid}/ns/net`, '--', 'ip'];
    execFileSync('nsenter', [...there, 'address', 'add', `${outside}/24`, 'dev', 'up0']);
    execFileSync('nsenter', [...there, '-6', 'address', 'add', `${outside6}/64`, 'dev', 'up0', 'nodad']);
    execFileSync('nsenter', [...there, 'link', 'set', 'up0', 'up']);
    for (const path of [folder, `/sys/fs/cgroup${cgroup}`]) mkdirSync(path, { recursive: true });
    const log = pino({ level: 'silent' });
    const options = {
      uplink: 'up0',
      runDirectory: folder,
      bpf: `${folder}/bpf`,
      cgroup: `/sys/fs/cgroup${cgroup}`,
      caps: NO_CAPS,
      refuse: [],
      log,
    };
    return new TestUplink(await openNetwork(options), host);
  }

  /** Runs a program on the host outside; its stdout, empty where it fails. */
  outside(...words: string[]): string {
    try {
      return execFileSync('nsenter', [`--net=/proc/${this.#host.pid}/ns/net`, '--', ...words], {
        encoding: 'utf8',
      });
    } catch {
      return '';
    }
  }

  links(): string {
    return ip('-brief', 'link');
  }

  async down(): Promise<void> {
    await this.network.down();
    ip('link', 'del', 'up0');
    this.#host.stdin!.end();
    if (this.#host.exitCode === null) await once(this.#host, 'exit');
  }
}

function ip(...words: string[]): string {
  return execFileSync('ip', words, { encoding: 'utf8' });
}
