import { usage } from '../exit.ts';

const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 7 * 86_400 };
const DURATION = /^(?:\d+(?:\.\d+)?[smhdw])+$/;
const ABSOLUTE = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)(Z|[+-]\d{2}:\d{2})?)?$/i;
const FORMS = '8w, 3d, 2h30m, never, 2026-12-24, 2026-12-24T18:00 or with a zone 2026-12-24T18:00Z';

/** Seconds of `2h30m`, `3d`, `8w`; undefined when it is no duration. */
export function parseDuration(text: string): number | undefined {
  if (!DURATION.test(text)) return undefined;
  let seconds = 0;
  for (const [, count, unit] of text.matchAll(/(\d+(?:\.\d+)?)([smhdw])/g))
    seconds += Number(count) * SECONDS[unit!]!;
  return seconds;
}

/**
 * When something ends: from now (`8w`), at a time (local unless a zone is given), or `never`.
 * @returns an RFC 3339 time in UTC, or null for never.
 */
export function parseExpiry(text: string, now: number = Date.now(), what = '--expires'): string | null {
  if (text.trim() === 'never') return null;
  const at = moment(text, now, 1);
  if (at === undefined) throw usage(`${what}: '${text}' is not a time: ${FORMS}`);
  if (at <= now) throw usage(`${what}: '${text}' is not in the future`);
  return new Date(at).toISOString();
}

/** When something was: at a time (local unless a zone is given), or so long ago (`2h`). @returns milliseconds since 1970 */
export function parseTime(text: string, what: string, now: number = Date.now()): number {
  const at = moment(text, now, -1);
  if (at !== undefined) return at;
  throw usage(
    `${what}: '${text}' is not a time: 2026-12-24T18:00, with a zone 2026-12-24T18:00Z, or 2h for two hours ago`,
  );
}

/** So long from now, or ago, or at a time; milliseconds since 1970. Undefined when it is neither. */
function moment(text: string, now: number, direction: 1 | -1): number | undefined {
  const given = text.trim();
  const seconds = parseDuration(given.toLowerCase());
  const absolute = ABSOLUTE.exec(given);
  const at =
    seconds !== undefined
      ? now + direction * seconds * 1000
      : absolute
        ? // A date alone would be read as UTC by Date; a person means their own midnight.
          Date.parse(`${absolute[1]}T${absolute[2] ?? '00:00'}${(absolute[3] ?? '').toUpperCase()}`)
        : Number.NaN;
  return Math.abs(at) <= 8.64e15 && sameDay(absolute, at) ? at : undefined;
}

/** Date turns 30 February into March; a typing error must not become another day. */
function sameDay(given: RegExpExecArray | null, at: number): boolean {
  if (!given) return true;
  const day = new Date(`${given[1]}T00:00Z`);
  return (
    !Number.isNaN(day.getTime()) &&
    day.toISOString().startsWith(given[1]!) &&
    Math.abs(at - day.getTime()) < 2 * 86_400_000
  );
}

/** An amount of time for people: `3 h`, `2 d`; the largest unit that has at least two, so that it stays telling. */
export function formatSpan(milliseconds: number, whole: (value: number) => number = Math.floor): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${whole(seconds / 60)} min`;
  if (seconds < 2 * 86_400) return `${whole(seconds / 3600)} h`;
  return `${whole(seconds / 86_400)} d`;
}

/** How long ago. */
export function formatAge(time: string, now: number = Date.now()): string {
  return formatSpan(now - Date.parse(time));
}

/** How long until; `never` and `over` are words of their own. */
export function formatUntil(time: string | null, now: number = Date.now()): string {
  if (time === null) return 'never';
  const left = Date.parse(time) - now;
  // Who has just asked for 8 w reads 56 d, not 55.
  return left <= 0 ? 'over' : `in ${formatSpan(left, Math.round)}`;
}

/** A moment in the machine's own zone, to the second. */
export function formatTime(time: string): string {
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) return time;
  const two = (value: number) => String(value).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}
