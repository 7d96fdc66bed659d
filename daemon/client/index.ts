/**
 * A typed client of the manager's API, for other projects: `import { Client } from 'sliverd/client'` (docs/client.md). It needs
 * nothing but Node, and knows nothing of the daemon but its description.
 */
export type { paths } from './api.ts';
export { Client, type Options } from './client.ts';
export type { Event, EventOptions } from './events.ts';
export { type Problem, ProblemError } from './problem.ts';
export { type Connect, program, socket } from './transport.ts';
export type { Answer, Arguments, Method, Path } from './types.ts';
