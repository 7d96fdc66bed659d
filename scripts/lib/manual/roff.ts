/** The manual's language, man(7): text that can't be taken for a request, and the few shapes that our pages have. */
export const plain = (text: string) =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('…', '...')
    .replace(/^(?=[.'])/gm, '\\&');

const quoted = (text: string) => `"${plain(text).replaceAll('"', '\\(dq')}"`;

/** Inline Markdown: `code`, **strong**, [text](target) with the target left out. */
export function inline(text: string): string {
  return text
    .split(/(`[^`]+`|\*\*[^*]+\*\*|\*[^*\s][^*]*\*|\[[^\]]+\]\([^)]+\))/)
    .map((part) => {
      if (/^`/.test(part)) return `\\fB${plain(part.slice(1, -1))}\\fR`;
      if (/^\*\*/.test(part)) return `\\fB${plain(part.slice(2, -2))}\\fR`;
      if (/^\*./.test(part)) return `\\fI${plain(part.slice(1, -1))}\\fR`;
      const [, label] = /^\[([^\]]+)\]\(/.exec(part) ?? [];
      return label ? inline(label) : plain(part);
    })
    .join('');
}

export const section = (name: string) => `.SH ${quoted(name.toUpperCase())}\n`;
export const subsection = (name: string) => `.SS ${quoted(name)}\n`;
export const paragraph = (text: string) => `.PP\n${inline(text)}\n`;
/** Something and what it is. */
export const item = (term: string, text: string) => `.TP\n${term}\n${text === '' ? '\\&' : text}\n`;
export const bullet = (text: string) => `.IP \\(bu 2\n${inline(text)}\n`;
/** Lines as they are. */
export const verbatim = (text: string) => `.PP\n.nf\n${plain(text.replace(/^\n+|\s+$/g, ''))}\n.fi\n`;

export interface Page {
  readonly name: string;
  readonly section: 1 | 5 | 8;
  readonly what: string;
  /** All after the NAME section. */
  readonly body: string;
}

/** @param day of its making, as 2026-01-31 */
export function render(page: Page, version: string, day: string): string {
  const { name, section: number, what, body } = page;
  const text = `.\\" Made by scripts/lib/manual.ts: what it says comes from the program and from docs/.
.TH ${quoted(name.toUpperCase())} ${number} "${day}" ${quoted(`sliverd ${version}`)}
${section('Name')}${plain(name)} \\- ${inline(what)}
${body}`;
  return text.replace(/^(\.S[HS] .*\n)\.PP\n/gm, '$1'); // a heading begins a paragraph itself
}
