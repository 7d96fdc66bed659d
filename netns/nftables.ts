import koffi from 'koffi';
import { SliverdError } from '../daemon/errors.ts';

/** One command of libnftables-json(5), such as `{ add: { table: { … } } }`. */
export type NftCommand = Readonly<Record<string, unknown>>;

type Context = unknown;
interface Library {
  create(flags: number): Context;
  free(context: Context): void;
  setOutput(context: Context, flags: number): void;
  buffer(context: Context): number;
  bufferError(context: Context): number;
  run(context: Context, commands: string): number;
  output(context: Context): string;
  error(context: Context): string;
}
/** How often a command is given that something interrupts. */
const TRIES = 5;
const JSON_OUTPUT = 1 << 4;

let library: Library | undefined;
// Loaded when the network is first made: a node without one needs no nftables.
function nft(): Library {
  if (library) return library;
  const so = koffi.load('libnftables.so.1');
  library = {
    create: so.func('void *nft_ctx_new(uint32_t flags)'),
    free: so.func('void nft_ctx_free(void *context)'),
    setOutput: so.func('void nft_ctx_output_set_flags(void *context, unsigned int flags)'),
    buffer: so.func('int nft_ctx_buffer_output(void *context)'),
    bufferError: so.func('int nft_ctx_buffer_error(void *context)'),
    run: so.func('int nft_run_cmd_from_buffer(void *context, const char *commands)'),
    output: so.func('const char *nft_ctx_get_output_buffer(void *context)'),
    error: so.func('const char *nft_ctx_get_error_buffer(void *context)'),
  };
  return library;
}

/**
 * nftables of the network namespace that this process is in, by libnftables on the calling thread: a millisecond for
 * what takes nft(8) twelve. Each call is one transaction of the kernel's: all of it holds, or nothing.
 */
export class Nftables {
  /** Kept: to close its socket waits for the kernel's clearing up after what was deleted last, ten milliseconds. */
  #context: Context | undefined;

  /** Carries out commands of libnftables-json(5). Throws `kernel` with nft's own complaint. */
  apply(commands: readonly NftCommand[]): void {
    if (commands.length > 0) this.#run(JSON.stringify({ nftables: commands }), JSON_OUTPUT);
  }

  /** The same in nft's own language, for what its JSON (1.0.6) can't say: maps declared by `typeof`. */
  applyText(commands: string): void {
    this.#run(commands, 0);
  }

  /** The objects that a listing command gives; none when there is no such table. */
  list(command: NftCommand): Record<string, unknown>[] {
    try {
      return JSON.parse(this.#run(JSON.stringify({ nftables: [command] }), JSON_OUTPUT)).nftables;
    } catch (error) {
      if (/No such file or directory/.test(String((error as Error).message))) return [];
      throw error;
    }
  }

  /** The elements of a set or map, as nft's JSON has them; none when there is no such. */
  elements(kind: 'set' | 'map', of: Readonly<Record<string, string>>): unknown[] {
    const found = this.list({ list: { [kind]: of } }).find((one) => one[kind])?.[kind];
    return (found as { elem?: unknown[] } | undefined)?.elem ?? [];
  }

  /** Idempotent; what is asked afterwards opens it anew. */
  close(): void {
    if (this.#context) nft().free(this.#context);
    this.#context = undefined;
  }

  #run(commands: string, flags: number, tries = TRIES): string {
    const lib = nft();
    this.#context ??= open(lib);
    lib.setOutput(this.#context, flags);
    if (lib.run(this.#context, commands) === 0) return lib.output(this.#context);
    const complaint = lib.error(this.#context).trim().split('\n').join('; ');
    this.close(); // with whatever it still remembers of this
    // A signal, or somebody else's change amid a listing; then nothing was done.
    if (tries > 1 && /Interrupted system call/.test(complaint)) return this.#run(commands, flags, tries - 1);
    throw new SliverdError('kernel', `nftables: ${complaint}`);
  }
}

function open(lib: Library): Context {
  const context = lib.create(0);
  if (!context) throw new SliverdError('kernel', 'nftables gives no context');
  lib.buffer(context);
  lib.bufferError(context);
  return context;
}
