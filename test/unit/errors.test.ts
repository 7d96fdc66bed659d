import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ERRORS } from '../../daemon/errors.ts';

const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
const sections = new Map(
  [...page.matchAll(/^## (\S+)\n(\d+)/gm)].map(([, code, status]) => [code!, status!]),
);

describe('docs/errors.md', () => {
  it.each(Object.entries(ERRORS))('explains %s with its status', (code, { status }) => {
    expect(sections.get(code)).toBe(String(status));
  });

  it('explains no code that is gone', () => {
    expect([...sections.keys()].filter((code) => !(code in ERRORS))).toEqual([]);
  });
});
