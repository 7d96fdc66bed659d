import { usage } from '../exit.ts';

const UNITS = ['', 'K', 'M', 'G', 'T', 'P'];

/**
 * Bytes from what people type: `512M`, `1.5G`, `4096`; K, M, G, T are powers of 1024, also as KiB or KB, because
 * memory and disks of slivers are counted in pages and blocks.
 */
export function parseSize(text: string, what: string): number {
  const match = /^([0-9]+(?:\.[0-9]+)?)\s*([KMGTP]?)(?:i?B)?$/i.exec(text.trim());
  const bytes = match
    ? Math.round(Number(match[1]) * 1024 ** UNITS.indexOf(match[2]!.toUpperCase()))
    : Number.NaN;
  if (Number.isSafeInteger(bytes)) return bytes;
  throw usage(`${what}: '${text}' is not a size: a number with K, M, G or T, as in 512M or 1.5G`);
}

/** The same backwards, for people: three digits are enough. */
export function formatSize(bytes: number): string {
  let unit = 0;
  let value = bytes;
  while (Math.abs(value) >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 || Number.isInteger(value) ? 0 : 1;
  const shown = value.toFixed(digits);
  // 1023.9 rounds up to the next unit's 1.
  if (Number(shown) >= 1024 && unit < UNITS.length - 1) return `1${UNITS[unit + 1]}`;
  return `${shown}${UNITS[unit] || ' B'}`;
}

/** Bits per second: `10M` is 10,000,000, since links are sold so; also as 10Mbit or 10Mbps. */
export function parseRate(text: string, what: string): number {
  const match = /^([0-9]+(?:\.[0-9]+)?)\s*([KMGT]?)(?:bit(?:\/s)?|bps)?$/i.exec(text.trim());
  const bits = match
    ? Math.round(Number(match[1]) * 1000 ** UNITS.indexOf(match[2]!.toUpperCase()))
    : Number.NaN;
  if (Number.isSafeInteger(bits)) return bits;
  throw usage(`${what}: '${text}' is not a rate: bits per second with K, M, G or T, as in 10M or 1.5G`);
}

/** The same backwards, exactly. */
export function formatRate(bits: number): string {
  let unit = 0;
  let value = bits;
  while (value >= 1000 && unit < 4) {
    value /= 1000;
    unit += 1;
  }
  return `${Number(value.toFixed(3))}${UNITS[unit]}bit/s`;
}
