import { SliverdError } from '../../errors.ts';

export const DAY = 86_400_000;

export interface Asking {
  /** The slice that asks, as an authority; null: the administrator, who may name any end, and none. */
  readonly by: string | null;
  /** Days from now that an authority may go to, and what a sliver has for which none is named; Infinity: no bound. */
  readonly days: number;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** The end that the sliver has already, which may be named again; undefined: it is new. */
  readonly had?: number | null | undefined;
}

/**
 * When a sliver ends. Throws `bad-request`, with what the most is (`latest`).
 * @param asked RFC 3339; null: never; undefined: as late as it may be
 * @returns milliseconds since 1970; null: never
 */
export function endOf(asked: string | null | undefined, { by, days, now, had }: Asking): number | null {
  const most = Number.isFinite(days) ? Math.floor(now + days * DAY) : null;
  if (asked === undefined) return most;
  const end = asked === null ? null : Date.parse(asked);
  if (Number.isNaN(end)) throw new SliverdError('bad-request', `expiresAt: '${asked}' is not a time`);
  if (end !== null && end <= now) throw new SliverdError('bad-request', `expiresAt: ${asked} is in the past`);
  if (by === null || most === null || end === had || (end !== null && end <= most)) return end;
  const latest = new Date(most).toISOString();
  throw new SliverdError(
    'bad-request',
    `expiresAt: ${asked ?? 'never'} is later than ${by} may give: ${days} days from now at most (${latest}), to be renewed in time; the administrator may give more`,
    { extra: { latest } },
  );
}
