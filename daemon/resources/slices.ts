import { Type } from 'typebox';

/** What names one slice or all of a site's. */
export const ONE_OR_SITE = '[a-z][a-z0-9]{0,15}_([a-z0-9]{1,15}|\\*)';

/** Whose sliver something is for: a slice's name, or all of a site's (ucb_*). */
export const Target = Type.String({ pattern: `^${ONE_OR_SITE}$` });

/** Whether all that `inner` names, one slice or those of a site, is named by `outer` too; `*` is every slice. */
export function isWithin(outer: string, inner: string): boolean {
  return outer === inner || (outer.endsWith('*') && inner.startsWith(outer.slice(0, -1)));
}
