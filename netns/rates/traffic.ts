import { randomBytes } from 'node:crypto';
import { MAPPED, packAddress } from '../address.ts';
import { word } from '../attributes.ts';
import type { Programs } from '../bpf/programs.ts';
import { keys, Mapped, remove, update } from '../bpf/syscall.ts';
import type { Bytes, TrafficCounters } from '../network-limits.ts';

const PLACES = 4096;
const PLACE_BYTES = 64;
/** struct prefix: length and address. */
const PREFIX_BYTES = 20;
/** Words of struct traffic. */
const [UP, DOWN, EXEMPT_UP, EXEMPT_DOWN, BASE] = [0, 1, 2, 3, 4] as const;
/** No sliver's place: its base has the name of all. */
const NOBODY = 0;

/** Whose traffic is how much, and where it waits, as the programs of netns/bpf/traffic.h see it: reading costs no system call. */
export class Traffic implements TrafficCounters {
  readonly name: string;
  readonly #maps: Record<'traffic' | 'classes' | 'exempt' | 'exemptions', number>;
  readonly #memory: Mapped;
  #words: BigUint64Array;

  constructor(programs: Programs) {
    this.#maps = {
      traffic: programs.map('traffic'),
      classes: programs.map('classes'),
      exempt: programs.map('exempt'),
      exemptions: programs.map('exemptions'),
    };
    update(this.#maps.exemptions, word(0), word(0));
    for (const prefix of keys(this.#maps.exempt, PREFIX_BYTES)) remove(this.#maps.exempt, prefix); // an earlier daemon's
    this.#memory = new Mapped(this.#maps.traffic, PLACES * PLACE_BYTES, 0, true);
    this.#words = new BigUint64Array(this.#memory.buffer);
    if (this.#word(NOBODY, BASE) === 0n)
      Atomics.store(this.#words, NOBODY + BASE, randomBytes(8).readBigUInt64LE() | 1n);
    this.name = this.#word(NOBODY, BASE).toString(16);
  }

  /** Of a sliver since `begin`. */
  bytes(id: number): Bytes {
    const of = (word: number) => Number(this.#word(id, word) - this.#word(id, BASE + word));
    return { up: of(UP), down: of(DOWN), exemptUp: of(EXEMPT_UP), exemptDown: of(EXEMPT_DOWN) };
  }

  total(id: number): { up: number; down: number } {
    return { up: Number(this.#word(id, UP)), down: Number(this.#word(id, DOWN)) };
  }

  base(id: number): { up: number; down: number } {
    return { up: Number(this.#word(id, BASE + UP)), down: Number(this.#word(id, BASE + DOWN)) };
  }

  /** From now on `bytes` begins anew. */
  begin(id: number): void {
    for (const word of [UP, DOWN, EXEMPT_UP, EXEMPT_DOWN])
      Atomics.store(this.#words, id * 8 + BASE + word, this.#word(id, word));
  }

  /** Where a sliver's packets wait: minor numbers of classes, 0 for no class of its own. */
  wait(id: number, up: readonly [number, number], down: readonly [number, number]): void {
    update(this.#maps.classes, word(id), Buffer.from(new Uint16Array([...up, ...down]).buffer));
  }

  /** What goes to these addresses, or comes from them, counts as exempt. @param prefix as `192.0.2.0/24` */
  exempt(prefix: string): void {
    const [address = '', length = ''] = prefix.split('/');
    const bytes = packAddress(address) ?? Buffer.alloc(0);
    const four = bytes.length === 4;
    const key = Buffer.alloc(PREFIX_BYTES);
    key.writeUInt32LE(Number(length) + (four ? 96 : 0));
    (four ? Buffer.concat([MAPPED, bytes]) : bytes).copy(key, 4);
    update(this.#maps.exempt, key, word(1));
    update(this.#maps.exemptions, word(0), word(1));
  }

  /** Whoever asks later finds zeros, and not what isn't mapped any more. */
  close(): void {
    this.#words = new BigUint64Array(this.#words.length);
    this.#memory.unmap();
  }

  #word(id: number, word: number): bigint {
    return Atomics.load(this.#words, id * 8 + word);
  }
}
