import { readFileSync } from 'node:fs';
import { availableParallelism, hostname } from 'node:os';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { parse } from 'yaml';
import { isSliverNetwork } from '../../netns/ipv6/prefix.ts';
import { isPrefix, parseRefusal, type Refusal } from '../../netns/limits/refusals.ts';
import { SliverdError } from '../errors.ts';
import { DEFAULT_RSPEC, mergeRSpec, PartialRSpec, type RSpec } from '../resources/rspec.ts';
import { ONE_OR_SITE } from '../resources/slices.ts';

/** /etc/sliverd/node.yaml: what the node's owner decides. Every key has a default that suits a donated machine. */
const path = (description: string) =>
  Type.String({ pattern: '^/[A-Za-z0-9/._-]+$', maxLength: 60, description });
const rate = (description: string) => Type.Integer({ minimum: 100_000, maximum: 1e12, description });
const days = (description: string) =>
  Type.Union([Type.Number({ exclusiveMinimum: 0, maximum: 36_500 }), Type.Literal('max')], { description });
const Readers = Type.Array(Type.String({ pattern: `^(${ONE_OR_SITE}|\\*)$` }), { maxItems: 1000 });
/** Sensors whose readers the owner may narrow; `published`: those of slices. */
const NARROWED = ['node', 'slivers', 'leases', 'ports', 'images', 'clock', 'published'] as const;
const ConfigFile = Type.Object(
  {
    name: Type.Optional(
      Type.String({
        pattern: '^[a-z0-9]([a-z0-9.-]{0,62}[a-z0-9])?$',
        description: "The node's name; default: the host's.",
      }),
    ),
    stateDirectory: Type.Optional(path('What must survive a reboot: images, disks, the database.')),
    runDirectory: Type.Optional(path('Sockets and what a reboot may forget.')),
    cgroup: Type.Optional(path('The cgroup, below the cgroup2 mount, that all slivers are in.')),
    allowDegraded: Type.Optional(
      Type.Boolean({ description: 'Start though the kernel lacks something that is required.' }),
    ),
    image: Type.Optional(Type.String({ description: 'Image of slivers that ask for none.' })),
    profile: Type.Optional(Type.String({ description: 'Kernel profile of slivers that ask for none.' })),
    rspec: Type.Optional(PartialRSpec),
    expiry: Type.Optional(
      Type.Object(
        {
          days: Type.Optional(days('From now, that a slice authority may have its slivers last.')),
          graceDays: Type.Optional(days("Of the node's running, that a sliver is kept past its end.")),
        },
        { additionalProperties: false, description: 'How long slivers last; max: no bound.' },
      ),
    ),
    reserve: Type.Optional(
      Type.Object(
        {
          cores: Type.Optional(Type.Number({ minimum: 0, maximum: 4096 })),
          memoryBytes: Type.Optional(Type.Integer({ minimum: 0 })),
          processes: Type.Optional(Type.Integer({ minimum: 0 })),
          diskBytes: Type.Optional(Type.Integer({ minimum: 0 })),
        },
        { additionalProperties: false, description: 'What slivers can never take from the node.' },
      ),
    ),
    overCommit: Type.Optional(
      Type.Object(
        {
          cpu: Type.Optional(Type.Number({ minimum: 1, maximum: 1000 })),
          memory: Type.Optional(Type.Number({ minimum: 1, maximum: 1000 })),
        },
        {
          additionalProperties: false,
          description:
            'How many times what the node has of it slivers may have together at most (cpu.max, memory.max); default: no bound.',
        },
      ),
    ),
    overPromise: Type.Optional(
      Type.Number({
        minimum: 1,
        maximum: 1000,
        description:
          'By how much slices that issue tickets may promise more than their share at once; default 1, not at all.',
      }),
    ),
    docker: Type.Optional(
      Type.Object(
        { socket: path("The Docker engine's socket.") },
        {
          additionalProperties: false,
          description: "Offers the environment 'docker' by an engine of the owner's.",
        },
      ),
    ),
    access: Type.Optional(
      Type.Object(
        {
          port: Type.Integer({ minimum: 1, maximum: 65_535 }),
          // Nothing that would move a terminal's cursor.
          motd: Type.Optional(Type.String({ maxLength: 4000, pattern: '^[\\t\\n -~\\u00a0-\\uffff]*$' })),
          sessions: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
        },
        {
          additionalProperties: false,
          description: 'How people log in to slivers by ssh; default: not at all.',
        },
      ),
    ),
    uplink: Type.Optional(
      Type.String({
        pattern: '^[^/\\s]{1,15}$',
        description:
          "The network link that slivers share the address of; default: that of the default route; 'none': no network.",
      }),
    ),
    network: Type.Optional(
      Type.Object(
        {
          up: Type.Optional(rate('Bits per second that all slivers together may send to the world.')),
          down: Type.Optional(rate('Bits per second that they may get from it.')),
          exempt: Type.Optional(
            Type.Array(Type.String({ minLength: 3, maxLength: 64 }), {
              maxItems: 65_536,
              description:
                'Prefixes whose traffic neither counts nor waits, but for net.exempt.*: the campus, a research network.',
            }),
          ),
          ipv6: Type.Optional(
            Type.String({
              maxLength: 64,
              description:
                "The prefix of slivers' own IPv6 addresses, of 112 bits at most, as 2001:db8:1::/64; 'none': they have none; default: the network that the uplink has an address in.",
            }),
          ),
          refuse: Type.Optional(
            Type.Array(Type.String({ minLength: 3, maxLength: 100 }), {
              maxItems: 4096,
              description:
                'What no sliver may begin to reach in the world: tcp/25, udp/53 to 192.0.2.0/24, 2001:db8::/32.',
            }),
          ),
        },
        {
          additionalProperties: false,
          description: 'What slivers may have of the uplink; rates in bits per second.',
        },
      ),
    ),
    flows: Type.Optional(
      Type.Object(
        {
          bytes: Type.Optional(Type.Integer({ minimum: 1_048_576, maximum: Number.MAX_SAFE_INTEGER })),
          days: Type.Optional(Type.Integer({ minimum: 1, maximum: 36_500 })),
        },
        {
          additionalProperties: false,
          description: 'How much of the records of flows is kept, and for how long.',
        },
      ),
    ),
    sensors: Type.Optional(
      Type.Object(Object.fromEntries(NARROWED.map((name) => [name, Type.Optional(Readers)])), {
        additionalProperties: false,
        description: 'Which slices read a sensor, where that are not all; the administrator does.',
      }),
    ),
    buildNetwork: Type.Optional(
      path('The network namespace that image builds download in; default: that of the daemon.'),
    ),
    stopGraceSeconds: Type.Optional(
      Type.Number({ minimum: 0, maximum: 300, description: 'Between asking and killing.' }),
    ),
    logLevel: Type.Optional(
      Type.Union(['trace', 'debug', 'info', 'warn', 'error'].map((level) => Type.Literal(level))),
    ),
  },
  { additionalProperties: false },
);

/** Every key there is, those of an object as `reserve.cores`: docs/configuration.md explains each. */
export const CONFIG_KEYS: string[] = Object.entries(ConfigFile.properties).flatMap(([key, schema]) => {
  const { properties } = schema as { properties?: object };
  return key === 'rspec' ? [key] : [key, ...Object.keys(properties ?? {}).map((inner) => `${key}.${inner}`)];
});

export interface Config {
  name: string;
  stateDirectory: string;
  runDirectory: string;
  cgroup: string;
  allowDegraded: boolean;
  image: string;
  profile: string;
  rspec: RSpec;
  /** Days; Infinity: no bound. */
  expiry: { days: number; graceDays: number };
  reserve: { cores: number; memoryBytes: number; processes: number; diskBytes: number };
  overCommit: { cpu: number; memory: number };
  overPromise: number;
  docker?: { socket: string };
  access?: { port: number; sessions: number; motd?: string };
  uplink?: string;
  network: { up: number; down: number; exempt: readonly string[]; refuse: readonly Refusal[]; ipv6?: string };
  flows: { bytes: number; days: number };
  /** Slices that may read a sensor, as `ucb_p2ps`, `ucb_*`, `*`; all, of one that isn't there. */
  sensors: Readonly<Partial<Record<string, readonly string[]>>>;
  buildNetwork?: string;
  stopGraceSeconds: number;
  logLevel: string;
}

/** Reads and checks a configuration; no file at the default place means the defaults. Throws `bad-config`. */
export function loadConfig(file: string, optional = false): Config {
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    if (!optional || (cause as NodeJS.ErrnoException).code !== 'ENOENT')
      throw new SliverdError('bad-config', `reading the configuration ${file}`, { cause });
  }
  return parseConfig(text, file);
}

export function parseConfig(text: string, file: string): Config {
  let given: unknown;
  try {
    given = parse(text) ?? {};
  } catch (cause) {
    throw new SliverdError('bad-config', `${file} is not YAML`, { cause });
  }
  if (!Value.Check(ConfigFile, given)) {
    const [first] = Value.Errors(ConfigFile, given);
    throw new SliverdError(
      'bad-config',
      `${file}: ${first?.instancePath || 'the file'} ${first?.message ?? 'is not valid'}`,
    );
  }
  const settings: Static<typeof ConfigFile> = given;
  return {
    name: settings.name ?? hostname().toLowerCase(),
    stateDirectory: settings.stateDirectory ?? '/var/lib/sliverd',
    runDirectory: settings.runDirectory ?? '/run/sliverd',
    cgroup: settings.cgroup ?? '/slivers.slice/slivers.service/slivers',
    allowDegraded: settings.allowDegraded ?? false,
    image: settings.image ?? 'debian-12',
    profile: settings.profile ?? 'standard',
    rspec: mergeRSpec(DEFAULT_RSPEC, settings.rspec ?? {}),
    expiry: {
      days: bound(settings.expiry?.days ?? 56),
      graceDays: bound(settings.expiry?.graceDays ?? 14),
    },
    reserve: {
      cores: settings.reserve?.cores ?? Math.min(0.1 * availableParallelism(), 1),
      memoryBytes: settings.reserve?.memoryBytes ?? 384 * 2 ** 20,
      processes: settings.reserve?.processes ?? 1024,
      diskBytes: settings.reserve?.diskBytes ?? 512 * 2 ** 20,
    },
    overCommit: {
      cpu: settings.overCommit?.cpu ?? Number.POSITIVE_INFINITY,
      memory: settings.overCommit?.memory ?? Number.POSITIVE_INFINITY,
    },
    overPromise: settings.overPromise ?? 1,
    ...(settings.docker ? { docker: settings.docker } : {}),
    ...(settings.access ? { access: { sessions: 150, ...settings.access } } : {}),
    ...(settings.uplink ? { uplink: settings.uplink } : {}),
    network: {
      up: settings.network?.up ?? Number.POSITIVE_INFINITY,
      down: settings.network?.down ?? Number.POSITIVE_INFINITY,
      exempt: exemptPrefixes(settings.network?.exempt ?? [], file),
      refuse: refusals(settings.network?.refuse ?? REFUSED, file),
      ...(settings.network?.ipv6 ? { ipv6: sliverNetwork(settings.network.ipv6, file) } : {}),
    },
    flows: { bytes: settings.flows?.bytes ?? 2 * 2 ** 30, days: settings.flows?.days ?? 90 },
    sensors: settings.sensors ?? {},
    ...(settings.buildNetwork ? { buildNetwork: settings.buildNetwork } : {}),
    stopGraceSeconds: settings.stopGraceSeconds ?? 5,
    logLevel: settings.logLevel ?? 'info',
  };
}

function bound(given: number | 'max'): number {
  return given === 'max' ? Number.POSITIVE_INFINITY : given;
}

function exemptPrefixes(prefixes: readonly string[], file: string): readonly string[] {
  for (const prefix of prefixes)
    if (!isPrefix(prefix))
      throw new SliverdError(
        'bad-config',
        `${file}: network.exempt: '${prefix}' is not a prefix, as in 192.0.2.0/24 or 2001:db8::/32`,
      );
  return prefixes;
}

function sliverNetwork(text: string, file: string): string {
  if (isSliverNetwork(text)) return text;
  throw new SliverdError(
    'bad-config',
    `${file}: network.ipv6: '${text}' is neither 'none' nor a prefix of 1 to 112 bits with nothing behind it, as 2001:db8:1::/64`,
  );
}

/** Mail to anywhere: what a machine that was broken into is used for first, and what gets its address listed. */
const REFUSED = ['tcp/25'];

function refusals(texts: readonly string[], file: string): Refusal[] {
  return texts.map((text) => {
    const refusal = parseRefusal(text);
    if (typeof refusal === 'string')
      throw new SliverdError('bad-config', `${file}: network.refuse: ${refusal}`);
    return refusal;
  });
}
