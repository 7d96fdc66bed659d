import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { CliError, EXIT, usage } from '../exit.ts';

export interface Choice {
  readonly socket?: string | undefined;
  readonly node?: string | undefined;
}

const RUN = '/run/sliverd';
const START =
  "start one: 'systemctl start sliverd' on an installed node, or 'sudo scripts/quickstart' for a trial";

/**
 * Which node is meant: `--socket`, `--node`, SLIVERD_SOCKET, the machine's own node, or else the only sandbox node.
 * @param run the folder of the sockets: `admin.sock` of the machine's node, `nodes/NAME/admin.sock` of others.
 */
export function chooseSocket(choice: Choice, env: NodeJS.ProcessEnv = process.env, run = RUN): string {
  if (choice.socket !== undefined && choice.node !== undefined)
    throw usage('--socket and --node each choose a node: give one of them');
  if (choice.socket !== undefined) return choice.socket;
  if (choice.node !== undefined) return nodeSocket(choice.node, run);
  if (env.SLIVERD_SOCKET) return env.SLIVERD_SOCKET;
  const own = path.join(run, 'admin.sock');
  if (exists(own)) return own;
  const nodes = listNodes(run);
  if (nodes.length === 1) return path.join(run, 'nodes', nodes[0]!, 'admin.sock');
  if (nodes.length > 1)
    throw usage(
      `there are several nodes on this machine: ${nodes.join(', ')}`,
      `choose one, as in 'sliverctl --node ${nodes[0]} …' or with SLIVERD_SOCKET=${run}/nodes/${nodes[0]}/admin.sock`,
    );
  throw unreachable(`no node runs on this machine (there is no socket in ${run})`, START);
}

function nodeSocket(name: string, run: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) throw usage(`--node: '${name}' is not a node's name`);
  const socket = path.join(run, 'nodes', name, 'admin.sock');
  if (exists(socket)) return socket;
  if (exists(path.dirname(socket)))
    throw unreachable(
      `the node '${name}' does not run (there is no ${socket})`,
      `'sudo scripts/sandbox up ${name}' starts it`,
    );
  const nodes = listNodes(run);
  throw unreachable(
    `there is no node '${name}' on this machine`,
    nodes.length > 0
      ? `there ${nodes.length > 1 ? 'are' : 'is'}: ${nodes.join(', ')}`
      : exists(path.join(run, 'admin.sock'))
        ? "the machine's own node needs no --node"
        : START,
  );
}

/** Names of the nodes that have a socket in `run`/nodes. */
export function listNodes(run = RUN): string[] {
  let names: string[];
  try {
    names = readdirSync(path.join(run, 'nodes'));
  } catch (cause) {
    if (isDenied(cause)) throw denied(path.join(run, 'nodes'));
    return [];
  }
  return names.filter((name) => exists(path.join(run, 'nodes', name, 'admin.sock'))).sort();
}

function exists(file: string): boolean {
  try {
    statSync(file);
    return true;
  } catch (cause) {
    if (isDenied(cause)) throw denied(file);
    return false;
  }
}

function isDenied(cause: unknown): boolean {
  return ['EACCES', 'EPERM'].includes((cause as NodeJS.ErrnoException).code ?? '');
}

export function unreachable(message: string, next?: string, cause?: unknown): CliError {
  return new CliError(EXIT.unreachable, message, {
    next,
    cause,
    problem: { title: 'The daemon cannot be reached', code: 'unreachable' },
  });
}

function denied(file: string): CliError {
  return unreachable(`permission denied: ${file}`, "the administrator's socket is for root: use sudo");
}

/** Why a connection to `socket` failed, in words that say what to do. */
export function connectionError(socket: string, cause: unknown): CliError {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (isDenied(cause)) return denied(socket);
  if (code === 'ENOENT') return unreachable(`there is no socket ${socket}`, START, cause);
  if (code === 'ENOTSOCK') return usage(`${socket} is not a socket`);
  if (code === 'ECONNREFUSED')
    return unreachable(`no daemon answers at ${socket}: it is not running`, START, cause);
  if (code === 'ECONNRESET' || code === 'EPIPE' || message === 'socket hang up' || message === 'aborted')
    return unreachable(
      `the daemon closed the connection (${socket})`,
      "what it accepted goes on once it runs again; 'systemctl status sliverd' or 'sliverctl status' tell",
      cause,
    );
  return unreachable(`no connection to ${socket}: ${message}`, undefined, cause);
}
