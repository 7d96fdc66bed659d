import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { ERRORS, type ErrorCode, explain, SliverdError } from '../errors.ts';

export interface ProblemDocument {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: ErrorCode;
  [member: string]: unknown;
}

/** Fastify's own refusals, in our words; what isn't here and is the client's fault is a bad request. */
const FASTIFY: Record<string, ErrorCode> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'too-large',
  FST_ERR_NOT_FOUND: 'not-found',
};

/** The one place where an error becomes HTTP: problem details (RFC 9457), whose `code` is stable (docs/errors.md). */
export function problemOf(error: unknown): ProblemDocument {
  const code = codeOf(error);
  const { status, title } = ERRORS[code];
  const extra = error instanceof SliverdError ? error.extra : {};
  return { ...extra, type: `urn:sliverd:problem:${code}`, title, status, detail: explain(error), code };
}

function codeOf(error: unknown): ErrorCode {
  if (error instanceof SliverdError) return error.code;
  const { code, statusCode } = error as FastifyError;
  const known = code ? FASTIFY[code] : undefined;
  if (known) return known;
  return statusCode !== undefined && statusCode < 500 ? 'bad-request' : 'internal';
}

export function problemHandler(log: Logger) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    const problem = problemOf(error);
    // A server's fault is for the log too, with its stack; a client's is for the client.
    // What a slice publishes is its own fault.
    if (problem.status >= 500 && problem.code !== 'not-settled' && problem.code !== 'bad-sensor')
      log.error({ err: error, method: request.method, url: request.url }, 'request failed');
    void reply.code(problem.status).type('application/problem+json').send(JSON.stringify(problem));
  };
}
