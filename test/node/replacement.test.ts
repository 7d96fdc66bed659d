import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestNode, until } from './harness.ts';
import { smallImageDirectory } from './image.ts';

const image = smallImageDirectory();
let node: TestNode;
let pid: number;
const sh = (script: string) => node.exec('ucb_p2ps', 'sh', '-c', script);

beforeAll(async () => {
  node = await TestNode.start();
  await node.ok('POST', '/v1/images', { name: 'small', source: { path: image } });
  pid = (await node.ok('POST', '/v1/slivers', { name: 'ucb_p2ps', image: 'small' })).pid;
  // A server: what a client says comes back, over one connection for each.
  await sh('nc -ll -p 7000 -e cat > /dev/null 2>&1 < /dev/null &');
  await until(
    async () => (await sh("grep ':1B58 .* 0A ' /proc/net/tcp*")).exitCode === 0,
    'the server to listen',
  );
});
afterAll(async () => {
  await node?.stop();
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
  it('no connection to a sliver or within one drops', async () => {
    // Within: one that feeds a number at a time, and keeps what comes back.
    await sh(
      'mkfifo /tmp/feed; (nc 127.0.0.1 7000 < /tmp/feed > /root/back &) > /dev/null 2>&1;' +
        '(i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done > /tmp/feed &) > /dev/null 2>&1',
    );
    const count = () => Number(node.inside('nsenter', ...there, 'sh', '-c', 'wc -l < /root/back'));
    const there = [`--target=${pid}`, '--mount', '--root'];
    const goesOn = async (when: string) => {
      const before = count();
      await until(() => count() > before + 2, `the connection within to go on ${when}`);
    };
    const client = new Client();
    await client.echo('before');
    await goesOn('before');
    const before = inside();
    expect(before.split('\n').filter((line) => line.includes(':1B58')).length).toBe(4);

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
    const numbers = (await sh('cat /root/back')).stdout.trim().split('\n').map(Number);
    expect(numbers).toEqual(numbers.map((_, index) => index + 1));
  });
});
