import koffi from 'koffi';
import { Mapped } from '../bpf/syscall.ts';
import { DENIAL_BYTES, named, type Protocol, timeOf } from './layout.ts';

export interface Denial {
  at: Date;
  /** Who asked; `owner` 0 is the node. */
  sliver: number;
  owner: number;
  protocol: Protocol;
  port: number;
  /** As the host sees it, and the program's name. */
  pid: number;
  program: string;
  /** Binds denied to this sliver so far: one that asks in a loop is told once in 10 ms, and counted always. */
  denied: number;
}

const BYTES = 65536;
const PAGE = 4096;
const HEADER = 8;
const BUSY = 1 << 31;
const DISCARDED = 1 << 30;

/**
 * The ring buffer of denied binds. What was written while no daemon ran is still in it. Nothing is awake while
 * nothing is denied: the map's descriptor becomes readable.
 */
export class DenialReader {
  readonly #consumer: Mapped;
  readonly #producer: Mapped;
  readonly #handle: InstanceType<typeof koffi.node.PollHandle>;
  readonly #told: (denial: Denial) => void;

  constructor(fd: number, told: (denial: Denial) => void) {
    this.#told = told;
    this.#consumer = new Mapped(fd, PAGE, 0, true);
    // The data is mapped twice in a row, so that no record is cut at the end.
    this.#producer = new Mapped(fd, PAGE + 2 * BYTES, PAGE);
    this.#handle = koffi.node.poll(fd, { readable: true }, () => this.drain());
    this.#handle.unref();
    this.drain();
  }

  /** Tells all that is there now. */
  drain(): void {
    const consumer = new BigUint64Array(this.#consumer.buffer, 0, 1);
    const producer = new BigUint64Array(this.#producer.buffer, 0, 1);
    const data = Buffer.from(this.#producer.buffer, PAGE);
    for (let at = Atomics.load(consumer, 0); at < Atomics.load(producer, 0); Atomics.store(consumer, 0, at)) {
      const offset = Number(at) & (BYTES - 1);
      const header = data.readUInt32LE(offset);
      if (header & BUSY) return; // being written; the descriptor tells when it is
      const length = header & ~DISCARDED & 0x3fff_ffff;
      if (!(header & DISCARDED))
        this.#told(denial(Buffer.from(data.subarray(offset + HEADER, offset + HEADER + DENIAL_BYTES))));
      at += BigInt(HEADER + ((length + 7) & ~7));
    }
  }

  close(): void {
    this.#handle.close();
    this.#consumer.unmap();
    this.#producer.unmap();
  }
}

function denial(record: Buffer): Denial {
  const program = record.subarray(32, 48).toString('utf8');
  return {
    at: timeOf(record.readBigUInt64LE(0)),
    denied: Number(record.readBigUInt64LE(8)),
    sliver: record.readUInt32LE(16),
    owner: record.readUInt32LE(20),
    ...named(record.readUInt32LE(24)),
    pid: record.readUInt32LE(28),
    program: program.slice(0, program.indexOf('\0')),
  };
}
