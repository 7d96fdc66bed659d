import fc from 'fast-check';

/** A program that believes one of these, and runs it, leaves a file of this name. */
export const CANARY = 'sliverd-canary';

/** Written as a string in a value, it becomes a number that no JSON writer writes. */
const RAW_NUMBERS = ['1e999', '-1e999', '-0', '1e-400', '18446744073709551616', '0.1e1', '9'.repeat(400)];
const raw = (number: string) => `\u0001raw:${number}`;

export const ODD_STRINGS = [
  '',
  ' ',
  '.',
  '..',
  '../../../etc/shadow',
  '/etc/shadow\0.tar',
  '\0',
  'a\0b',
  'a\nb',
  '\r\nx-header: 1\r\n\r\n',
  '\ud800',
  'x\udfffx',
  '\u202e\u0000\u0007\u001b[2J',
  '\ufeffa_b',
  '%00',
  '%2e%2e%2f',
  `$(touch /tmp/${CANARY})`,
  `\`touch /tmp/${CANARY}\``,
  `; touch /tmp/${CANARY} #`,
  `x_y" ; touch /tmp/${CANARY}`,
  '}; flush ruleset; table inet x {',
  '" } ; drop ; {',
  '@elements',
  '-rf',
  '--help',
  '*',
  '?',
  'a_*',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'NaN',
  'max',
  'true',
  '9007199254740993',
  '2026-02-31T25:61:61Z',
  '2026-01-01T00:00:60Z',
  '0000-01-01T00:00:00Z',
  '9999-12-31T23:59:60.999999999+23:59',
  "'; DROP TABLE slivers; --",
  '%s%n%d',
  'İıſK',
  'é'.normalize('NFD'),
  'x'.repeat(257),
  'x'.repeat(70_000),
  '/'.repeat(5000),
];

export const oddString = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...ODD_STRINGS) },
  fc.string({ unit: 'binary', maxLength: 60 }),
);

function nested(depth: number, array: boolean): unknown {
  let value: unknown = 1;
  for (let count = 0; count < depth; count++) value = array ? [value] : { a: value };
  return value;
}

const odd: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: oddString },
  fc.constantFrom<unknown>(
    ...[null, true, false, 0, -1, 1, 0.5, -0.5, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 63), 1e308, 5e-324],
  ),
  fc.constantFrom(...RAW_NUMBERS.map(raw)),
  fc.constantFrom<unknown>([], {}, [[]], [null], { '': null }, nested(500, true), nested(500, false)),
  fc.constantFrom<unknown>(
    Array(2000).fill('x'),
    Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`m${i}`, i])),
  ),
);

type Path = (string | number)[];
function places(value: unknown, at: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [at];
  return [at, ...Object.entries(value).flatMap(([key, one]) => places(one, [...at, key]))];
}

/** A value with one place of it replaced, taken away, or given a member more. */
export function mutated(value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const change = fc.tuple(fc.nat(1000), fc.constantFrom('replace', 'remove', 'add', 'wrap'), odd, oddString);
  const once = (of: unknown, [where, how, instead, member]: [number, string, unknown, string]): unknown => {
    const copy = structuredClone(of);
    const all = places(copy);
    const path = all[where % all.length]!;
    const key = path.at(-1);
    const parent = path
      .slice(0, -1)
      .reduce((at, step) => (at as Record<string, unknown>)[step]!, copy) as Record<string, unknown>;
    const here = key === undefined ? copy : parent[key];
    if (how === 'add' && typeof here === 'object' && here !== null) {
      // As an own member, whatever it is called.
      Object.defineProperty(here, Array.isArray(here) ? here.length : member, {
        value: instead,
        enumerable: true,
        configurable: true,
        writable: true,
      });
      return copy;
    }
    if (key === undefined) return instead;
    if (how === 'remove') delete parent[key];
    else parent[key] = how === 'wrap' ? [here] : instead;
    return copy;
  };
  return fc
    .tuple(value, fc.array(change, { minLength: 1, maxLength: 2 }))
    .map(([of, changes]) => changes.reduce<unknown>(once, of));
}

/** A value as the bytes of JSON, with the numbers in it that only a text can have. */
export const json = (value: unknown): Buffer =>
  Buffer.from((JSON.stringify(value) ?? '').replace(/"\\u0001raw:([-0-9.e]+)"/g, '$1'));

/** The bytes of JSON, damaged. */
export function damaged(text: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> {
  return fc
    .tuple(
      text,
      fc.nat(10_000),
      fc.uint8Array({ maxLength: 8 }),
      fc.constantFrom('cut', 'put', 'nest', 'twice', 'utf16', 'bom', 'bare'),
    )
    .map(([bytes, where, put, how]) => {
      const at = where % (bytes.length + 1);
      switch (how) {
        case 'cut':
          return bytes.subarray(0, at);
        case 'put':
          return Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at)]);
        case 'nest':
          return Buffer.from('['.repeat(where * 4) + (where % 2 ? ']'.repeat(where * 4) : ''));
        case 'twice':
          return Buffer.concat([bytes, bytes]);
        case 'utf16':
          return Buffer.from(bytes.toString(), 'utf16le');
        case 'bom':
          return Buffer.concat([Buffer.from('\ufeff'), bytes]);
        default:
          return Buffer.from(
            ['NaN', 'undefined', '{"a":01}', "{'a':1}", '"\\ud800"', '"\\x"', '//', '\0'][where % 8]!,
          );
      }
    });
}
