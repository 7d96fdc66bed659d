import type { Role } from '../../slivers/roles.ts';
import { usage } from '../exit.ts';

/** `authority:ucb_*,mit_x`, `control:ucb_p2ps` or `flows`, as the API has them; that names are right, the daemon says. */
export function parseRole(text: string): Role {
  const [role = '', names] = text.split(/:(.*)/s);
  const slices = (names ?? '').split(',').filter((name) => name !== '');
  if (role === 'flows' && names === undefined) return { role };
  if ((role === 'authority' || role === 'control') && slices.length > 0) return { role, slices };
  throw usage(
    `'${text}' is no role`,
    'roles are authority:SLICES, control:SLICES and flows, as in authority:ucb_*',
  );
}

export function formatRole({ role, slices }: { role: string; slices?: readonly string[] }): string {
  return slices ? `${role}:${slices.join(',')}` : role;
}
