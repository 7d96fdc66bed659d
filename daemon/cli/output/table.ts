import { paint, plain, type Style } from './style.ts';

export interface Cell {
  readonly text: string;
  readonly style?: Style | undefined;
}

/** Lines of aligned columns with a heading; numbers to the right where `right` names the column. */
export function table(
  headings: readonly string[],
  rows: readonly (readonly (string | Cell)[])[],
  options: { colour?: boolean; right?: readonly string[] } = {},
): string {
  const colour = options.colour ?? false;
  const cells = [
    headings.map((text): Cell => ({ text, style: 'bold' })),
    ...rows.map((row) =>
      row.map((cell): Cell => {
        const { text, style } = typeof cell === 'string' ? { text: cell, style: undefined } : cell;
        return { text: plain(text) || '-', style };
      }),
    ),
  ];
  const widths = headings.map((_, column) => Math.max(...cells.map((row) => row[column]?.text.length ?? 0)));
  const lines = cells.map((row) =>
    row
      .map((cell, column) => {
        const space = ' '.repeat(widths[column]! - cell.text.length);
        const painted = paint(cell.text, cell.style, colour);
        if (options.right?.includes(headings[column]!)) return space + painted;
        return column === row.length - 1 ? painted : painted + space;
      })
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}

/** `Key  value` lines; empty values are left out, more lines of a value stand below each other. */
export function properties(
  pairs: readonly (readonly [string, string | Cell | readonly string[] | null | undefined])[],
  colour = false,
): string {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== '');
  const width = Math.max(0, ...shown.map(([key]) => key.length));
  let text = '';
  for (const [key, value] of shown) {
    const lines: (string | Cell)[] = Array.isArray(value) ? [...value] : [value as string | Cell];
    for (const [index, line] of lines.entries()) {
      const { text: content, style } = typeof line === 'string' ? { text: line, style: undefined } : line;
      const label = (index === 0 ? key : '').padEnd(width);
      text += `${paint(label, 'bold', colour)}  ${paint(plain(content), style, colour)}\n`;
    }
  }
  return text;
}
