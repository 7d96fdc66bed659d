import type { Finding } from './finding.ts';

export interface FormatOptions {
  /** Columns of the terminal; longer details are cut. Default: not cut. */
  readonly width?: number;
  /** Default: whether stdout is a terminal and NO_COLOR isn't set. */
  readonly colour?: boolean;
}

/** The findings as a table for people, with what it costs and how to mend it below each thing that is missing. */
export function formatFindings(findings: readonly Finding[], options: FormatOptions = {}): string {
  const colour = options.colour ?? (Boolean(process.stdout.isTTY) && !process.env.NO_COLOR);
  const paint = (code: number, text: string) => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);
  const column = Math.max(0, ...findings.map((finding) => finding.what.length));
  const cut = (text: string, used: number) => {
    const room = (options.width ?? Number.POSITIVE_INFINITY) - used;
    return text.length > room ? `${text.slice(0, Math.max(0, room - 1))}…` : text;
  };
  const lines = findings.flatMap((finding) => {
    const title = finding.what.padEnd(column);
    if (finding.ok) return [`${paint(32, '✓')} ${title}  ${paint(2, cut(finding.detail, column + 4))}`];
    const code = finding.severity === 'required' ? 31 : 33;
    return [
      `${paint(code, '✗')} ${paint(code, title)}  ${finding.detail}`,
      `    needed for: ${finding.for}`,
      `    cost: ${finding.cost}`,
      `    mend: ${finding.mend}`,
    ];
  });
  return `${[...lines, '', summary(findings)].join('\n')}\n`;
}

function summary(findings: readonly Finding[]): string {
  const missing = (severity: string) =>
    findings.filter((finding) => !finding.ok && finding.severity === severity).length;
  const [required, degraded] = [missing('required'), missing('degraded')];
  if (required + degraded === 0) return 'This machine has everything that a node needs.';
  const parts = [
    ...(required
      ? [`${required} required (the node starts only with 'allowDegraded: true' in node.yaml)`]
      : []),
    ...(degraded ? [`${degraded} that the node can do without`] : []),
  ];
  return `${required + degraded} of ${findings.length} missing: ${parts.join(', ')}.`;
}
