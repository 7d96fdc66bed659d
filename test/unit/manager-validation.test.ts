import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { CreateSliver } from '../../daemon/manager/schemas.ts';
import { type Invalid, invalidRequest, onlyKnownTimes } from '../../daemon/manager/validation.ts';

const check = new Ajv({ strict: false, formats: { 'date-time': true } }).compile(CreateSliver);
function said(body: unknown): string {
  expect(check(body)).toBe(false);
  const { code, message } = invalidRequest(check.errors as Invalid[], 'body');
  return `${code}: ${message}`;
}

describe('what is wrong with a request is told by name', () => {
  it.each<[unknown, string]>([
    [{ name: 'a_b', colour: 1 }, "bad-request: body has no member 'colour'"],
    [{ name: 5 }, 'bad-request: name must be string'],
    [{}, "bad-request: body must have required property 'name'"],
    [[], 'bad-request: body must be object'],
    [{ name: 'a_b', desired: 'gone' }, 'bad-request: desired must be "running", or must be "stopped"'],
    [
      { name: 'a_b', rspec: { 'memory.max': 1 } },
      'bad-rspec: memory.max must be >= 4194304, or must be "max"',
    ],
    [{ name: 'a_b', rspec: { 'cpu.max': 'lots' } }, 'bad-rspec: cpu.max must be number, or must be "max"'],
    [{ name: 'a_b', rspec: 5 }, 'bad-rspec: rspec must be object'],
  ])('%j', (body, text) => expect(said(body)).toBe(text));
  it('an RSpec key that is none, with those that are', () => {
    expect(said({ name: 'a_b', rspec: { 'no/such~key': 1 } })).toMatch(
      /^bad-rspec: there is no RSpec key 'no\/such~key' \(keys: cpu\.weight, /,
    );
  });
});

it('a time that JavaScript has no number for is none', () => {
  const ajv = new Ajv({ formats: { 'date-time': { validate: (text: string) => text.endsWith('Z') } } });
  onlyKnownTimes(ajv);
  const isTime = ajv.compile({ type: 'string', format: 'date-time' });
  expect(isTime('2026-12-31T23:59:59Z')).toBe(true);
  expect(isTime('2026-12-31T23:59:60Z')).toBe(false);
  expect(isTime('2026-12-31T23:59:59')).toBe(false);
});
