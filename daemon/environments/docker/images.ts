import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Transform } from 'node:stream';
import { SliverdError } from '../../errors.ts';
import { HOST_ENV } from '../../kernel/run.ts';
import type { Engine } from './engine.ts';
import { IMAGE_LABEL } from './names.ts';

const REPOSITORY = 'sliverd/image';

/** Content decides the name, so that every node on one engine shares an image, and none can be stale. */
export function imageReference(digest: string): string {
  return `${REPOSITORY}:${digest.replace('sha256:', '')}`;
}

/** Images as the engine has them: a tree of ours, handed over once, by `POST /images/create?fromSrc=-`. */
export class EngineImages {
  readonly #engine: Engine;
  readonly #node: string;
  readonly #underWay = new Map<string, Promise<void>>();

  constructor(engine: Engine, node: string) {
    this.#engine = engine;
    this.#node = node;
  }

  /** Makes sure that the engine has the image; concurrent callers share one transfer. */
  async ensure(digest: string, root: string): Promise<void> {
    const reference = imageReference(digest);
    const there = await this.#engine.call(
      `looking for the image ${reference}`,
      (docker) => docker.getImage(reference).inspect(),
      [404],
    );
    if (there) return;
    let transfer = this.#underWay.get(digest);
    if (!transfer) {
      transfer = this.#transfer(digest, root).finally(() => this.#underWay.delete(digest));
      this.#underWay.set(digest, transfer);
    }
    await transfer;
  }

  async #transfer(digest: string, root: string): Promise<void> {
    const child = spawn(
      'tar',
      ['--create', '--numeric-owner', '--xattrs', '--xattrs-include=*', '--directory', root, '.'],
      { stdio: ['ignore', 'pipe', 'pipe'], env: HOST_ENV },
    );
    let complaint = '';
    child.stderr.on('data', (data) => {
      complaint = (complaint + data).slice(-2000);
    });
    const exit = once(child, 'close');
    exit.catch(() => {});
    // An archive that ends too early between two files is a valid one: the request is cut off unless tar ended well.
    const whole = new Transform({
      transform: (chunk, _encoding, done) => done(null, chunk),
      flush: (done) => {
        exit.then(
          ([code]) =>
            done(code === 0 ? null : new Error(`tar: ${complaint.trim() || `exit status ${code}`}`)),
          done,
        );
      },
    });
    child.on('error', (error) => whole.destroy(error));
    child.stdout.pipe(whole);
    const docker = await this.#engine.client();
    try {
      const answer = await docker.importImage(whole, {
        repo: REPOSITORY,
        tag: digest.replace('sha256:', ''),
        changes: `LABEL ${IMAGE_LABEL}=${this.#node}`,
      });
      await new Promise<void>((resolve, reject) => {
        docker.modem.followProgress(answer, (error: Error | null) => (error ? reject(error) : resolve()));
      });
    } catch (cause) {
      child.kill('SIGKILL');
      throw new SliverdError('host-tool', `handing the image ${digest} to the Docker engine`, { cause });
    }
  }

  /** Removes images that this node brought and that no container is made from; the engine refuses the others. */
  async sweep(): Promise<string[]> {
    const removed: string[] = [];
    const images = await this.#engine.call('listing images', (docker) =>
      docker.listImages({ filters: JSON.stringify({ label: [`${IMAGE_LABEL}=${this.#node}`] }) }),
    );
    for (const { RepoTags: tags } of images ?? [])
      for (const tag of tags ?? []) {
        if (!tag.startsWith('sliverd/') || this.#underWay.has(`sha256:${tag.split(':')[1]}`)) continue;
        if (await this.remove(tag)) removed.push(`image ${tag}`);
      }
    return removed;
  }

  /** Removes an image, unless it is gone already or containers are made from it; tells whether it did. */
  async remove(reference: string): Promise<boolean> {
    const gone = await this.#engine.call(
      `removing the image ${reference}`,
      (docker) => docker.getImage(reference).remove(),
      [404, 409],
    );
    return gone !== undefined;
  }
}
