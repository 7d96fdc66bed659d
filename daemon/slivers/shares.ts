import { SliverdError } from '../errors.ts';
import type { RSpec } from '../resources/rspec.ts';
import type { SliverRecord } from './record.ts';
import { covers, type Role, SHARED } from './roles.ts';

/** The role by which an authority has a sliver of that name: the first that covers it, whose share it counts for. */
const roleFor = (roles: readonly Role[], name: string) =>
  roles.find((role) => role.role === 'authority' && covers(role, name));

/**
 * Refuses what would be more than an authority's share: all slivers that it created by the same role count, whether they run or not. Who
 * asks for no more than before is left alone, whatever the administrator has changed.
 * @param before what the sliver has already; none: it is new
 */
export function admitShare(
  all: readonly SliverRecord[],
  authority: Pick<SliverRecord, 'name' | 'roles'>,
  name: string,
  rspec: RSpec,
  before?: RSpec,
): void {
  const role = roleFor(authority.roles, name);
  if (role?.role !== 'authority' || !role.share) return;
  const { share } = role;
  const others = all.filter(
    (one) =>
      one.authority === authority.name && one.name !== name && roleFor(authority.roles, one.name) === role,
  );
  if (!before && share.slivers !== undefined && others.length >= share.slivers)
    throw new SliverdError(
      'no-capacity',
      `slivers: ${authority.name} has ${others.length} of the ${share.slivers} in its share: delete some, or ask the administrator`,
      { extra: { wanted: 1, left: 0 } },
    );
  const value = (one: RSpec, key: (typeof SHARED)[number]) =>
    one[key] === 'max' ? Number.POSITIVE_INFINITY : (one[key] as number);
  for (const key of SHARED) {
    const most = share[key];
    if (most === undefined) continue;
    const wanted = value(rspec, key);
    if (before && wanted <= value(before, key)) continue;
    const left = most - others.reduce((sum, one) => sum + value(one.rspec, key), 0);
    if (wanted <= left) continue;
    const asked = rspec[key] === 'max' ? "no bound ('max')" : String(wanted);
    throw new SliverdError(
      'no-capacity',
      `${key}: ${asked} asked for, but of ${authority.name}'s share of ${most} there is ${Math.max(left, 0)} left`,
      { extra: { ...(Number.isFinite(wanted) ? { wanted } : {}), left: Math.max(left, 0) } },
    );
  }
}
