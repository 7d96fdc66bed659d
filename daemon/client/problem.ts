import type { components } from './api.ts';

/** Problem details (RFC 9457); docs/errors.md explains each `code`. */
export type Problem = components['schemas']['Problem'];

/** The manager said no. What else the document has, such as `rule` or `usedBy`, is in `problem`. */
export class ProblemError extends Error {
  readonly status: number;
  /** Stable; empty where something else than the manager answered. */
  readonly code: string;
  readonly problem: Problem;

  /** @param answer the body, if it is JSON; else what is known of it */
  constructor(status: number, answer: unknown) {
    const problem = {
      type: 'about:blank',
      title: 'An error',
      status,
      detail: '',
      code: '',
      ...(answer as object),
    };
    super(problem.detail || `${problem.title} (${status})`);
    this.name = 'ProblemError';
    this.status = status;
    this.code = problem.code;
    this.problem = problem;
  }
}
