import { existsSync } from 'node:fs';
import fc from 'fast-check';
import { damaged, json, mutated, ODD_STRINGS, oddString } from './mutations.ts';
import { ROUTES, type Route } from './routes.ts';
import { type Known, valid } from './values.ts';

/** One request, as it goes over the wire. */
export interface Request {
  readonly route: Route;
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
}

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINf2UeZ6UWSiKhS4lCZ0u9r5Bqi5u8mDAm3HqHlVd9mN me';
const KEYS = [KEY, `cert-authority,principals="a,b" ${KEY}`, `command="x" ${KEY}`, '# none', ''];
const FINGERPRINT = 'SHA256:YWEgYmIgY2MgZGQgZWUgZmYgZ2cgaGggaWkgamoga2s';

/** What members and parameters mean on the test's node, so that many requests get past the first look. */
function known(route: Route, slivers: readonly string[]): Known {
  const image = route.path.startsWith('/v1/images');
  return {
    name: image ? ['small', 'other', 'none-such'] : slivers,
    sliver: slivers,
    subject: slivers,
    after: ['', '0', '5', slivers[0]],
    image: ['small'],
    environment: ['namespaces', 'docker'],
    profile: ['standard', 'restricted', 'none'],
    authority: [slivers[0], null],
    slices: [slivers[0], 'victim_*', '*'],
    protocol: ['tcp', 'udp', '47', '1', '255', '256'],
    port: route.body ? [0, 1, 80, 40_001, 65_535] : ['0', '1', '80', '40001', '65536'],
    keys: KEYS,
    fingerprint: [FINGERPRINT, encodeURIComponent(FINGERPRINT)],
    'cpu.max': [0.01, 0.5, 'max'],
    'cpuset.cpus': ['', '0', '0-1'],
    'memory.high': [2 ** 26, 'max'],
    'memory.max': [2 ** 26, 2 ** 27],
    'disk.bytes': [2 ** 24, 2 ** 26],
    'pids.max': [64, 'max'],
    'net.up.min': [0, 1000],
    'net.down.min': [0, 1000],
    expiresAt: [null, '2399-01-01T00:00:00Z'],
    until: ['2399-01-01T00:00:00Z', new Date(Date.now() + 3_600_000).toISOString()],
    id: ['1', '2', 'none'],
    ...(route.path.startsWith('/v1/loans') ? { to: slivers } : {}),
    argv: ['true', 'sh', '-c', 'exit 3', 'cat', '/'],
    user: ['root', 'nobody', '0', '1:1'],
    cwd: ['/', '/tmp', '/none'],
    timeoutSeconds: [0.001, 2, 5],
    path: ['/dev/null', '/dev/zero', '/proc/self/mem', '/etc/passwd', '/none'],
    build: ['none', 'debian-none'],
    docker: ['none.invalid/none:1'],
    x: ['11qYAyAZ0BWBJbbmJqG6mlRzTHzUbBMTGfWcKbxOvIo'],
    ticket: ['eyJhbGciOiJFZERTQSJ9.e30.AAAA', 'a.b.c', '..'],
    source: ['127.0.0.1', '::1', '::ffff:10.0.0.1', 'fe80::1%lo'],
    destination: ['127.0.0.1', '192.0.2.1'],
  };
}

/** Requests of one route, right ones and wrong ones in every way that we know. */
export function requests(route: Route, slivers: readonly string[]): fc.Arbitrary<Request> {
  const words = known(route, slivers);
  const parameters = route.parameters ?? [];
  // A few in a hundred are wrong in a place, so that most of what is wrong is wrong in one place only.
  const part = (name: string, schema: (typeof parameters)[number]['schema']) =>
    fc.oneof(
      { weight: 7, arbitrary: valid(schema, words, name).map((value) => encoded(String(value))) },
      { weight: 1, arbitrary: oddString.map(encoded) },
      {
        weight: 1,
        arbitrary: fc.constantFrom('%', '%zz', '%ff', '%c0%af', '%u0041', '..', '.', '%2F%2F', ';a=b', ''),
      },
    );
  const path = fc
    .tuple(
      ...parameters
        .filter((one) => one.in === 'path')
        .map(({ name, schema }) => part(name, schema).map((text) => [name, text] as const)),
    )
    .map((values) => values.reduce((at, [name, text]) => at.replace(`{${name}}`, () => text), route.path));
  const query = fc.oneof(
    {
      weight: 6,
      arbitrary: fc
        .subarray(
          parameters
            .filter((one) => one.in === 'query')
            .map(({ name, schema }) => part(name, schema).map((text) => `${name}=${text}`)),
        )
        .chain((chosen) => fc.tuple(...chosen)),
    },
    {
      weight: 1,
      arbitrary: fc.array(
        fc.tuple(oddString, oddString).map(([name, text]) => `${encoded(name)}=${encoded(text)}`),
        { maxLength: 3 },
      ),
    },
    { weight: 1, arbitrary: fc.constantFrom(['limit=1', 'limit=2'], ['[]=', 'a[b]=c'], ['&&&', '='], ['%']) },
  );
  const shape = route.body ? valid(route.body, words) : fc.constant<unknown>(undefined);
  const right = shape.map(json);
  const wrong = mutated(route.body ? shape : fc.constant<unknown>({})).map(json);
  const body = fc.oneof(
    { weight: 4, arbitrary: right },
    { weight: 6, arbitrary: wrong },
    { weight: 1, arbitrary: damaged(fc.oneof(right, wrong)) },
  );
  return (
    fc
      .record({
        route: fc.constant(route),
        method: fc.oneof(
          { weight: 30, arbitrary: fc.constant(route.method) },
          fc.constantFrom('GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'TRACE', 'PROPFIND'),
        ),
        target: fc.tuple(path, query).map(([at, parts]) => (parts.length ? `${at}?${parts.join('&')}` : at)),
        headers: HEADERS,
        body,
      })
      .filter(harmless)
      // The route is the whole of its description, which nobody wants to read in a report.
      .map((one) => Object.assign(one, { [fc.toStringMethod]: () => told(one) }))
  );
}

/** An image is made of any folder of the machine, which would be a large one; and what ends the node ends the test. */
function harmless({ target, body }: Request): boolean {
  if (/down/.test(target)) return false;
  const path = /"path":("(?:[^"\\]|\\.)*")/.exec(body.toString())?.[1];
  if (path === undefined) return true;
  try {
    return (
      JSON.parse(path) === '' || JSON.parse(path).startsWith('/dev/') || !existsSync(`${JSON.parse(path)}/.`)
    );
  } catch {
    return true;
  }
}

/** As in a URL; what can't be is sent as it is, in UTF-8. */
function encoded(text: string): string {
  return text.isWellFormed() ? encodeURIComponent(text) : text;
}

const plain = (text: string) => text.replace(/[\r\n]/g, '');
const odd = fc.constantFrom(...ODD_STRINGS.filter(({ length }) => length < 10_000)).map(plain);
/** Beside the host and the length: mostly what clients send. */
const HEADERS: fc.Arbitrary<[string, string][]> = fc
  .tuple(
    fc.oneof(
      { weight: 12, arbitrary: fc.constant('application/json') },
      fc.constantFrom(
        'application/json; charset=utf-16',
        'text/plain',
        'application/x-www-form-urlencoded',
        'multipart/form-data',
        'x',
        '',
      ),
      odd,
    ),
    fc.oneof(
      { weight: 10, arbitrary: fc.constant([]) },
      fc.array(
        fc.oneof(
          fc.constantFrom<[string, string]>(
            ['accept', 'text/event-stream'],
            ['accept', 'image/png'],
            ['prefer', 'respond-async'],
            ['prefer', ',;respond-async,'],
            ['last-event-id', '3'],
            ['if-match', '*'],
            ['expect', '100-continue'],
            ['expect', 'x'],
            ['upgrade', 'websocket\r\nconnection: upgrade'],
            ['upgrade', 'h2c\r\nconnection: upgrade'],
            ['range', 'bytes=0-1'],
            ['host', 'a, b'],
            ['content-encoding', 'gzip'],
            ['x-http-method-override', 'DELETE'],
            ['origin', 'null'],
            ['cookie', 'x'.repeat(9000)],
            ['x-long', 'x'.repeat(20_000)],
          ),
          fc.tuple(
            fc.constantFrom(
              'last-event-id',
              'accept',
              'prefer',
              'content-type',
              'sec-websocket-key',
              'x-y',
              'bad name',
              'ü',
            ),
            odd,
          ),
        ),
        { minLength: 1, maxLength: 3 },
      ),
    ),
  )
  .map(([type, more]) => [['content-type', type], ...more] as [string, string][]);

/** One of any route. */
export const anyRequest = (slivers: readonly string[]): fc.Arbitrary<Request> =>
  fc.oneof(
    ...ROUTES.map((route) => ({
      arbitrary: requests(route, slivers),
      weight: WEIGHT[`${route.method} ${route.path}`] ?? 10,
    })),
  );

/** What takes the node long isn't asked as often; nothing is left out. */
const WEIGHT: Readonly<Record<string, number>> = { 'GET /v1/node/doctor': 1 };

/** As someone would read it, in the report of a failure. */
export function told({ method, target, headers, body }: Request): string {
  const text = body.toString();
  return `${method} ${target.slice(0, 500)} ${JSON.stringify(headers).slice(0, 500)} ${JSON.stringify(text.slice(0, 1500))}${text.length > 1500 ? '…' : ''}`;
}
