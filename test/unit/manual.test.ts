import { describe, expect, it } from 'vitest';
import { places } from '../../daemon/cli/completion/tree.ts';
import { buildProgram } from '../../daemon/cli/program.ts';
import { CONFIG_KEYS } from '../../daemon/node/config.ts';
import { OPTIONS } from '../../daemon/options.ts';
import { RSPEC_KEYS } from '../../daemon/resources/rspec.ts';
import { toRoff } from '../../scripts/lib/manual/markdown.ts';
import { pages } from '../../scripts/lib/manual/pages.ts';
import { render } from '../../scripts/lib/manual/roff.ts';

const manual = new Map(pages().map((page) => [page.name, render(page, '1.2.3', '2026-01-31')]));
const sections = (name: string, kind: 'SH' | 'SS') =>
  (manual.get(name) ?? '').split(new RegExp(`^\\.${kind} `, 'm')).slice(1);
/** The terms of a list's items, as they are read: what a page explains, not what it happens to mention. */
const terms = (text: string) =>
  [...text.matchAll(/^\.TP\n(.*)$/gm)].map(([, term = '']) =>
    term.replace(/\\f[BIR]/g, '').replaceAll('\\-', '-'),
  );

describe('sliverctl(1)', () => {
  const all = places(buildProgram());
  const commands = all.filter(
    ({ path }) => path !== '' && !all.some((other) => other.path.startsWith(`${path} `)),
  );

  it.each(commands.map((place) => [place.path, place] as const))(
    'explains %s and its options',
    (path, place) => {
      const own = sections('sliverctl', 'SS').filter((text) => new RegExp(`^"${path}[ "]`).test(text));
      expect(own).toHaveLength(1);
      const globals = all[0]?.options.flatMap(({ flags }) => flags) ?? [];
      for (const { flags } of place.options)
        if (!flags.some((flag) => globals.includes(flag)))
          for (const flag of flags) expect(terms(own[0] ?? '').join('\n')).toMatch(word(flag));
    },
  );

  it('explains the options that go anywhere', () => {
    const options = sections('sliverctl', 'SH').find((text) => text.startsWith('"OPTIONS"')) ?? '';
    for (const { flags } of all[0]?.options ?? [])
      for (const flag of flags) expect(terms(options).join('\n')).toMatch(word(flag));
  });

  it('tells the exit statuses and the variables', () => {
    expect(terms(manual.get('sliverctl') ?? '')).toEqual(expect.arrayContaining(['0', '6', '130, 141']));
    expect(manual.get('sliverctl')).toContain('SLIVERD_SOCKET');
  });
});

describe('node.yaml(5)', () => {
  it.each([...CONFIG_KEYS, ...RSPEC_KEYS])('explains %s', (key) => {
    expect(terms(manual.get('node.yaml') ?? '').join('\n')).toMatch(word(key));
  });
});

it.each(Object.keys(OPTIONS))('sliverd(8) explains --%s', (option) => {
  expect(terms(manual.get('sliverd') ?? '').join('\n')).toMatch(word(`--${option}`));
});

describe('the language of the manual', () => {
  it.each([
    [
      'a table',
      '| Key | Default | Meaning |\n|---|---|---|\n| `a` | 5 | it \\| that |',
      '.TP\n\\fBa\\fR\nit | that. Default: 5.\n',
    ],
    ['a list', 'These:\n- one\n  more\n- two', '.PP\nThese:\n.IP \\(bu 2\none\nmore\n.IP \\(bu 2\ntwo\n'],
    ['code', '```\n.a\n\nb\\n\n```', '.PP\n.nf\n\\&.a\n\nb\\en\n.fi\n'],
    ['what looks like a request', "'so\n.TH it goes", ".PP\n\\&'so\n\\&.TH it goes\n"],
    ['marks', 'see [this](that.md), **now**', '.PP\nsee this, \\fBnow\\fR\n'],
  ])('has %s', (_, markdown, roff) => expect(toRoff(markdown)).toBe(roff));
});

/** A whole word of a page. */
function word(text: string): RegExp {
  const escaped = text.replace(/[\\.*+?^${}()|[\]]/g, '\\$&');
  return new RegExp(`(^|[^a-zA-Z0-9.-])${escaped}([^a-zA-Z0-9.-]|$)`, 'm');
}
