import { SliverdError } from '../errors.ts';
import { isDirectoryInRoot, readInRoot } from '../kernel/in-root.ts';

/** Who a program in a sliver runs as, as a login would have it. Numbers are those inside. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
  /** All groups, as initgroups(3) collects them; none where a gid was asked for. */
  readonly groups: readonly number[];
  /** HOME, SHELL and, for a user that has a name, USER and LOGNAME. */
  readonly env: Record<string, string>;
  /** Its home, where that is a directory. */
  readonly cwd: string;
}

interface Entry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
}

const LARGEST = 65_535;
const ROOT: Entry = { name: 'root', uid: 0, gid: 0, home: '/root', shell: '/bin/sh' };

/**
 * Looks a user up in a sliver's own /etc/passwd and /etc/group, of which nothing is trusted.
 * @param sliver its name, for what is said
 * @param root as the host reaches it (/proc/PID/root of its init)
 * @param user a name, `uid` or `uid:gid`. A number needs no entry; a name that has none is a `bad-request`.
 */
export function accountOf(sliver: string, root: string, user = '0'): Account {
  const [who = '', group] = user.split(':');
  const number = /^[0-9]+$/.test(who) ? Number(who) : undefined;
  const entry =
    entries(readInRoot(root, '/etc/passwd')).find(({ name, uid }) =>
      number === undefined ? name === who : uid === number,
    ) ?? (number === 0 ? ROOT : undefined);
  if (number === undefined && !entry)
    throw new SliverdError('bad-request', `there is no user '${who}' in the /etc/passwd of ${sliver}`);
  const uid = entry?.uid ?? number ?? 0;
  const gid = group === undefined ? (entry?.gid ?? uid) : Number(group);
  if (uid > LARGEST || gid > LARGEST)
    throw new SliverdError('bad-request', `user: ${user}: a sliver has the ids 0 to ${LARGEST}`);
  const home = entry?.home || '/';
  return {
    uid,
    gid,
    groups:
      entry && group === undefined ? [gid, ...groupsOf(entry.name, gid, readInRoot(root, '/etc/group'))] : [],
    env: {
      HOME: home,
      SHELL: entry?.shell || '/bin/sh',
      ...(entry ? { USER: entry.name, LOGNAME: entry.name } : {}),
    },
    cwd: isDirectoryInRoot(root, home) ? home : '/',
  };
}

/** passwd(5). A line that isn't one is left out, as by the C library. */
function entries(text = ''): Entry[] {
  return text.split('\n').flatMap((line) => {
    const [name, , uid, gid, , home, shell] = line.split(':');
    if (!name || !isId(uid) || !isId(gid) || shell === undefined || /[\0\r]/.test(line)) return [];
    return [{ name, uid: Number(uid), gid: Number(gid), home: home?.startsWith('/') ? home : '/', shell }];
  });
}

/** group(5): those that name the user, but its own. */
function groupsOf(user: string, own: number, text = ''): number[] {
  const found = new Set<number>();
  for (const line of text.split('\n')) {
    const [, , gid, members] = line.split(':');
    if (isId(gid) && members?.split(',').includes(user)) found.add(Number(gid));
  }
  found.delete(own);
  return [...found];
}

const isId = (text: string | undefined) => /^[0-9]{1,5}$/.test(text ?? '') && Number(text) <= LARGEST;
