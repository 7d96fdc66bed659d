import { mkdirSync } from 'node:fs';
import { replaceFile } from '../../kernel/whole-file.ts';
import { type SliverRecord, uidBase } from '../../slivers/record.ts';

export const GROUP = 'sliverd-slices';
/** The id of no sliver, in the range that is ours: free wherever the slivers' are. */
const GID = uidBase(0);

export { GID as ACCESS_GID };

/** What an account's comment says of a sliver that can't be entered by ssh: the PAM step refuses it by these words. */
function elsewhere({ name, environment }: SliverRecord): string {
  return environment === 'namespaces'
    ? ''
    : `${name} is run by '${environment}', whose slivers ssh does not reach; 'sliverctl sliver exec ${name} -- sh' does`;
}

/**
 * Slices as accounts, for libnss-extrausers. sliver-sshd alone sees them, in a mount namespace of its own: to the rest
 * of the machine (su, cron, login, the administrator's sshd) there is no such user.
 */
export function accountFiles(
  slivers: readonly SliverRecord[],
  home: string,
  shell: string,
): Record<string, string> {
  const live = slivers.filter(({ desired }) => desired !== 'deleted');
  const lines = (each: (sliver: SliverRecord) => string) => live.map((one) => `${each(one)}\n`).join('');
  return {
    passwd: lines((one) => `${one.name}:x:${uidBase(one.id)}:${GID}:${elsewhere(one)}:${home}:${shell}`),
    group: `${GROUP}:x:${GID}:\n`,
    shadow: lines(({ name }) => `${name}:*:::::::`),
  };
}

/** Each file is replaced whole: a login may be under way. */
export function writeAccounts(folder: string, files: Record<string, string>): void {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  for (const [name, text] of Object.entries(files))
    replaceFile(`${folder}/${name}`, text, name === 'shadow' ? 0o600 : 0o644);
}
