import { STATUS_CODES } from 'node:http';
import { type ErrorCode, SliverdError } from '../../errors.ts';
import { problemOf } from '../problems.ts';

/** Answers of a sliver's socket to who isn't served at all: whole, since nothing but writing them may take time. */
function refusal(code: ErrorCode, detail: string): string {
  const problem = problemOf(new SliverdError(code, detail));
  const body = JSON.stringify(problem);
  return (
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n` +
    `content-type: application/problem+json\r\nconnection: close\r\n` +
    `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  );
}

export const BUSY = refusal(
  'busy',
  'this sliver has as many connections to its manager as it may: close some',
);
export const PIPELINED = refusal('busy', 'too many requests on one connection ahead of their answers');
export const HELD_OFF = refusal(
  'busy',
  'this sliver sent so much at once that others had to wait, and waits now itself: try again in 2 s',
);
export const LENGTH_REQUIRED = refusal(
  'bad-request',
  'a body in chunks is not taken from a sliver: send its content-length',
);
