import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { Value } from 'typebox/value';
import { afterAll, describe, expect, it } from 'vitest';
import { CliError } from '../../daemon/cli/exit.ts';
import { splitWords } from '../../daemon/cli/slivers.ts';
import { readKeys } from '../../daemon/cli/values/files.ts';
import { formatRole, parseRole } from '../../daemon/cli/values/role.ts';
import {
  BYTE_KEYS,
  parseAssignment,
  RATE_KEYS,
  readRSpec,
  TEXT_KEYS,
} from '../../daemon/cli/values/rspec.ts';
import { formatSize, parseSize } from '../../daemon/cli/values/size.ts';
import { formatSpan, formatUntil, parseDuration, parseExpiry } from '../../daemon/cli/values/time.ts';
import { RSPEC_KEYS, RSpec } from '../../daemon/resources/rspec.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'sliverctl-'));
afterAll(() => rmSync(folder, { recursive: true }));
function file(name: string, content: string): string {
  const at = path.join(folder, name);
  writeFileSync(at, content);
  return at;
}

describe('sizes', () => {
  it.each([
    ['4096', 4096],
    ['512M', 512 * 2 ** 20],
    ['1.5g', 1.5 * 2 ** 30],
    ['2T', 2 * 2 ** 40],
    ['1KiB', 1024],
    ['1kB', 1024],
    ['0', 0],
  ])('%s', (text, bytes) => expect(parseSize(text, 'memory.max')).toBe(bytes));
  it.each(['', 'M', '1X', '-1', '1e9', '1 2', '0x10', '99999999T', '1.M', 'NaN'])('refuses %j', (text) =>
    expect(() => parseSize(text, 'memory.max')).toThrow(/memory\.max.*not a size/),
  );
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1K'],
    [1536, '1.5K'],
    [512 * 2 ** 20, '512M'],
    [2 ** 30 - 1, '1G'],
  ])('shows %d', (bytes, text) => expect(formatSize(bytes)).toBe(text));
  it('reads back what it shows, within the digits shown', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 50 }), (bytes) => {
        const back = parseSize(formatSize(bytes).replace(' ', ''), 'x');
        expect(Math.abs(back - bytes)).toBeLessThanOrEqual(bytes * 0.05);
      }),
    );
  });
});

describe('times', () => {
  const now = Date.parse('2026-03-01T12:00:00Z');
  it.each([
    ['8w', 8 * 7 * 86_400],
    ['3d', 3 * 86_400],
    ['2h30m', 9000],
    ['90s', 90],
    ['1.5h', 5400],
  ])('%s', (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds);
    expect(parseExpiry(text, now)).toBe(new Date(now + seconds * 1000).toISOString());
  });
  it('never, and absolute times with and without a zone', () => {
    expect(parseExpiry('never', now)).toBeNull();
    expect(parseExpiry('2026-12-24T18:00Z', now)).toBe('2026-12-24T18:00:00.000Z');
    expect(parseExpiry('2026-12-24 18:00+02:00', now)).toBe('2026-12-24T16:00:00.000Z');
    expect(parseExpiry('2026-12-24', now)).toBe(new Date(2026, 11, 24).toISOString());
  });
  it.each(['', 'soon', '8', '8 weeks', '-3d', '2026-02-30', '2026-13-01', '12/24/2026', '9999999999w'])(
    'refuses %j',
    (text) => expect(() => parseExpiry(text, now)).toThrow(/not a time/),
  );
  it('refuses what is over', () => {
    expect(() => parseExpiry('2020-01-01', now)).toThrow(/not in the future/);
    expect(() => parseExpiry('0s', now)).toThrow(/not in the future/);
  });
  it.each([
    [0, '0 s'],
    [119_000, '119 s'],
    [120_000, '2 min'],
    [3 * 3600_000, '3 h'],
    [50 * 3600_000, '2 d'],
  ])('shows %d ms', (span, text) => expect(formatSpan(span)).toBe(text));
  it('shows ends', () => {
    expect(formatUntil(null)).toBe('never');
    expect(formatUntil('2026-03-01T15:00:00Z', now)).toBe('in 3 h');
    expect(formatUntil('2026-03-01T11:00:00Z', now)).toBe('over');
  });
});

describe('RSpec arguments', () => {
  it("types every key as the daemon's schema does", () => {
    for (const key of RSPEC_KEYS) {
      const schema = RSpec.properties[key] as unknown as { type?: string; description: string };
      expect(TEXT_KEYS.has(key), key).toBe(schema.type === 'string');
      expect(BYTE_KEYS.has(key), key).toBe(/^Bytes/.test(schema.description));
      expect(RATE_KEYS.has(key), key).toBe(/bits per second/i.test(schema.description));
      const text = TEXT_KEYS.has(key)
        ? '0-1'
        : BYTE_KEYS.has(key) || RATE_KEYS.has(key)
          ? '64M'
          : key === 'disk.inodes'
            ? '2048'
            : '100';
      expect(Value.Check(RSpec.properties[key], parseAssignment(`${key}=${text}`)[1]), key).toBe(true);
    }
  });
  it.each<[string, [string, string | number]]>([
    ['memory.max=512M', ['memory.max', 536_870_912]],
    ['cpu.max=0.5', ['cpu.max', 0.5]],
    ['cpuset.cpus=0', ['cpuset.cpus', '0']],
    ['cpuset.cpus=', ['cpuset.cpus', '']],
    ['pids.max=max', ['pids.max', 'max']],
    ['net.up.max=10M', ['net.up.max', 10_000_000]],
    ['net.down.min=1.5Mbit', ['net.down.min', 1_500_000]],
    ['no.such=1', ['no.such', 1]],
  ])('%s', (text, expected) => expect(parseAssignment(text)).toEqual(expected));
  it.each(['memory.max=', 'memory.max=lots', 'pids.max=1K', 'cpu.max=half', 'cpu.max=1.2.3'])(
    'refuses %s',
    (text) => expect(() => parseAssignment(text)).toThrow(CliError),
  );
  it('lays files and values over each other in their order', async () => {
    const yaml = file('a.yaml', 'memory.max: 1G\ncpu.max: 0.5\ncpuset.cpus: "0-1"\n');
    const json = file('b.json', '{"memory.max": 1048576, "pids.max": "max"}');
    expect(await readRSpec([yaml, `@${json}`, 'cpu.max=2'])).toEqual({
      'memory.max': 1_048_576,
      'cpu.max': 2,
      'cpuset.cpus': '0-1',
      'pids.max': 'max',
    });
  });
  it.each([
    ['list.yaml', '- 1\n', /not an object/],
    ['bad.json', '{"a": ', /neither JSON nor YAML/],
    ['empty.yaml', '', /not an object/],
  ])('refuses %s', async (name, content, message) => {
    await expect(readRSpec([file(name, content)])).rejects.toThrow(message);
  });
  it('names a missing file', async () => {
    await expect(readRSpec(['/no/such'])).rejects.toThrow(/no such file/);
    await expect(readRSpec([folder])).rejects.toThrow(/it is a directory/);
  });
  it('finds the name among the values', () => {
    const expected = { name: 'ucb_p2ps', values: ['a=1', 'b=2'] };
    expect(splitWords(['ucb_p2ps', 'a=1', 'b=2'])).toEqual(expected);
    expect(splitWords(['a=1', 'b=2', 'ucb_p2ps'])).toEqual(expected);
    expect(() => splitWords(['a=1'])).toThrow(/name of the sliver is missing/);
    expect(() => splitWords(['ucb_p2ps', '512M'])).toThrow(/'512M' is neither/);
  });
});

describe('keys', () => {
  it('reads lines, not comments, and never a private key', async () => {
    const keys = file('keys', '# mine\nssh-ed25519 AAAA me\n\nssh-rsa BBBB you\r\n');
    expect(await readKeys([keys])).toEqual(['ssh-ed25519 AAAA me', 'ssh-rsa BBBB you']);
    const secret = file('id', '-----BEGIN OPENSSH PRIVATE KEY-----\nx\n');
    await expect(readKeys([secret])).rejects.toThrow(/private key/);
    await expect(readKeys([file('none', '\n')])).rejects.toThrow(/no key/);
  });
});

describe('roles', () => {
  it.each(['authority:ucb_*,mit_x', 'control:ucb_p2ps', 'flows', 'authority:ucb_*:slivers=10,memory.max=4G'])(
    '%s is read and shown alike',
    (text) => {
      expect(formatRole(parseRole(text))).toBe(text);
    },
  );

  it.each([
    '',
    'authority',
    'control:ucb_x:slivers=1',
    'authority:ucb_x:slivers=1:x',
    'authority:ucb_x:memory.max=max',
    'control:',
    'flows:ucb_x',
    'root:ucb_x',
  ])('%j is none', (text) => {
    expect(() => parseRole(text)).toThrow(/is no (role|part of a share)/);
  });
});
