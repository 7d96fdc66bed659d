import { rmSync } from 'node:fs';
import { type TestNode, until } from '../harness.ts';
import { programImageDirectory } from '../image.ts';

const PROJECT = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '');

/** Gives a node an image `services`: Node, and the reference services and this folder's programs in folders named as here. */
export async function importServicesImage(node: TestNode): Promise<void> {
  const folders = ['/scripts/services', '/test/node/services'].map((name) => [`${PROJECT}${name}`, name]);
  const path = programImageDirectory(process.execPath, Object.fromEntries(folders));
  try {
    await node.ok('POST', '/v1/images', { name: 'services', source: { path } });
  } finally {
    rmSync(path, { recursive: true });
  }
}

/** A program of Node's in a sliver, as its owner would run it there. */
export class Service {
  readonly node: TestNode;
  readonly sliver: string;
  readonly #words: readonly string[];

  /** @param words the program's file and its arguments */
  constructor(node: TestNode, sliver: string, ...words: string[]) {
    this.node = node;
    this.sliver = sliver;
    this.#words = words;
  }

  async start(...words: string[]): Promise<void> {
    const command = [...this.#words, ...words].join(' ');
    await this.sh(`${ENVIRONMENT} node ${command} >> /var/log/service 2>&1 & echo $! > /run/service.pid`);
  }

  /** Ends it; when it is gone. */
  async end(signal: 'TERM' | 'KILL'): Promise<void> {
    const { stdout } = await this.sh('cat /run/service.pid');
    await this.sh(`kill -${signal} ${stdout}`);
    const isGone = async () => (await this.sh(`test -d /proc/${stdout.trim()}`)).exitCode !== 0;
    await until(isGone, `the service to end by ${signal}`);
  }

  async signal(name: string): Promise<void> {
    await this.sh(`kill -${name} $(cat /run/service.pid)`);
  }

  sh(script: string) {
    return this.node.exec(this.sliver, 'sh', '-c', script);
  }

  /** Puts a file there, whole at once. */
  async put(path: string, content: string): Promise<void> {
    const argv = ['sh', '-c', `cat > ${path}.part && mv ${path}.part ${path}`];
    const { exitCode } = await this.node.ok('POST', `/v1/slivers/${this.sliver}/exec`, {
      argv,
      stdin: content,
    });
    if (exitCode !== 0) throw new Error(`${path} was not written`);
  }

  async said(): Promise<string> {
    return (await this.sh('cat /var/log/service')).stdout;
  }

  /** Waits until it says that, after it said so much. */
  async says(what: RegExp, after = 0): Promise<void> {
    await until(
      async () => what.test((await this.said()).slice(after)),
      `${this.sliver} to say ${what}`,
    ).catch(async (error) => {
      throw new Error(`${error.message}; it said:\n${await this.said()}`);
    });
  }
}

/** Where a web server's certificate is not of the usual authorities. */
const ENVIRONMENT = 'NODE_EXTRA_CA_CERTS=/etc/ca.pem';
