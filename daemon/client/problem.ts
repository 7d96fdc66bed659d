import type { components } from './api.ts';

/** Problem details (RFC 9457); docs/errors.md explains each `code`. */
export type Problem = components['schemas']['Problem'];

/** The manager said no. What else the document has, such as `rule` or `usedBy`, is in `problem`. */
export class ProblemError extends Error {
  readonly status: number;
  /** Stable; empty where something else than the manager answered. */
  readonly code: string;
  readonly problem: Problem;

  /** @param answer the body: a problem document, or what something else answered. */
  constructor(status: number, answer: unknown) {
    const document =
      typeof answer === 'object' && answer !== null ? answer : { detail: String(answer ?? '').slice(0, 200) };
    const problem = { type: 'about:blank', title: 'An error', status, detail: '', code: '', ...document };
    super(problem.detail || `${problem.title} (${status})`);
    this.name = 'ProblemError';
    this.status = status;
    this.code = problem.code;
    this.problem = problem;
  }
}
