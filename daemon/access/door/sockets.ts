import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';

/** sshd makes the folder of a socket first, and then the socket. */
const EMPTY_FOR = 60_000;

/**
 * What sliver-sshd has as /tmp: sockets of agents, each in a folder of a slice's user. To everybody else it is behind a
 * folder of root's.
 */
export function makeSockets(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  const inside = `${folder}/tmp`;
  mkdirSync(inside, { recursive: true });
  chmodSync(inside, 0o1777);
}

/** An sshd that was killed leaves its socket: `ssh-RANDOM/agent.PID`. */
export function sweepSockets(inside: string): void {
  if (!existsSync(inside)) return;
  for (const name of readdirSync(inside)) {
    const path = `${inside}/${name}`;
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat?.isDirectory()) continue;
    const [, pid] = /^agent\.([0-9]+)$/.exec(readdirSync(path)[0] ?? '') ?? [];
    const gone = pid === undefined ? Date.now() - stat.mtimeMs > EMPTY_FOR : !existsSync(`/proc/${pid}`);
    if (gone) rmSync(path, { recursive: true, force: true });
  }
}
