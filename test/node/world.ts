import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';

/** An outside host and the router in front of it, for nodes of tests: addresses of RFC 5737, no way to anywhere else. */
export class World {
  static readonly address = '203.0.113.7';
  static readonly router = '198.51.100.1';
  readonly #host: ChildProcess;
  readonly #router: ChildProcess;
  #links = 0;

  private constructor(host: ChildProcess, router: ChildProcess) {
    this.#host = host;
    this.#router = router;
  }

  static async start(): Promise<World> {
    const world = new World(await namespace(), await namespace());
    world.#cable(world.#router, 'outside', '192.0.2.1/30', world.#host.pid ?? 0, 'eth0', '192.0.2.2/30');
    world.inside(
      'sh',
      '-c',
      `ip address add ${World.address}/32 dev lo; ip route add default via 192.0.2.1 src ${World.address}`,
    );
    world.inRouter(
      'sh',
      '-c',
      `ip route add ${World.address} via 192.0.2.2; ip link add nodes type bridge; ip address add ${World.router}/24 dev nodes;
       ip link set nodes up; sysctl -qw net.ipv4.ip_forward=1 net.ipv4.icmp_ratelimit=0`,
    );
    return world;
  }

  /** Gives the network namespace of a process an uplink `eth0` with a public address, and a default route. */
  connect(pid: number, address: string): void {
    const port = `n${++this.#links}`;
    execFileSync('nsenter', [
      ...enter(this.#router),
      'sh',
      '-c',
      `ip link add ${port} type veth peer name eth0 netns ${pid}; ip link set ${port} master nodes up`,
    ]);
    const there = `ip address add ${address}/24 dev eth0; ip link set eth0 up; ip route add default via ${World.router}`;
    execFileSync('nsenter', [`--net=/proc/${pid}/ns/net`, '--', 'sh', '-c', there]);
  }

  /** Runs a program on the outside host; its stdout. */
  inside(file: string, ...args: string[]): string {
    return execFileSync('nsenter', [...enter(this.#host), file, ...args], {
      encoding: 'utf8',
      timeout: 30_000,
    });
  }

  inRouter(file: string, ...args: string[]): string {
    return execFileSync('nsenter', [...enter(this.#router), file, ...args], { encoding: 'utf8' });
  }

  /** Starts a program on the outside host. */
  spawn(file: string, ...args: string[]): ChildProcess {
    return spawn('nsenter', [...enter(this.#host), file, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  }

  async stop(): Promise<void> {
    for (const holder of [this.#host, this.#router]) {
      holder.stdin?.end();
      if (holder.exitCode === null) await once(holder, 'exit');
    }
  }

  #cable(
    one: ChildProcess,
    name: string,
    address: string,
    other: number,
    otherName: string,
    otherAddress: string,
  ): void {
    const there = `nsenter --net=/proc/${other}/ns/net --`;
    execFileSync('nsenter', [
      ...enter(one),
      'sh',
      '-c',
      `ip link add ${name} type veth peer name ${otherName} netns ${other}; ip address add ${address} dev ${name}; ip link set ${name} up;
       ${there} ip address add ${otherAddress} dev ${otherName}; ${there} ip link set ${otherName} up`,
    ]);
  }
}

const enter = (holder: ChildProcess) => [`--net=/proc/${holder.pid}/ns/net`, '--'];

/** A network namespace that ends with this process, having lost its pipe. */
async function namespace(): Promise<ChildProcess> {
  const holder = spawn('unshare', ['--net', '--', 'sh', '-c', 'ip link set lo up && echo ready && read _'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  if (holder.stdout) await once(holder.stdout, 'data');
  return holder;
}
