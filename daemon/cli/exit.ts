import { ERRORS, type ErrorCode } from '../errors.ts';

/**
 * Exit codes are a promise to scripts (docs/sliverctl.md): add, never renumber. `exec` is apart: it passes on the
 * command's own status, so failures of ours are 125 there, as with docker and env.
 */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  conflict: 4,
  unreachable: 5,
  notSettled: 6,
  execFailed: 125,
  interrupted: 130,
  brokenPipe: 141,
} as const;

/** A problem document (RFC 9457) as the API sends it. */
export interface Problem {
  readonly type?: string;
  readonly title?: string;
  readonly status?: number;
  readonly detail?: string;
  readonly code?: string;
  readonly [member: string]: unknown;
}

/** What this program refuses by itself, or what the API answered; `next` tells what a person can do about it. */
export class CliError extends Error {
  readonly exit: number;
  readonly next: string | undefined;
  readonly problem: Problem;

  /** @param problem members of the problem document that `--json` prints; `detail` is the message. */
  constructor(
    exit: number,
    message: string,
    options: { next?: string | undefined; problem?: Problem; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'CliError';
    this.exit = exit;
    this.next = options.next;
    this.problem = { type: 'about:blank', title: 'sliverctl failed', ...options.problem, detail: message };
  }
}

export function usage(message: string, next?: string): CliError {
  return new CliError(EXIT.usage, message, {
    next,
    problem: { title: 'The command line is not valid', code: 'usage' },
  });
}

/** Our own output could not be written, as on a full disk. */
export function outputError(cause: Error): CliError {
  return new CliError(EXIT.failed, `cannot write the output: ${cause.message}`, { cause });
}

/** An exit code for each code of the daemon's catalogue; a code of a newer daemon is judged by its HTTP status. */
export function exitOfCode(code: string | undefined, status = 500): number {
  if (code === 'not-settled') return EXIT.notSettled;
  const known = code === undefined ? undefined : ERRORS[code as ErrorCode]?.status;
  switch (known ?? status) {
    case 400:
    case 405:
    case 413:
      return EXIT.usage;
    case 404:
      return EXIT.notFound;
    case 409:
      return EXIT.conflict;
    default:
      return EXIT.failed;
  }
}

const NEXT: Partial<Record<ErrorCode, (subject: string) => string>> = {
  'not-settled': (subject) =>
    `it exists and is tried again by itself; 'sliverctl sliver show ${subject}' tells more`,
  'no-capacity': () => "'sliverctl node show' tells what the node has",
  internal: () => "the daemon's log tells more: journalctl -u sliverd",
  'host-tool': () => "'sliverctl doctor' checks what the node needs",
  kernel: () => "'sliverctl doctor' checks what the node needs",
  unsupported: () => "'sliverctl doctor' tells what this node lacks",
};

/** The API's answer as an error. `path` is what was asked for: it decides which list is worth a look. */
export function problemError(problem: Problem, status: number, path: string): CliError {
  const [, , kind, name] = path.split('?')[0]!.split('/');
  const subject = decodeURIComponent(name ?? 'NAME');
  const code = problem.code as ErrorCode | undefined;
  let next = code && NEXT[code]?.(subject);
  if (code === 'not-found' && (kind === 'slivers' || kind === 'images'))
    next = `'sliverctl ${kind === 'slivers' ? 'sliver' : 'image'} list' tells which there are`;
  if (code === 'not-found' && problem.detail?.includes('image') && kind === 'slivers')
    next = "'sliverctl image list' tells which there are; 'sliverctl image build debian-12' makes one";
  // The daemon's own words may hold the advice already.
  if (problem.detail?.includes('sliverctl ')) next = undefined;
  const message = problem.detail ?? problem.title ?? `the daemon answered with status ${status}`;
  return new CliError(exitOfCode(code, status), message, { next, problem: { ...problem, status } });
}
