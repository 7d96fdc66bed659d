/**
 * Every error that leaves the daemon. A code is stable: scripts and people learn it, docs/errors.md explains it,
 * and it becomes HTTP in exactly one place (manager/problems.ts). Each layer adds its operation and subject and
 * keeps `cause`; nothing logs and rethrows.
 */
export const ERRORS = {
  'bad-request': { status: 400, title: 'The request is not valid' },
  'bad-name': { status: 400, title: 'Not a valid sliver name' },
  'bad-rspec': { status: 400, title: 'Not a valid RSpec' },
  'bad-archive': { status: 422, title: 'The archive cannot become an image' },
  'bad-source': { status: 422, title: 'The image source cannot be read' },
  'bad-config': { status: 500, title: 'The configuration is not valid' },
  'bad-profile': { status: 500, title: 'A kernel profile is not valid' },
  denied: { status: 403, title: 'Not allowed' },
  'bad-ticket': { status: 400, title: 'Not a ticket' },
  'ticket-algorithm': { status: 403, title: 'The ticket is signed by another algorithm' },
  'ticket-wrong-node': { status: 403, title: "The ticket is another node's" },
  'ticket-forged': { status: 403, title: 'The ticket is forged' },
  'ticket-widened': { status: 403, title: 'The ticket gives more than it was given' },
  'ticket-expired': { status: 403, title: 'The ticket has expired' },
  'ticket-not-yet': { status: 403, title: 'The ticket is not valid yet' },
  'ticket-not-final': { status: 409, title: 'The ticket is for no sliver yet' },
  'ticket-wrong-sliver': { status: 403, title: 'The ticket is for another sliver' },
  'ticket-redeemed': { status: 409, title: 'The ticket was redeemed already' },
  'ticket-revoked': { status: 403, title: 'The ticket is good no more' },
  'bad-evidence': { status: 400, title: 'Not evidence' },
  'over-promised': { status: 409, title: 'More was promised than there is' },
  'not-found': { status: 404, title: 'No such thing' },
  'method-not-allowed': { status: 405, title: 'Not allowed on this resource' },
  exists: { status: 409, title: 'It exists already' },
  'in-use': { status: 409, title: 'It is in use' },
  'wrong-state': { status: 409, title: 'Not possible in this state' },
  'too-large': { status: 413, title: 'Too large' },
  'bad-sensor': { status: 502, title: 'The sensor gives no tuples' },
  'path-too-long': { status: 414, title: 'Too long to be a name here' },
  'headers-too-large': { status: 431, title: 'Too much in headers' },
  'too-slow': { status: 408, title: 'The request did not come to its end' },
  'not-settled': { status: 503, title: 'Accepted, but not there yet' },
  'no-capacity': { status: 507, title: 'The node has not enough of a resource' },
  busy: { status: 503, title: 'Too much at once' },
  'host-tool': { status: 500, title: 'A program of the host failed' },
  kernel: { status: 500, title: 'The kernel refused' },
  unsupported: { status: 501, title: 'This node cannot do that' },
  internal: { status: 500, title: 'Internal error' },
} as const;

export type ErrorCode = keyof typeof ERRORS;

export class SliverdError extends Error {
  readonly code: ErrorCode;
  /** Extra members of the problem document, such as `{ usedBy: ['a_b'] }`. */
  readonly extra: Record<string, unknown>;

  /** @param message what was being done to what, why it failed and, where known, what to do about it. */
  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; extra?: Record<string, unknown> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'SliverdError';
    this.code = code;
    this.extra = options.extra ?? {};
  }
}

/** The whole chain of causes in one line, outermost first: what a person reads in a log or in a sliver's cause. */
export function explain(error: unknown): string {
  const parts: string[] = [];
  for (let at: unknown = error; at !== undefined && parts.length < 8; at = (at as Error).cause) {
    const text = at instanceof Error ? at.message : String(at);
    if (!parts.some((part) => part.includes(text))) parts.push(text);
    if (!(at instanceof Error)) break;
  }
  return parts.join(': ');
}

/** Runs `work`; a failure is told as `what` with the original kept as its cause (and its code, unless one is given). */
export async function during<T>(what: string, work: () => Promise<T> | T, code?: ErrorCode): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const inherited = cause instanceof SliverdError ? cause : undefined;
    throw new SliverdError(code ?? inherited?.code ?? 'internal', what, {
      cause,
      ...(inherited ? { extra: inherited.extra } : {}),
    });
  }
}
