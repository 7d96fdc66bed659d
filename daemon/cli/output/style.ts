import type { WriteStream } from 'node:tty';

/** Colour is a hint for people: on a terminal, and not where NO_COLOR asks for none (no-color.org). */
export function hasColour(stream: Pick<WriteStream, 'isTTY'>, env = process.env): boolean {
  return Boolean(stream.isTTY) && !env.NO_COLOR && env.TERM !== 'dumb';
}

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, blue: 34 } as const;
export type Style = keyof typeof CODES;

export function paint(text: string, style: Style | undefined, colour: boolean): string {
  return colour && style && text ? `\u001b[${CODES[style]}m${text}\u001b[0m` : text;
}

const STATES: Record<string, Style> = {
  running: 'green',
  failed: 'red',
  expired: 'red',
  starting: 'yellow',
  stopping: 'yellow',
  deleting: 'yellow',
  frozen: 'blue',
  stopped: 'dim',
};

export function stateStyle(state: string): Style | undefined {
  return STATES[state];
}

/**
 * Text of a sliver on its way to a terminal: control characters become visible, so that a name, a cause or a log
 * line can't drive the terminal of the administrator who reads it. Newlines become spaces.
 */
export function plain(text: string): string {
  return text
    .replace(/[\r\n\t]+/g, ' ')
    .replace(
      /[\u0000-\u001f\u007f-\u009f]/g,
      (found) => `\\x${found.charCodeAt(0).toString(16).padStart(2, '0')}`,
    );
}
