import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { scratch, TestNode, until } from '../harness.ts';
import { networkImageTar } from '../image.ts';
import { makeKey, sshOptions } from '../ssh.ts';
import { World } from '../world.ts';

export const ADDRESS = '198.51.100.10';
export const PORT = 2222;
export const [ONE, TWO] = ['cl_one', 'cl_two'];

/**
 * A node whose slivers are Debian with what people use, and a host outside, from where they come. Two slices, each with
 * the key; `Host *` of the configuration says the rest, so that a client is called as a person would.
 */
export class House {
  readonly world: World;
  readonly node: TestNode;
  readonly folder: string;

  private constructor(world: World, node: TestNode, folder: string) {
    this.world = world;
    this.node = node;
    this.folder = folder;
  }

  static async open(): Promise<House> {
    const folder = scratch('clients');
    const world = new World();
    const node = await TestNode.start(`access:\n  port: ${PORT}\n`, {}, (pid) => world.connect(pid, ADDRESS));
    const house = new House(world, node, folder);
    makeKey(house.key);
    const keys = [readFileSync(`${house.key}.pub`, 'utf8').trim()];
    await house.ok('POST', '/v1/images', { name: 'network', source: { path: await networkImageTar() } });
    for (const name of [ONE, TWO]) await house.ok('POST', '/v1/slivers', { name, image: 'network', keys });
    const lines = sshOptions(house.key, PORT).filter((word) => word.includes('='));
    writeFileSync(house.config, [`IdentityFile=${house.key}`, ...lines].join('\n'));
    await until(() => house.ssh(ONE, 'true').status === 0, 'the door to open');
    return house;
  }

  get key(): string {
    return `${this.folder}/key`;
  }
  get config(): string {
    return `${this.folder}/config`;
  }

  at(slice = ONE): string {
    return `${slice}@${ADDRESS}`;
  }

  /** Runs a program on the host outside. */
  outside(input: string | Buffer, file: string, ...words: string[]): SpawnSyncReturns<string> {
    return spawnSync('ip', ['netns', 'exec', this.world.namespace('world'), file, ...words], {
      encoding: 'utf8',
      input,
      timeout: 90_000,
      maxBuffer: 1e9,
      env: { ...process.env, HOME: this.folder },
    });
  }

  /** The same, which goes on; its standard output as text. */
  begin(file: string, ...words: string[]) {
    const child = spawn('ip', ['netns', 'exec', this.world.namespace('world'), file, ...words], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, HOME: this.folder },
    });
    const begun = { child, said: '' };
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data) => {
        begun.said += data;
      });
    return begun;
  }

  /** OpenSSH's, to a slice, with options before it. */
  ssh(slice: string, ...words: string[]): SpawnSyncReturns<string> {
    return this.sshWith([], slice, ...words);
  }
  sshWith(options: readonly string[], slice: string, ...words: string[]): SpawnSyncReturns<string> {
    return this.outside('', 'ssh', '-F', this.config, ...options, this.at(slice), ...words);
  }

  /**
   * A request to the node that must succeed, by a connection of its own: while a client is waited for nothing else goes
   * on here, and the node closes connections that are silent for seconds.
   */
  async ok(method: string, path: string, body?: unknown) {
    const { status, body: said } = await this.node.request(method, path, body, { connection: 'close' });
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(said)}`);
    return said;
  }

  async close(): Promise<void> {
    await this.node.stop().finally(() => this.world.stop());
    rmSync(this.folder, { recursive: true, force: true });
  }
}
