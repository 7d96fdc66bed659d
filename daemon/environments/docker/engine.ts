import { existsSync } from 'node:fs';
import type Docker from 'dockerode';
import { SliverdError } from '../../errors.ts';
import { blockDevice } from '../../kernel/block-device.ts';
import { hasProjectQuota } from '../project-quota.ts';

/** What an engine tells of itself that decides what it can give. The names are those of its API (`GET /info`). */
export interface EngineFacts {
  readonly version: string;
  readonly cgroupDriver: string;
  /** Containers have a user namespace (userns-remap): one mapping for all of them. */
  readonly remapped: boolean;
  readonly storage: EngineStorage;
  readonly limits: Readonly<
    Record<'memory' | 'swap' | 'cpu.max' | 'cpu.weight' | 'cpuset' | 'pids', boolean>
  >;
}

/** Where an engine keeps layers, and what their file system can do for us if we see it. */
export interface EngineStorage {
  readonly root: string;
  /** As in `overlay2 on extfs`. */
  readonly driver: string;
  /** Whether layers are folders that this daemon sees. */
  readonly seen: boolean;
  /** The block device of them, `major:minor`. */
  readonly device?: string;
  /** Whether project quotas hold there. */
  readonly quota: boolean;
}

const UNREACHABLE = new Set(['ENOENT', 'ECONNREFUSED', 'EACCES', 'EPERM', 'ECONNRESET', 'EPIPE', 'ENOTSOCK']);
const PATIENCE = 120_000;

/** A Docker engine by its socket: dockerode is loaded at the first call (19 MB and 190 ms that other nodes save). */
export class Engine {
  readonly socket: string;
  #client: Promise<Docker> | undefined;
  #facts: EngineFacts | undefined;
  #trouble: string | undefined;
  /**
   * The files that its containers' cgroups have, known once one ran: null when this daemon doesn't see them. What is
   * among them holds, whatever the engine thinks of its kernel.
   */
  limitFiles: ReadonlySet<string> | null | undefined;
  /** Whether the daemon sees its containers' processes, known once one ran. */
  inReach: boolean | undefined;

  constructor(socket: string) {
    this.socket = socket;
  }

  /** What is known of the engine so far; undefined until it answered once. */
  get known(): EngineFacts | undefined {
    return this.#facts;
  }

  /** Why it could not be reached when it was last called; undefined when it was. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  async client(): Promise<Docker> {
    this.#client ??= import('dockerode').then(
      ({ default: Client }) => new Client({ socketPath: this.socket }),
    );
    return this.#client;
  }

  /**
   * One request. Statuses in `fine` (as 404 for what may be gone, 304 or 409 for what is so already) answer
   * undefined instead of an error.
   * @param what what is being done, to which object: the beginning of the error's message.
   * @throws SliverdError `host-tool`: the engine can't be reached (and what to do), or its refusal in its words.
   */
  async call<T>(
    what: string,
    work: (docker: Docker) => Promise<T>,
    fine: readonly number[] = [],
  ): Promise<T | undefined> {
    const client = await this.client();
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        this.#trouble = `it gave no answer in ${PATIENCE / 1000} s at ${this.socket}`;
        reject(new Error(`no answer in ${PATIENCE / 1000} s`));
      }, PATIENCE);
    });
    try {
      const answer = await Promise.race([work(client), silence]);
      this.#trouble = undefined;
      return answer;
    } catch (error) {
      const status = (error as { statusCode?: number }).statusCode;
      if (status !== undefined && fine.includes(status)) return undefined;
      throw this.#told(what, error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Facts of the engine, asked for anew when `again`: another may listen there after a restart. */
  async facts(again = false): Promise<EngineFacts> {
    if (this.#facts && !again) return this.#facts;
    const info = await this.call("asking for the engine's facts", (docker) => docker.info());
    this.limitFiles = undefined;
    this.inReach = undefined;
    this.#facts = {
      version: info.ServerVersion,
      cgroupDriver: info.CgroupDriver,
      remapped: (info.SecurityOptions ?? []).some((option: string) => /name=userns\b/.test(option)),
      storage: storageOf(info),
      limits: {
        memory: info.MemoryLimit === true,
        swap: info.SwapLimit === true,
        'cpu.max': info.CpuCfsQuota === true,
        'cpu.weight': info.CPUShares === true,
        cpuset: info.CPUSet === true,
        pids: info.PidsLimit === true,
      },
    };
    return this.#facts;
  }

  #told(what: string, error: unknown): SliverdError {
    if (error instanceof SliverdError) return error;
    const { code, statusCode, json } = error as {
      code?: string;
      statusCode?: number;
      json?: { message?: string };
    };
    if (statusCode === undefined && code !== undefined && UNREACHABLE.has(code)) {
      this.#trouble = `it does not answer at ${this.socket} (${code})`;
      return new SliverdError(
        'host-tool',
        `${what}: the Docker engine does not answer at ${this.socket} (${code}): start it (systemctl start docker), or take 'docker' out of the node's configuration`,
        { cause: error },
      );
    }
    const reason = json?.message ?? (error instanceof Error ? error.message.trim() : String(error));
    return new SliverdError('host-tool', `${what}: the Docker engine: ${reason}`, {
      extra: statusCode === undefined ? {} : { status: statusCode },
    });
  }
}

function storageOf(info: {
  Driver: string;
  DockerRootDir: string;
  DriverStatus?: string[][];
}): EngineStorage {
  const below = info.DriverStatus?.find(([key]) => key === 'Backing Filesystem')?.[1];
  const layers = `${info.DockerRootDir}/${info.Driver}`;
  const seen = info.Driver === 'overlay2' && existsSync(layers);
  const device = seen ? blockDevice(layers) : undefined;
  return {
    root: info.DockerRootDir,
    driver: below ? `${info.Driver} on ${below}` : info.Driver,
    seen,
    quota: seen && hasProjectQuota(layers),
    ...(device ? { device } : {}),
  };
}

/** The status with which the engine refused, from an error of `Engine.call`. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof SliverdError ? (error.extra.status as number | undefined) : undefined;
}
