import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
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
  FST_ERR_MAX_PARAM_LENGTH: 'path-too-long',
};

/** The same for what isn't HTTP or never became a whole request, and so was told to no route. */
const UNREADABLE: Record<string, readonly [ErrorCode, string]> = {
  HPE_HEADER_OVERFLOW: ['headers-too-large', 'path and headers together may have 16 KiB'],
  ERR_HTTP_REQUEST_TIMEOUT: ['too-slow', 'the request was not all there within 30 s: send it again'],
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

/** Answers what could not be read as a request, and hangs up: where it would end nobody knows. */
export function refuseUnreadable(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const [code, detail] = UNREADABLE[error.code ?? ''] ?? [
    'bad-request',
    `what was sent can't be read as a request: ${error.message}`,
  ];
  const problem = problemOf(new SliverdError(code, detail));
  const body = JSON.stringify(problem);
  if (socket.writable)
    socket.write(
      `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\ncontent-type: application/problem+json\r\n` +
        `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    );
  socket.destroy(error);
}
