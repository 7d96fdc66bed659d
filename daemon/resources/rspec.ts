import type { Static } from 'typebox';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { SliverdError } from '../errors.ts';

/**
 * RSpec: the resources of a sliver, flat keys with units. Keys are named after the kernel files that enforce them
 * (Documentation/admin-guide/cgroup-v2.rst), values are in natural units; `"max"` means no limit of its own.
 */
const max = Type.Literal('max');
const bytes = (minimum: number, description: string) =>
  Type.Union([Type.Integer({ minimum, maximum: Number.MAX_SAFE_INTEGER }), max], { description });
const perSecond = (description: string) =>
  Type.Union([Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }), max], { description });

/** Bits per second: nobody is cut off altogether. */
export const LEAST_RATE = 8000;
const rate = (description: string) =>
  Type.Union([Type.Integer({ minimum: LEAST_RATE, maximum: 1e12 }), max], { description });
const guaranteed = (description: string) => Type.Integer({ minimum: 0, maximum: 1e12, description });

/** The kernel looks through all that a sliver has open whenever one more begins (docs/decisions/0022-flow-limits.md). */
export const MOST_CONNECTIONS = 8192;

export const MOST_WEIGHT = 10_000;

export const RSpec = Type.Object(
  {
    'cpu.weight': Type.Integer({
      minimum: 1,
      maximum: MOST_WEIGHT,
      description: 'Share of the CPU under contention; 100 is usual.',
    }),
    'cpu.max': Type.Union([Type.Number({ minimum: 0.01, maximum: 4096 }), max], {
      description: 'Most CPU time, in cores (0.5 is half of one).',
    }),
    'cpuset.cpus': Type.String({
      pattern: '^([0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*)?$',
      maxLength: 200,
      description: 'Cores it may run on, as 0-1,3; empty: all.',
    }),
    'memory.high': bytes(1 << 20, 'Bytes past which it is slowed and reclaimed from.'),
    'memory.max': bytes(4 << 20, 'Bytes past which its processes are killed.'),
    'memory.swap.max': Type.Union([Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }), max], {
      description: 'Bytes of swap.',
    }),
    'pids.max': Type.Union([Type.Integer({ minimum: 8, maximum: 4_194_304 }), max], {
      description: 'Processes and threads at once.',
    }),
    'io.weight': Type.Integer({
      minimum: 1,
      maximum: 10_000,
      description: 'Share of the disk under contention; 100 is usual.',
    }),
    'io.rbps': perSecond('Bytes read from its disk, per second.'),
    'io.wbps': perSecond('Bytes written to its disk, per second.'),
    'io.riops': perSecond('Read operations per second.'),
    'io.wiops': perSecond('Write operations per second.'),
    'disk.bytes': Type.Integer({
      minimum: 16 << 20, // ext4 wants some for itself
      maximum: Number.MAX_SAFE_INTEGER,
      description: 'Bytes its own files may take, beside the image.',
    }),
    'disk.inodes': Type.Integer({
      minimum: 1024,
      maximum: 4_000_000_000,
      description: 'Files and directories of its own.',
    }),
    'net.up.min': guaranteed('Bits per second to the world that it gets whatever others send.'),
    'net.up.max': rate('Most bits per second to the world.'),
    'net.down.min': guaranteed('Bits per second from the world that it gets whatever others receive.'),
    'net.down.max': rate('Most bits per second from the world.'),
    'net.weight': Type.Integer({
      minimum: 1,
      maximum: 10_000,
      description: 'Share of what minimum rates leave, under contention; 100 is usual.',
    }),
    'net.exempt.up.max': rate("Most bits per second to the owner's exempt destinations."),
    'net.exempt.down.max': rate("Most bits per second from the owner's exempt destinations."),
    'net.connections': Type.Union([Type.Integer({ minimum: 16, maximum: MOST_CONNECTIONS }), max], {
      description: 'Most connections at once, from it and to it; max: 8192.',
    }),
    'net.destinations.minute': Type.Union([Type.Integer({ minimum: 1, maximum: 1_000_000 }), max], {
      description: 'Addresses in the world that it may begin to send to in a minute.',
    }),
    'net.up.day.bytes': bytes(1 << 20, 'Bytes to the world in a day (UTC), exempt destinations apart.'),
    'net.up.day.threshold': bytes(0, 'Bytes of these past which its rate falls, so that the rest lasts.'),
    'net.down.day.bytes': bytes(1 << 20, 'Bytes from the world in a day (UTC), exempt destinations apart.'),
    'net.down.day.threshold': bytes(0, 'Bytes of these past which its rate falls, so that the rest lasts.'),
  },
  { additionalProperties: false, description: 'The resources of a sliver.' },
);
export type RSpec = Static<typeof RSpec>;
export type RSpecKey = keyof RSpec;
export const RSPEC_KEYS = Object.keys(RSpec.properties) as RSpecKey[];

export const PartialRSpec = Type.Partial(RSpec, { additionalProperties: false });
export type PartialRSpec = Static<typeof PartialRSpec>;

/** What a sliver gets that asks for nothing: small enough for a hundred of them, big enough to work in. */
export const DEFAULT_RSPEC: RSpec = {
  'cpu.weight': 100,
  'cpu.max': 'max',
  'cpuset.cpus': '',
  'memory.high': 'max',
  'memory.max': 512 * 2 ** 20,
  'memory.swap.max': 0,
  'pids.max': 1024,
  'io.weight': 100,
  'io.rbps': 'max',
  'io.wbps': 'max',
  'io.riops': 'max',
  'io.wiops': 'max',
  'disk.bytes': 2 * 2 ** 30,
  'disk.inodes': 131_072,
  'net.up.min': 0,
  'net.up.max': 'max',
  'net.down.min': 0,
  'net.down.max': 'max',
  'net.weight': 100,
  'net.exempt.up.max': 'max',
  'net.exempt.down.max': 'max',
  'net.connections': 4096,
  'net.destinations.minute': 600,
  // 1.6 Mbit/s over the whole day: a campus has hundreds of machines that do more, and few that mean to.
  'net.up.day.bytes': 16 * 2 ** 30,
  'net.up.day.threshold': 'max',
  'net.down.day.bytes': 64 * 2 ** 30,
  'net.down.day.threshold': 'max',
};

/** Keys of a sparse RSpec in words of the schema: the first thing wrong with it, or undefined. */
export function rspecProblem(value: unknown): string | undefined {
  if (Value.Check(PartialRSpec, value)) return undefined;
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return 'an RSpec is an object of keys and values';
  for (const [key, given] of Object.entries(value)) {
    const schema = PartialRSpec.properties[key as RSpecKey];
    if (!schema) return `there is no key '${key.slice(0, 60)}' (keys: ${RSPEC_KEYS.join(', ')})`;
    if (!Value.Check(schema, given))
      return `${key} = ${JSON.stringify(given)?.slice(0, 60)} is not in range: ${range(key as RSpecKey)}`;
  }
  return 'it does not fit the schema';
}

function range(key: RSpecKey): string {
  const schema = RSpec.properties[key] as { anyOf?: object[]; description?: string };
  const parts = (schema.anyOf ?? [schema]).map((part) => {
    const {
      minimum,
      maximum,
      pattern,
      const: literal,
    } = part as { minimum?: number; maximum?: number; pattern?: string; const?: string };
    if (literal !== undefined) return `"${literal}"`;
    return pattern ? `text like 0-1,3` : `${minimum} to ${maximum}`;
  });
  return `${parts.join(' or ')}. ${schema.description ?? ''}`.trim();
}

/**
 * Bytes of its disk that each of a sliver's inodes must have: ext4 keeps 256 for itself, and they may take half of a disk. So also
 * where quotas bound it, since a sliver fits any node.
 */
export const BYTES_PER_INODE = 512;

/** Inodes that nobody asked for fit themselves to the disk. */
function fittingInodes(merged: RSpec, changes: PartialRSpec): number {
  const { 'disk.bytes': bytes, 'disk.inodes': inodes } = merged;
  const most = Math.floor(bytes / BYTES_PER_INODE);
  if (changes['disk.inodes'] === undefined)
    return changes['disk.bytes'] === undefined ? inodes : Math.min(inodes, most);
  if (inodes <= most) return inodes;
  throw new SliverdError(
    'bad-rspec',
    `RSpec: disk.inodes (${inodes}) are too many for disk.bytes (${bytes}), which has room for ${most}: they want disk.bytes of ${inodes * BYTES_PER_INODE}`,
  );
}

/** `base` with the keys of `changes` laid over it. Throws `bad-rspec` that names the key and its range. */
export function mergeRSpec(base: RSpec, changes: unknown): RSpec {
  const problem = rspecProblem(changes);
  if (problem) throw new SliverdError('bad-rspec', `RSpec: ${problem}`);
  const merged = { ...base, ...(changes as PartialRSpec) };
  merged['disk.inodes'] = fittingInodes(merged, changes as PartialRSpec);
  const { 'memory.high': high, 'memory.max': hard } = merged;
  if (high !== 'max' && hard !== 'max' && high > hard)
    throw new SliverdError(
      'bad-rspec',
      `RSpec: memory.high (${high}) is above memory.max (${hard}), so it would never act`,
    );
  for (const way of ['up', 'down'] as const) {
    const [least, most] = [merged[`net.${way}.min`], merged[`net.${way}.max`]];
    if (most !== 'max' && least > most)
      throw new SliverdError(
        'bad-rspec',
        `RSpec: net.${way}.min (${least}) is above net.${way}.max (${most})`,
      );
    const [day, threshold] = [merged[`net.${way}.day.bytes`], merged[`net.${way}.day.threshold`]];
    if (day !== 'max' && threshold !== 'max' && threshold > day)
      throw new SliverdError(
        'bad-rspec',
        `RSpec: net.${way}.day.threshold (${threshold}) is above net.${way}.day.bytes (${day}), so it would never act`,
      );
  }
  return merged;
}
