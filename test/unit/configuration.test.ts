import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CONFIG_KEYS, parseConfig } from '../../daemon/node/config.ts';
import { DEFAULT_RSPEC, RSPEC_KEYS } from '../../daemon/resources/rspec.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const page = read('docs/configuration.md');
const example = read('scripts/lib/node.yaml');

describe('docs/configuration.md', () => {
  it.each(CONFIG_KEYS)('explains %s', (key) => {
    expect(page).toContain(`| \`${key}\` |`);
  });

  it.each(RSPEC_KEYS)('explains the resource %s', (key) => {
    const row = page.split('\n').find((line) => line.startsWith('| `') && line.includes(`\`${key}\``));
    expect(row).toBeDefined();
    const value = DEFAULT_RSPEC[key];
    if (value !== '') expect(row).toMatch(new RegExp(`\\| \`?${value}\`? \\|`));
  });

  it('explains no key that is gone', () => {
    const [settings = '', resources = ''] = page.split('## Resources');
    const keys = (text: string) =>
      [...text.matchAll(/^\| (`[^|]*`) \|/gm)]
        .flatMap(([, cell]) => cell!.split(', '))
        .map((key) => key.slice(1, -1));
    expect(keys(settings)).toEqual(expect.arrayContaining(CONFIG_KEYS));
    expect(keys(settings).filter((key) => !CONFIG_KEYS.includes(key))).toEqual([]);
    expect(keys(resources).filter((key) => !(RSPEC_KEYS as string[]).includes(key))).toEqual([]);
  });
});

describe('the example node.yaml', () => {
  it('changes nothing as it is', () => {
    expect(parseConfig(example, 'example')).toEqual(parseConfig('', 'empty'));
  });

  it('shows every key, with a value that is valid', () => {
    const uncommented = example.replace(/^# (\w+: )/gm, '$1');
    for (const key of CONFIG_KEYS.filter((key) => !key.includes('.')))
      expect(uncommented).toMatch(new RegExp(`^${key}: `, 'm'));
    expect(() => parseConfig(uncommented, 'example')).not.toThrow();
  });
});
