import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import type Dockerode from 'dockerode';
import type { Logger } from 'pino';
import { SliverdError } from '../../errors.ts';
import type { SourceOptions } from './source.ts';

/** In the scratch directory, for whoever clears up after a crash: the engine's socket and our container's name. */
const NOTE = 'docker-container.json';

/**
 * The file system of an image that a Docker engine has, or pulls: what a container made of it, and never started,
 * holds. That container is removed in any case. Throws `unsupported` when no engine answers, `bad-source` when it
 * has no such image and cannot get it.
 */
export async function* dockerArchive(
  reference: string,
  socket: string,
  options: SourceOptions,
): AsyncGenerator<Buffer> {
  const engine = await connect(socket);
  const call = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    options.signal?.throwIfAborted();
    return await work().catch((cause) => {
      throw failure(what, socket, cause);
    });
  };
  await call('asking the Docker engine', () => engine.ping());
  if (!(await has(engine, reference, call)))
    await call(`pulling ${reference}`, () => pull(engine, reference, options));

  const name = `sliverd-export-${randomBytes(8).toString('hex')}`;
  await mkdir(options.scratch, { recursive: true });
  await writeFile(`${options.scratch}/${NOTE}`, JSON.stringify({ socket, name }), { flush: true });
  try {
    options.progress('exporting from the Docker engine');
    // Never run: an image without a command wants one nevertheless.
    const container = await call(`making a container of ${reference}`, () =>
      engine.createContainer({ name, Image: reference, Cmd: ['/nothing'], NetworkDisabled: true }),
    );
    const stream = (await call(`exporting ${reference}`, () =>
      container.export(),
    )) as NodeJS.ReadableStream & {
      destroy(): void;
    };
    const stop = () => stream.destroy();
    options.signal?.addEventListener('abort', stop);
    try {
      // An export that the engine breaks off ends as a connection that was reset.
      for await (const chunk of stream) yield chunk as Buffer;
    } catch (cause) {
      throw failure(`exporting ${reference}`, socket, cause);
    } finally {
      options.signal?.removeEventListener('abort', stop);
      stop();
    }
  } finally {
    await remove(engine, name).catch((error) =>
      options.log.warn(
        { err: error, container: name, socket },
        'a container of ours is left on the Docker engine',
      ),
    );
  }
}

/** Removes the container that an export cut short by a crash has left, going by its scratch directory. */
export async function removeLeftContainer(scratch: string, log: Logger): Promise<void> {
  const note = `${scratch}/${NOTE}`;
  if (!existsSync(note)) return;
  try {
    const { socket, name } = JSON.parse(readFileSync(note, 'utf8')) as { socket: string; name: string };
    await remove(await connect(socket), name);
  } catch (error) {
    log.warn(
      { err: error, note },
      'could not see to it that no container of ours is left on the Docker engine',
    );
  }
}

async function connect(socketPath: string): Promise<Dockerode> {
  // 19 MB and a fifth of a second, for those who use it.
  const { default: Docker } = await import('dockerode');
  return new Docker({ socketPath });
}

async function has(
  engine: Dockerode,
  reference: string,
  call: <T>(what: string, work: () => Promise<T>) => Promise<T>,
): Promise<boolean> {
  return await call(`looking for the image ${reference}`, () =>
    engine
      .getImage(reference)
      .inspect()
      .then(
        () => true,
        (error) => {
          if (error.statusCode === 404) return false;
          throw error;
        },
      ),
  );
}

async function pull(engine: Dockerode, reference: string, options: SourceOptions): Promise<void> {
  options.progress(`pulling ${reference}`);
  const stream = await engine.pull(reference, options.signal ? { abortSignal: options.signal } : {});
  const layers = new Map<string, { current: number; total: number }>();
  await new Promise<void>((resolve, reject) => {
    engine.modem.followProgress(
      stream,
      (error) => (error ? reject(error) : resolve()),
      (event: { id?: string; status?: string; progressDetail?: { current?: number; total?: number } }) => {
        const { current, total } = event.progressDetail ?? {};
        if (event.status !== 'Downloading' || !event.id || !current || !total) return;
        layers.set(event.id, { current, total });
        const sum = (key: 'current' | 'total') =>
          [...layers.values()].reduce((all, layer) => all + layer[key], 0);
        options.progress(
          `pulling ${reference}: ${Math.round(sum('current') / 1e6)} of ${Math.round(sum('total') / 1e6)} MB`,
        );
      },
    );
  });
}

async function remove(engine: Dockerode, name: string): Promise<void> {
  await engine
    .getContainer(name)
    .remove({ force: true, v: true })
    .catch((error) => {
      if (error.statusCode !== 404) throw error;
    });
}

function failure(what: string, socket: string, cause: unknown): SliverdError {
  if (/^(ENOENT|ECONNREFUSED|EACCES|ENOTSOCK)$/.test((cause as { code?: string }).code ?? ''))
    return new SliverdError(
      'unsupported',
      `no Docker engine answers at ${socket}: start one (Debian's package is docker.io), or give the socket of yours in node.yaml (docker: { socket: … })`,
      { cause },
    );
  return new SliverdError('bad-source', what, { cause });
}
