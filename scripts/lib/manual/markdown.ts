import { bullet, inline, item, paragraph, section, verbatim } from './roff.ts';

/** Sections of a page of docs/, by the text of their `##` headings; what comes before the first is under ''. */
export function sections(markdown: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [index, part] of markdown
    .replace(/^# .*\n/, '')
    .split(/^## /m)
    .entries()) {
    const [heading = '', ...rest] = index === 0 ? ['', part] : part.split('\n');
    found.set(heading, rest.join('\n').trim());
  }
  return found;
}

/** What our pages use of Markdown: paragraphs, lists, tables, blocks of code. A table becomes a list of its first column. */
export function toRoff(markdown: string): string {
  const blocks = markdown.split(/\n\n+(?![^`]*```(?:\n[^`]*)?$)/);
  return blocks.map(block).join('');
}

function block(text: string): string {
  const fenced = /^```\w*\n([\s\S]*?)\n?```$/.exec(text.trim());
  if (fenced) return verbatim(fenced[1] ?? '');
  const lines = text.trim().split('\n');
  if (lines[0]?.startsWith('|')) return table(lines);
  const first = lines.findIndex((line) => /^(- |\d+\. )/.test(line));
  if (first < 0) return paragraph(lines.join('\n'));
  const bullets = lines
    .slice(first)
    .join('\n')
    .split(/^(?:- |\d+\. )/m)
    .slice(1);
  const before = first === 0 ? '' : paragraph(lines.slice(0, first).join('\n'));
  return before + bullets.map((each) => bullet(each.trim().replace(/\n\s+/g, '\n'))).join('');
}

function table(lines: readonly string[]): string {
  const cells = (line: string) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('\\|', '|'));
  const [heading = [], , ...rows] = lines.map(cells);
  return rows
    .map(([term = '', ...rest]) => {
      // A column in the middle is said by its heading, as in "Default: 5.".
      const said = rest.map((cell, index) =>
        index === rest.length - 1 ? cell : cell && `${heading[index + 1]}: ${cell}.`,
      );
      return item(inline(term), inline(said.reverse().filter(Boolean).join('. ').replace(/\.\. /g, '. ')));
    })
    .join('');
}

/** Sections with their headings, in the order given, or of the page. */
export function sectionsToRoff(markdown: string, leaveOut: readonly string[] = []): string {
  return [...sections(markdown)]
    .filter(([heading]) => heading !== '' && !leaveOut.includes(heading))
    .map(([heading, text]) => section(heading) + toRoff(text))
    .join('');
}
