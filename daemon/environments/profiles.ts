import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { SliverdError } from '../errors.ts';

/**
 * Kernel profiles: what a sliver may ask of the kernel, as JSON that a node's owner can read and add to
 * (kernel-profiles/, docs/kernel-profiles.md). Read once at start; a bad one stops the start, since a sliver that
 * runs with less confinement than was written would be worse.
 */
export interface KernelProfile {
  readonly name: string;
  readonly why: string;
  readonly capabilities: readonly { why: string; add: readonly string[] }[];
  readonly seccomp: readonly SeccompGroup[];
  readonly sysctls: readonly { why: string; set: Readonly<Record<string, string>> }[];
  readonly devices: readonly { why: string; paths: readonly string[] }[];
  readonly maskedPaths: readonly { why: string; paths: readonly string[] }[];
  readonly readonlyPaths: readonly { why: string; paths: readonly string[] }[];
  readonly mounts?: readonly { why: string; destination: string; type: string; options: readonly string[] }[];
}

export interface SeccompGroup {
  readonly name: string;
  readonly why: string;
  readonly refuse: readonly SeccompRule[];
}

export interface SeccompRule {
  readonly calls: readonly string[];
  readonly errno: 'EPERM' | 'ENOSYS';
  /** All must hold; a condition with several values holds for any of them. */
  readonly when?: readonly ({ argument: number; mask?: number } & (
    | { is: readonly number[] }
    | { atLeast: number }
  ))[];
}

type ProfileFile = Omit<KernelProfile, 'seccomp'> & { seccomp: readonly string[] };
type SeccompFile = { groups: Record<string, Omit<SeccompGroup, 'name'>> };

/** Files of the folder that are no profiles. */
const OTHERS = new Set(['seccomp.json', 'requirements.json']);

/**
 * Reads every profile of `dir`, by name.
 * @throws SliverdError `bad-profile`, which names the file and the JSON pointer within.
 */
export function loadProfiles(dir: string): Map<string, KernelProfile> {
  const groups = readValid<SeccompFile>(dir, 'seccomp.json', 'seccomp.schema.json').groups;
  const valid = compile(dir, 'schema.json');
  const profiles = new Map<string, KernelProfile>();
  for (const file of listed(dir)) {
    const profile = check<ProfileFile>(valid, readJson(dir, file), join(dir, file));
    if (profile.name !== basename(file, '.json'))
      throw bad(join(dir, file), '/name', `is not '${basename(file, '.json')}', as the file is called`);
    const seccomp = profile.seccomp.map((name, index): SeccompGroup => {
      const group = Object.hasOwn(groups, name) ? groups[name] : undefined;
      if (!group) throw bad(join(dir, file), `/seccomp/${index}`, `'${name}' is no group of seccomp.json`);
      return { name, ...group };
    });
    profiles.set(profile.name, { ...profile, seccomp });
  }
  if (profiles.size === 0) throw bad(dir, '', 'holds no profile');
  return profiles;
}

/** Reads and validates one JSON file of `dir` by a schema beside it. */
export function readValid<T>(dir: string, file: string, schema: string): T {
  return check<T>(compile(dir, schema), readJson(dir, file), join(dir, file));
}

function listed(dir: string): string[] {
  try {
    return readdirSync(dir)
      .filter((file) => file.endsWith('.json') && !file.endsWith('schema.json') && !OTHERS.has(file))
      .sort();
  } catch (cause) {
    throw new SliverdError('bad-profile', `kernel profiles in ${dir} cannot be read`, { cause });
  }
}

function readJson(dir: string, file: string): unknown {
  try {
    return JSON.parse(readFileSync(join(dir, file), 'utf8'));
  } catch (cause) {
    throw new SliverdError('bad-profile', `${join(dir, file)} cannot be read`, { cause });
  }
}

function compile(dir: string, schema: string): ValidateFunction {
  // strictRequired would reject `oneOf` over members that are described beside it.
  const ajv = new Ajv2020({ allErrors: false, strict: true, strictRequired: false });
  return ajv.compile(readJson(dir, schema) as object);
}

function check<T>(valid: ValidateFunction, value: unknown, file: string): T {
  if (valid(value)) return value as T;
  const error = valid.errors?.[0];
  const extra =
    error?.keyword === 'additionalProperties' ? ` '${error.params.additionalProperty as string}'` : '';
  throw bad(file, error?.instancePath ?? '', `${error?.message ?? 'is not valid'}${extra}`);
}

function bad(file: string, pointer: string, why: string): SliverdError {
  return new SliverdError('bad-profile', `${file}: ${pointer || 'the whole'} ${why}`, {
    extra: { file, pointer },
  });
}
