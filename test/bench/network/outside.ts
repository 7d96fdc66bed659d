import { execFileSync } from 'node:child_process';

/**
 * The outside host, a network namespace, and a cable from it to each host that is measured: direct neighbours, since
 * every router between would add its own noise to what is measured in microseconds.
 */
export class Outside {
  readonly pid: number;
  #hosts = 0;

  constructor(pid: number) {
    this.pid = pid;
    this.#in(pid, 'ip', 'link', 'set', 'lo', 'up');
  }

  /** Gives the network namespace of a process an uplink `eth0` and a default route; returns its address. */
  connect(host: number): string {
    const [link, network] = [`h${++this.#hosts}`, `198.51.100.${this.#hosts * 4}`];
    const [here, there] = [1, 2].map((last) => network.replace(/\d+$/, String(this.#hosts * 4 + last)));
    this.#in(
      this.pid,
      'ip',
      'link',
      'add',
      link,
      'type',
      'veth',
      'peer',
      'name',
      'eth0',
      'netns',
      String(host),
    );
    this.#in(this.pid, 'ip', 'address', 'add', `${here}/30`, 'dev', link);
    this.#in(this.pid, 'ip', 'link', 'set', link, 'up');
    this.#in(host, 'ip', 'link', 'set', 'lo', 'up');
    this.#in(host, 'ip', 'address', 'add', `${there}/30`, 'dev', 'eth0');
    this.#in(host, 'ip', 'link', 'set', 'eth0', 'up');
    this.#in(host, 'ip', 'route', 'add', 'default', 'via', here ?? '');
    return there ?? '';
  }

  /** Puts a host behind another, which forwards to it and tracks connections, and nothing else; returns its address. */
  connectBehind(router: number, host: number): string {
    const address = this.connect(router);
    const [here, there] = ['10.0.0.1', '10.0.0.2'];
    const words = ['ip', 'link', 'add', 'inner', 'type', 'veth', 'peer', 'name', 'eth0', 'netns'];
    this.#in(router, ...words, String(host));
    this.#in(router, 'ip', 'address', 'add', `${here}/30`, 'dev', 'inner');
    this.#in(router, 'ip', 'link', 'set', 'inner', 'up');
    for (const setting of ['ipv4/ip_forward', 'netfilter/nf_conntrack_acct'])
      this.#in(router, 'sh', '-c', `echo 1 > /proc/sys/net/${setting}`);
    const chain = 'add chain ip router seen { type filter hook prerouting priority 0; }';
    this.#in(router, 'nft', `add table ip router; ${chain}; add rule ip router seen ct state new accept`);
    this.#in(host, 'ip', 'link', 'set', 'lo', 'up');
    this.#in(host, 'ip', 'address', 'add', `${there}/30`, 'dev', 'eth0');
    this.#in(host, 'ip', 'link', 'set', 'eth0', 'up');
    this.#in(host, 'ip', 'route', 'add', 'default', 'via', here);
    this.#in(this.pid, 'ip', 'route', 'add', there, 'via', address);
    return there;
  }

  /** From now on it takes what comes to these addresses, and says nothing. */
  swallow(prefix: string): void {
    this.#in(this.pid, 'ip', 'route', 'add', 'blackhole', prefix);
  }

  #in(pid: number, ...words: string[]): void {
    execFileSync('nsenter', [`--net=/proc/${pid}/ns/net`, '--', ...words]);
  }
}
