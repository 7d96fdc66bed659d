import { SliverdError } from '../errors.ts';

/**
 * A slice is named `site_name`: the login base of a site, an underscore, and a name that the site chose. The name
 * becomes a login, a host name, a file name and a kernel object, so nothing else than these characters is let in.
 */
const NAME = /^[a-z][a-z0-9]{0,15}_[a-z0-9]{1,15}$/;

export function checkName(name: string): string {
  if (NAME.test(name)) return name;
  const shown = JSON.stringify(name.slice(0, 60));
  const why = !name
    ? 'it is empty'
    : /[A-Z]/.test(name)
      ? 'it has upper-case letters'
      : !name.includes('_')
        ? "it has no underscore: a name has two parts, as in 'ucb_p2ps'"
        : name.split('_').length > 2
          ? 'it has more than one underscore'
          : /[^a-z0-9_]/.test(name)
            ? 'it has characters other than a-z, 0-9 and one underscore'
            : !/^[a-z]/.test(name)
              ? 'it does not start with a letter'
              : 'one of its two parts is empty or has more than 16 (site) or 15 (name) characters';
  throw new SliverdError('bad-name', `${shown} is not a sliver's name (site_name, such as ucb_p2ps): ${why}`);
}

/** The host name inside: an underscore is not allowed in one (RFC 1123). */
export function hostName(name: string): string {
  return name.replace('_', '-');
}
