import type { Command } from 'commander';
import { Client } from './connection/client.ts';
import { chooseSocket } from './connection/endpoint.ts';
import { hasColour } from './output/style.ts';

export interface GlobalOptions {
  readonly json?: boolean;
  readonly node?: string;
  readonly socket?: string;
}

/** What every command works with: the node it talks to, and how it tells what it found. */
export class Context {
  readonly json: boolean;
  readonly colour: boolean = hasColour(process.stdout);
  readonly #options: GlobalOptions;
  #client: Client | undefined;

  constructor(options: GlobalOptions) {
    this.#options = options;
    this.json = options.json ?? false;
  }

  static of(command: Command): Context {
    return new Context(command.optsWithGlobals<GlobalOptions>());
  }

  /** Chosen when first needed, so that commands that need no daemon work without one. */
  get client(): Client {
    this.#client ??= new Client(chooseSocket(this.#options));
    return this.#client;
  }

  /** The API's JSON for programs, or else the text that `text` makes of it for people. */
  print<T>(answer: T, text: (answer: T, colour: boolean) => string): void {
    if (!this.json) process.stdout.write(text(answer, this.colour));
    else if (answer !== undefined) process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
  }
}

/** The API's path of one thing; whatever the name holds, it stays one segment. */
export function pathOf(
  kind: 'slivers' | 'images' | 'ports' | 'sessions' | 'leases' | 'loans' | 'tickets' | 'sensors',
  name: string,
  ...rest: string[]
): string {
  return ['/v1', kind, encodeURIComponent(name), ...rest].join('/');
}
