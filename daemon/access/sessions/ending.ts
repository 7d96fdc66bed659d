import { readFileSync } from 'node:fs';
import { until } from '../../cgroups/tree.ts';
import { isAlive, type Session } from './record.ts';

/** What the login shell tells its person, by the signal that it gets (door/privileged/enter.c): glibc's SIGRTMIN + 1, + 2. */
const FAREWELL = { key: 35, owner: 36 };
/** Milliseconds until a session's last words have reached its person, and until sshd has ended. */
const WORDS_WITHIN = 500;
const END_WITHIN = 1000;

/** Ends a session and no other, its person told where there is a terminal or a program; resolves when it is over. */
export async function endSession(session: Session, why: keyof typeof FAREWELL): Promise<void> {
  const { pid } = session;
  const gone = (milliseconds: number) =>
    until(() => !isAlive(session), milliseconds, 'a session to end').then(
      () => true,
      () => false,
    );
  // sshd's own process, the one that serves the channels, and the login shells of these.
  const servers = childrenOf(pid);
  for (const shell of servers.flatMap(childrenOf)) kill(shell, FAREWELL[why]);
  if (await gone(WORDS_WITHIN)) return;
  if (isAlive(session)) kill(pid, 'SIGTERM');
  if (await gone(END_WITHIN)) return;
  if (isAlive(session)) for (const process of [...childrenOf(pid), pid]) kill(process, 'SIGKILL');
  await gone(END_WITHIN);
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function kill(pid: number, signal: number | NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // ended meanwhile
  }
}
