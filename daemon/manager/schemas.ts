import { type Static, Type } from 'typebox';
import { USER } from '../environments/environment.ts';
import { PartialRSpec, RSpec } from '../resources/rspec.ts';
import { PublicKey } from '../resources/tickets/link.ts';
import { Role } from '../slivers/roles.ts';
import { PROTOCOL_PATTERN } from './protocols.ts';

/** Shapes of the manager's API: they validate requests, serialise answers and generate the OpenAPI description. */
export const time = (description: string) =>
  Type.String({ format: 'date-time', description: `${description} (RFC 3339, UTC).` });
export const nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()]);

/** An answer without a body. */
export const done = (description: string) => Type.Unsafe<undefined>({ type: 'null', description });

export const Cause = Type.Object(
  {
    step: Type.String({ description: 'The step that failed, as in start/run.' }),
    reason: Type.String({ description: 'Why, outermost first.' }),
    since: time('When it first failed'),
    attempts: Type.Integer({ description: 'Failures in a row.' }),
    retryAt: nullable(time('When it is tried again')),
  },
  { description: 'Why actual is not what is desired.' },
);
export type Cause = Static<typeof Cause>;

export const SliverState = Type.Enum(
  ['running', 'frozen', 'stopped', 'expired', 'starting', 'stopping', 'failed', 'deleting'],
  { description: 'Effective state.' },
);
export type SliverState = Static<typeof SliverState>;

export const Sliver = Type.Object({
  name: Type.String(),
  id: Type.Integer(),
  environment: Type.String(),
  image: Type.Object({ name: Type.String(), digest: Type.String() }),
  profile: Type.String(),
  rspec: RSpec,
  keys: Type.Array(Type.String()),
  initscript: nullable(Type.String()),
  createdAt: time('When it was created'),
  expiresAt: nullable(time('When it ends')),
  deletedAfterSeconds: nullable(
    Type.Integer({
      description:
        "Of one that has expired: for how long the node still runs until it deletes it, unless it is renewed; null: it hasn't, or is kept for ever.",
    }),
  ),
  desired: Type.String({ description: 'running, stopped, frozen or deleted.' }),
  state: SliverState,
  since: time('Since when it is in this state'),
  doing: nullable(Type.String({ description: 'What is being done now.' })),
  pid: nullable(Type.Integer({ description: 'The init, as the host sees it.' })),
  roles: Type.Array(
    Type.Object({
      role: Type.String(),
      slices: Type.Optional(Type.Array(Type.String())),
      share: Type.Optional(Type.Record(Type.String(), Type.Number())),
    }),
    {
      description: "What it may do by its manager's socket, as it was given.",
    },
  ),
  authority: nullable(
    Type.String({ description: 'The slice that created it as an authority; null: the administrator.' }),
  ),
  addresses: Type.Array(Type.String(), {
    description: 'By which the world reaches it: the shared one, and its own of IPv6 where it has one.',
  }),
  cause: nullable(Cause),
});
export type Sliver = Static<typeof Sliver>;

const Key = Type.String({ maxLength: 16_384, description: 'One line of authorized_keys.' });
const Keys = Type.Array(Key, {
  maxItems: 10_000,
  description: 'Lines of authorized_keys, at most 1000 of them keys; blank ones and comments are left out.',
});
export const SetKeys = Type.Object({ keys: Keys }, { additionalProperties: false });
export const SliceKey = Type.Object({
  fingerprint: nullable(
    Type.String({
      description: 'As ssh-keygen -l has it; null: a line from before, which OpenSSH may refuse.',
    }),
  ),
  type: Type.String({ description: 'As in ssh-ed25519.' }),
  bits: Type.Integer(),
  options: Type.Array(Type.String(), { description: 'As sshd(8) has them.' }),
  comment: Type.String(),
  authority: Type.Boolean({ description: 'Whether it logs in none itself, but whom it certifies.' }),
  line: Type.String({ description: 'The whole line.' }),
});
export type SliceKey = Static<typeof SliceKey>;
const serial = Type.String({ pattern: '^[0-9]{1,20}$', description: 'Of a certificate, in decimal.' });
const keyId = Type.String({ maxLength: 256, description: 'What a certificate is named (ssh-keygen -I).' });
const print = (description: string) => Type.String({ maxLength: 128, description });
export const Revocation = Type.Object(
  {
    authority: Type.Optional(
      print(
        'Fingerprint of who signed it: a key of the sliver with cert-authority, its only one if not given.',
      ),
    ),
    serial: Type.Optional(serial),
    keyId: Type.Optional(keyId),
    fingerprint: Type.Optional(print('Of a key (SHA256:…), itself or in a certificate.')),
  },
  { additionalProperties: false, description: 'One of serial, keyId and fingerprint.' },
);
export type Revocation = Static<typeof Revocation>;
export const Revoke = Type.Object(
  { items: Type.Array(Revocation, { maxItems: 1000 }) },
  { additionalProperties: false },
);
export const Revocations = Type.Object({ items: Type.Array(Revocation) });
export type Revocations = Static<typeof Revocations>;
export const SliceKeys = Type.Object({ items: Type.Array(SliceKey) });
export type SliceKeys = Static<typeof SliceKeys>;

export const Session = Type.Object({
  id: Type.String(),
  sliver: Type.String(),
  since: time('Since when'),
  address: Type.String({ description: 'Where it came from.' }),
  port: Type.Integer(),
  type: Type.String({ description: 'Of the key, as in ssh-ed25519.' }),
  fingerprint: Type.String({ description: 'Of the key, as ssh shows it.' }),
  certificate: nullable(
    Type.Object(
      { keyId: Type.String(), serial: Type.String(), authority: nullable(Type.String()) },
      { description: 'What vouched for the key; authority is the fingerprint of who signed it.' },
    ),
  ),
});
export type Session = Static<typeof Session>;
export const SessionList = Type.Object({ items: Type.Array(Session) });
export type SessionList = Static<typeof SessionList>;

const Initscript = Type.String({
  maxLength: 65_536,
  description: 'A script (#! line or sh), run as root at each start.',
});
const Word = Type.String({ minLength: 1, maxLength: 128 });

const Roles = Type.Array(Role, { maxItems: 100 });

export const CreateSliver = Type.Object(
  {
    name: Type.String({ maxLength: 256 }),
    image: Type.Optional(Word),
    environment: Type.Optional(Word),
    profile: Type.Optional(Word),
    rspec: Type.Optional(PartialRSpec),
    keys: Type.Optional(Keys),
    initscript: Type.Optional(nullable(Initscript)),
    expiresAt: Type.Optional(
      nullable(
        time("When it ends; without it as late as the node's owner lets an authority say; null: never"),
      ),
    ),
    desired: Type.Optional(Type.Union([Type.Literal('running'), Type.Literal('stopped')])),
    roles: Type.Optional(Roles),
    authority: Type.Optional(nullable(Word)),
  },
  { additionalProperties: false },
);
export type CreateSliver = Static<typeof CreateSliver>;

export const ChangeSliver = Type.Object(
  {
    rspec: Type.Optional(PartialRSpec),
    keys: Type.Optional(Keys),
    initscript: Type.Optional(nullable(Initscript)),
    expiresAt: Type.Optional(nullable(time('When it ends; null: never'))),
    profile: Type.Optional(Word),
    roles: Type.Optional(Roles),
    authority: Type.Optional(nullable(Word)),
  },
  { additionalProperties: false, minProperties: 1 },
);
export type ChangeSliver = Static<typeof ChangeSliver>;

export const Image = Type.Object({
  name: Type.String(),
  digest: Type.String({ description: 'sha256 of the uncompressed archive.' }),
  bytes: Type.Integer(),
  files: Type.Integer(),
  source: Type.String({ description: 'Where it came from.' }),
  createdAt: time('When it was made'),
  usedBy: Type.Array(Type.String(), { description: 'Slivers made from it.' }),
});
export type Image = Static<typeof Image>;

export const CreateImage = Type.Object(
  {
    name: Type.String({ pattern: '^[a-z0-9][a-z0-9.-]{0,63}$', description: 'As in debian-12.' }),
    source: Type.Union([
      Type.Object(
        { build: Word },
        { additionalProperties: false, description: 'A recipe, such as debian-12.' },
      ),
      Type.Object(
        { path: Type.String({ minLength: 1, maxLength: 4096 }) },
        {
          additionalProperties: false,
          description: 'A tar archive (also gz, xz, zst) or a directory on this machine.',
        },
      ),
      Type.Object(
        { docker: Type.String({ minLength: 1, maxLength: 512 }) },
        { additionalProperties: false, description: 'A reference that a Docker engine has, or pulls.' },
      ),
    ]),
  },
  { additionalProperties: false },
);
export type CreateImage = Static<typeof CreateImage>;

export const Exec = Type.Object(
  {
    argv: Type.Array(Type.String({ maxLength: 131_072 }), { minItems: 1, maxItems: 4096 }),
    env: Type.Optional(Type.Record(Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_]*$' }), Type.String())),
    cwd: Type.Optional(Type.String({ pattern: '^/', maxLength: 4096 })),
    user: Type.Optional(Type.String({ pattern: USER, description: 'A name, UID or UID:GID inside.' })),
    stdin: Type.Optional(Type.String()),
    timeoutSeconds: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 3600, default: 60 })),
  },
  { additionalProperties: false },
);
export type Exec = Static<typeof Exec>;

export const ExecResult = Type.Object({
  exitCode: nullable(Type.Integer()),
  signal: nullable(Type.String()),
  stdout: Type.String(),
  stderr: Type.String(),
  truncated: Type.Boolean({ description: 'Output past 1 MiB of each stream was dropped.' }),
});

const days = (description: string) => Type.Union([Type.Number(), Type.Literal('max')], { description });

export const NodeStatus = Type.Object({
  name: Type.String(),
  version: Type.String(),
  pid: Type.Optional(Type.Integer()),
  key: Type.Object({
    public: PublicKey,
    thumbprint: Type.String({ description: 'By which tickets name the node (RFC 7638).' }),
  }),
  startedAt: time('Since when the daemon serves'),
  degraded: Type.Array(Type.Object({ what: Type.String(), why: Type.String(), cost: Type.String() })),
  slivers: Type.Optional(
    Type.Record(Type.String(), Type.Integer(), { description: 'How many in each state.' }),
  ),
  environments: Type.Array(Type.String()),
  stateDirectory: Type.Optional(Type.String()),
  cgroup: Type.Optional(Type.String()),
  capacity: Type.Object({
    cpus: Type.Integer(),
    memoryBytes: Type.Integer(),
    diskBytes: Type.Integer({ description: 'For the disks of all slivers together.' }),
    diskFreeBytes: Type.Integer({ description: 'Of it, what the file system has left for them now.' }),
  }),
  expiry: Type.Object(
    {
      days: days('From now, that an authority may have a sliver last.'),
      graceDays: days("Of the node's running, that it is kept past its end."),
    },
    { description: "What the node's owner says of the ends of slivers; max: no bound." },
  ),
  access: nullable(
    Type.Object(
      {
        port: Type.Integer(),
        hostKeys: Type.Array(
          Type.Object({
            type: Type.String(),
            fingerprint: Type.String(),
            sshfp: Type.String({ description: "What follows the node's name in its DNS zone." }),
          }),
        ),
        held: Type.Optional(
          Type.Array(
            Type.Object({
              source: Type.String({ description: 'An address, or an IPv6 network of 64 bits.' }),
              refused: Type.Integer({ description: 'Its connections that were refused since it is held.' }),
              seconds: Type.Integer({ description: 'For how long it still is.' }),
            }),
            { description: 'Who is refused for a while, having connected again and again without a login.' },
          ),
        ),
      },
      { description: 'Where ssh comes in, and by what it knows the node; null: nowhere.' },
    ),
  ),
});
/** What the administrator is told; a slice isn't told what is optional there. */
/** As slices are told. */
export type NodeFacts = Static<typeof NodeStatus>;
export type NodeStatus = Required<NodeFacts>;

export const Finding = Type.Object({
  id: Type.String({ description: 'Stable.' }),
  what: Type.String(),
  for: Type.String({ description: 'What the node uses it for.' }),
  severity: Type.Enum(['required', 'degraded']),
  cost: Type.String({ description: "What doesn't hold without it." }),
  mend: Type.String({ description: 'How to get it.' }),
  ok: Type.Boolean(),
  detail: Type.String({ description: 'What was seen, or why it failed.' }),
});

export const Problem = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    code: Type.String({ description: 'Stable; see docs/errors.md.' }),
  },
  { additionalProperties: true, description: 'Problem details (RFC 9457).' },
);

export const Protocol = Type.String({
  pattern: '^(tcp|udp|[0-9]{1,3})$',
  description: 'tcp, udp, or the number of another IP protocol.',
});
export const PortNumber = Type.Integer({
  minimum: 0,
  maximum: 65_535,
  description: '0 for a protocol without ports.',
});

const Address = Type.String({ description: 'An IPv4 or IPv6 address.' });
const Count = (description: string) =>
  Type.Object({ bytes: Type.Integer(), packets: Type.Integer() }, { description });
export const Flow = Type.Object({
  slice: nullable(Type.String({ description: 'Whose it was; null is one that nobody remembers.' })),
  peer: nullable(Type.String({ description: 'The slice of this node that it went to.' })),
  protocol: Protocol,
  protocolName: nullable(
    Type.String({ description: 'As in /etc/protocols: icmp, ipv6-icmp, gre; null where it has none.' }),
  ),
  source: Type.Object(
    { address: Address, port: PortNumber },
    { description: 'Who began it, as seen outside; of ICMP the port is the identifier.' },
  ),
  destination: Type.Object(
    { address: Address, port: PortNumber },
    { description: 'Whom it went to, as seen outside; of ICMP the port is type * 256 + code.' },
  ),
  inside: nullable(
    Type.Object(
      {
        source: Type.String(),
        sourcePort: PortNumber,
        destination: Type.String(),
        destinationPort: PortNumber,
      },
      { description: 'What the sliver itself saw, where that differs.' },
    ),
  ),
  inbound: Type.Boolean({ description: 'Whether somebody else than the sliver began it.' }),
  sent: Count('By the sliver.'),
  received: Count('By the sliver.'),
  start: nullable(time('When it began; null is before anybody looked')),
  end: nullable(time('When the kernel forgot it; null: it goes on')),
});
export type Flow = Static<typeof Flow>;

export const FlowGap = Type.Object({
  from: time('Flows that ended from then on'),
  to: time('to then may be missing'),
  reason: Type.Enum(['stopped', 'full', 'clock'], {
    description:
      'stopped: nobody recorded; full: the disk took no more; clock: it was set, and times before are by the clock of then.',
  }),
  lost: Type.Integer({ description: 'How many are missing, where that is known; else 0.' }),
});
export type FlowGap = Static<typeof FlowGap>;

const number = (pattern: string, description: string) => Type.Optional(Type.String({ pattern, description }));
const PORT = '^([0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$';
export const FlowQuery = Type.Object(
  {
    source: Type.Optional(
      Type.String({ maxLength: 64, description: 'Address of who began it, as seen outside.' }),
    ),
    sourcePort: number(PORT, 'The port that it came from.'),
    destination: Type.Optional(Type.String({ maxLength: 64, description: 'Address of whom it went to.' })),
    destinationPort: number(PORT, 'The port that it went to.'),
    protocol: Type.Optional(
      Type.String({
        pattern: PROTOCOL_PATTERN,
        description: 'A name as in /etc/protocols, icmp6, or a number.',
      }),
    ),
    sliver: Type.Optional(Type.String({ maxLength: 256, description: 'A slice, which may be gone.' })),
    from: Type.Optional(time('Flows that were there at that time or later')),
    to: Type.Optional(time('or earlier')),
    limit: number('^[1-9][0-9]{0,3}$', 'How many at most; 100.'),
    after: number('^[0-9]{1,8}$', 'What an answer gave as `next`: only what is older than all that it has.'),
  },
  { additionalProperties: false },
);

export const SensorColumn = Type.Object({
  name: Type.String(),
  type: Type.Enum(['text', 'number', 'boolean', 'time']),
  unit: Type.Optional(Type.String()),
  description: Type.String(),
});
export const SensorAbout = Type.Object({
  name: Type.String({ description: 'SLICE.NAME of one that a slice publishes.' }),
  author: nullable(Type.String({ description: 'The slice that says so; null: the node.' })),
  description: Type.String(),
  maxAge: Type.Integer({ description: 'Seconds for which an answer is as good as a new one.' }),
  columns: Type.Array(SensorColumn, { description: 'Empty where a reading alone tells them.' }),
});
export type SensorAbout = Static<typeof SensorAbout>;
export const SensorList = Type.Object({ items: Type.Array(SensorAbout) });
export type SensorList = Static<typeof SensorList>;
export const SensorName = Type.String({
  pattern: '^[a-z][a-z0-9_-]{0,31}$',
  description: "The slice's own name for it.",
});
export const PublishSensor = Type.Object(
  {
    socket: Type.String({
      pattern: '^/[\\x21-\\x7e]{1,106}$',
      description: 'Path of the Unix socket inside, on the file system of its root: not in /run.',
    }),
    maxAge: Type.Optional(
      Type.Integer({ minimum: 5, maximum: 86_400, default: 30, description: 'Seconds between two reads.' }),
    ),
    description: Type.Optional(
      Type.String({ maxLength: 200, pattern: '^[ -~\\u00a0-\\u2027\\u202f-\\uffff]*$', default: '' }),
    ),
  },
  { additionalProperties: false },
);

export const ReservePort = Type.Object(
  { sliver: Type.String({ maxLength: 256 }), protocol: Protocol, port: PortNumber },
  { additionalProperties: false },
);

export const Port = Type.Object({
  protocol: Protocol,
  port: PortNumber,
  sliver: nullable(Type.String({ description: 'The owner; null is the node itself.' })),
  by: Type.Enum(['bind', 'reservation', 'node'], { description: 'How it came to its owner.' }),
  since: time('Since when'),
  sockets: Type.Integer({ description: 'How many sockets hold it now.' }),
});
export type Port = Static<typeof Port>;

export const Ports = Type.Object({
  had: Type.Enum(['bind', 'reservation', 'none'], {
    description:
      'How a sliver comes by a port on this node: by binding it, by reservation only, or not at all.',
  }),
  items: Type.Array(Port),
});
export type Ports = Static<typeof Ports>;
