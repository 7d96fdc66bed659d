import type { Environment } from '../environments/environment.ts';
import type { Finding } from './doctor/index.ts';

export interface Degradation {
  what: string;
  why: string;
  /** What doesn't hold on this node because of it. */
  cost: string;
}

/** What doesn't hold on this node, from what the doctor found and what environments can't do here. */
export function degradations(
  findings: readonly Finding[],
  environments: Iterable<Environment>,
): Degradation[] {
  return [
    ...findings
      .filter((finding) => !finding.ok)
      .map(({ what, detail, cost }) => ({ what, why: detail, cost })),
    ...[...environments].flatMap((environment) => environment.degraded ?? []),
  ];
}
