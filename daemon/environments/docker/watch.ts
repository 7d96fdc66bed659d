import type { Readable } from 'node:stream';
import type { Logger } from 'pino';
import { explain } from '../../errors.ts';
import type { Engine } from './engine.ts';
import { LABEL } from './names.ts';

const FIRST_PAUSE = 500;
const LAST_PAUSE = 30_000;

/**
 * The engine's event stream, one for all slivers, while anybody watches. When it is lost everybody is called back,
 * since nobody knows what was missed, and again when it has been restored.
 */
export class EngineWatch {
  readonly #engine: Engine;
  readonly #node: string;
  readonly #log: Logger;
  readonly #watchers = new Map<number, Set<() => void>>();
  #stream: Readable | undefined;
  #timer: NodeJS.Timeout | undefined;
  #connecting = false;
  #lost = false;
  #pause = FIRST_PAUSE;
  #closed = false;

  constructor(engine: Engine, node: string, log: Logger) {
    this.#engine = engine;
    this.#node = node;
    this.#log = log;
  }

  add(id: number, changed: () => void): () => void {
    const list = this.#watchers.get(id) ?? new Set();
    this.#watchers.set(id, list.add(changed));
    if (!this.#stream && !this.#timer) void this.#connect();
    return () => {
      list.delete(changed);
      if (list.size === 0 && this.#watchers.get(id) === list) this.#watchers.delete(id);
      if (this.#watchers.size === 0) this.#disconnect();
    };
  }

  close(): void {
    this.#closed = true;
    this.#watchers.clear();
    this.#disconnect();
  }

  #disconnect(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const stream = this.#stream;
    this.#stream = undefined;
    stream?.destroy();
  }

  async #connect(): Promise<void> {
    if (this.#connecting || this.#closed) return;
    this.#connecting = true;
    this.#timer = undefined;
    try {
      const filters = {
        type: ['container'],
        label: [`${LABEL.node}=${this.#node}`],
        event: ['die', 'destroy', 'pause', 'unpause', 'oom'],
      };
      const stream = (await this.#engine.call("following the engine's events", (docker) =>
        docker.getEvents({ filters: JSON.stringify(filters) }),
      )) as Readable;
      if (this.#watchers.size === 0 || this.#closed) {
        stream.destroy();
        return;
      }
      this.#stream = stream;
      this.#pause = FIRST_PAUSE;
      this.#follow(stream);
      if (this.#lost) {
        this.#lost = false;
        await this.#engine.facts(true);
        this.#log.info('the Docker engine is back: its events are followed again');
        this.#callAll();
      }
    } catch (error) {
      this.#retry(explain(error));
    } finally {
      this.#connecting = false;
    }
  }

  #follow(stream: Readable): void {
    let text = '';
    stream.setEncoding('utf8');
    stream.on('data', (data: string) => {
      const lines = (text + data).split('\n');
      text = lines.pop() ?? '';
      for (const line of lines.filter(Boolean)) this.#event(line);
    });
    stream.on('error', () => {});
    stream.on('close', () => {
      if (this.#stream !== stream) return;
      this.#stream = undefined;
      this.#retry('the stream ended');
    });
  }

  #event(line: string): void {
    const event = JSON.parse(line) as { Actor?: { Attributes?: Record<string, string> } };
    const id = Number(event.Actor?.Attributes?.[LABEL.id]);
    for (const changed of this.#watchers.get(id) ?? []) changed();
  }

  #retry(reason: string): void {
    if (this.#closed || this.#watchers.size === 0) return;
    if (!this.#lost) {
      this.#log.warn({ reason }, "the Docker engine's events are lost; trying again");
      this.#lost = true;
      this.#callAll();
    }
    this.#timer = setTimeout(() => void this.#connect(), this.#pause);
    this.#timer.unref();
    this.#pause = Math.min(this.#pause * 2, LAST_PAUSE);
  }

  #callAll(): void {
    for (const list of [...this.#watchers.values()]) for (const changed of [...list]) changed();
  }
}
