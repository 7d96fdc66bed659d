import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestNode, until } from './harness.ts';
import { smallImageDirectory } from './image.ts';
import { World } from './world.ts';

const image = smallImageDirectory();
let world: World;
let server: ChildProcess;
let node: TestNode;
let pid: number;
const sh = (script: string) => node.exec('ucb_p2ps', 'sh', '-c', script);

beforeAll(async () => {
  world = new World();
  server = world.spawn('busybox', 'nc', '-ll', '-p', '7000', '-e', 'cat');
  node = await TestNode.start('', {}, (holder) => world.connect(holder, '198.51.100.10'));
  await node.ok('POST', '/v1/images', { name: 'small', source: { path: image } });
  pid = (await node.ok('POST', '/v1/slivers', { name: 'ucb_p2ps', image: 'small' })).pid;
  // A server inside, like the one outside: what a client says comes back, over one connection for each.
  await sh('nc -ll -p 7000 -e cat > /dev/null 2>&1 < /dev/null &');
  await until(
    async () => (await sh("grep ':1B58 .* 0A ' /proc/net/tcp*")).exitCode === 0,
    'the server to listen',
  );
});
afterAll(async () => {
  await node?.stop();
  server?.kill('SIGKILL');
  world?.stop();
  rmSync(image, { recursive: true, force: true });
});

/** Processes inside by number, and the established connections of the server's port by their ends and inodes. */
const inside = () =>
  node.inside(
    'nsenter',
    ...[`--target=${pid}`, '--pid', '--net', '--mount', '--root', 'sh', '-c'],
    `pidof nc cat; awk '$4 == "01" && /:1B58/ { print $2, $3, $10 }' /proc/net/tcp /proc/net/tcp6`,
  );

/** A client outside that reaches the sliver's server: one connection for its whole life. */
class Client {
  readonly #program: ChildProcessWithoutNullStreams;
  #heard = '';

  constructor() {
    const arguments_ = [`--target=${pid}`, '--net', 'busybox', 'nc', '127.0.0.1', '7000'];
    this.#program = spawn('nsenter', arguments_);
    this.#program.stdout.on('data', (data) => {
      this.#heard += data;
    });
  }

  async echo(word: string): Promise<void> {
    this.#program.stdin.write(`${word}\n`);
    await until(() => {
      if (this.#program.exitCode !== null) throw new Error(`the connection is gone, before ${word}`);
      return this.#heard.endsWith(`${word}\n`);
    }, `${word} to come back`);
  }

  end(): string {
    this.#program.kill();
    return this.#heard;
  }
}

describe('while the daemon is replaced', () => {
  it('no connection of a sliver drops: to it, within it, or to the world', async () => {
    // Of those that begin inside, each feeds a number at a time, and keeps what comes back.
    const peers = { within: '127.0.0.1', world: World.address };
    for (const [name, address] of Object.entries(peers))
      await sh(
        `mkfifo /tmp/${name}; (nc ${address} 7000 < /tmp/${name} > /root/${name} &) > /dev/null 2>&1;` +
          `(i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done > /tmp/${name} &) > /dev/null 2>&1`,
      );
    const there = [`--target=${pid}`, '--mount', '--root'];
    const goesOn = async (when: string) => {
      for (const name of Object.keys(peers)) {
        const count = () => Number(node.inside('nsenter', ...there, 'sh', '-c', `wc -l < /root/${name}`));
        const before = count();
        await until(() => count() > before + 2, `the connection '${name}' to go on ${when}`);
      }
    };
    const client = new Client();
    await client.echo('before');
    await goesOn('before');
    const before = inside();
    expect(before.split('\n').filter((line) => line.includes(':1B58')).length).toBe(5);

    await node.kill();
    await client.echo('dead');
    await goesOn('while there is no daemon');
    await node.launch();
    await client.echo('crashed and started');
    node.daemon?.kill('SIGTERM');
    await node.ended();
    await client.echo('ended');
    await node.launch();
    await client.echo('ended and started');
    await goesOn('in the end');

    expect(inside()).toBe(before);
    expect(await node.ok('GET', '/v1/slivers/ucb_p2ps')).toMatchObject({ state: 'running', pid });
    expect(client.end()).toBe('before\ndead\ncrashed and started\nended\nended and started\n');
    for (const name of Object.keys(peers)) {
      const numbers = (await sh(`cat /root/${name}`)).stdout.trim().split('\n').map(Number);
      expect(numbers).toEqual(numbers.map((_, index) => index + 1));
    }
  });
});
