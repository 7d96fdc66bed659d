import type { Role, Share } from '../../slivers/roles.ts';
import { usage } from '../exit.ts';
import { formatValue, parseAssignment } from './rspec.ts';

/**
 * `authority:ucb_*,mit_x`, the same with a share as in `authority:ucb_*:slivers=10,memory.max=4G`, `broker:*:cpu.max=2`, `control:ucb_p2ps`
 * or `flows`, as the API has them; that names and keys are right, the daemon says.
 */
export function parseRole(text: string): Role {
  const [role = '', names, shared, ...rest] = text.split(':');
  const parts = (list: string | undefined) => (list ?? '').split(',').filter((part) => part !== '');
  const slices = parts(names);
  if (rest.length === 0 && role === 'flows' && names === undefined) return { role };
  if (rest.length === 0 && role === 'control' && slices.length > 0 && shared === undefined)
    return { role, slices };
  if (rest.length === 0 && role === 'broker' && slices.length > 0 && shared !== undefined)
    return { role, slices, share: parseShare(parts(shared)) };
  if (rest.length === 0 && role === 'authority' && slices.length > 0)
    return { role, slices, ...(shared === undefined ? {} : { share: parseShare(parts(shared)) }) };
  throw usage(
    `'${text}' is no role`,
    'roles are authority:SLICES[:SHARE], broker:SLICES:SHARE, control:SLICES and flows, as in authority:ucb_*:slivers=10,memory.max=4G',
  );
}

function parseShare(parts: readonly string[]): Share {
  return Object.fromEntries(
    parts.map((part) => {
      const [key, number] = /^slivers=([0-9]+)$/.exec(part)
        ? ['slivers', Number(part.slice('slivers='.length))]
        : parseAssignment(part);
      if (typeof number !== 'number') throw usage(`'${part}' is no part of a share`, 'as in memory.max=4G');
      return [key, number];
    }),
  );
}

export function formatRole(role: {
  role: string;
  slices?: readonly string[];
  share?: Readonly<Record<string, number>>;
}): string {
  const share = Object.entries(role.share ?? {}).map(([key, value]) => `${key}=${formatValue(key, value)}`);
  return [
    role.role,
    ...(role.slices ? [role.slices.join(',')] : []),
    ...(share.length > 0 ? [share.join(',')] : []),
  ].join(':');
}
