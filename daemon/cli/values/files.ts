import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { PRIVATE } from '../../slivers/keys/line.ts';
import { usage } from '../exit.ts';

/** A file's text; `-` is standard input. */
export async function readText(file: string, what: string): Promise<string> {
  try {
    return file === '-' ? await text(process.stdin) : await readFile(file, 'utf8');
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why =
      code === 'ENOENT'
        ? 'there is no such file'
        : code === 'EISDIR'
          ? 'it is a directory'
          : code === 'EACCES'
            ? 'permission denied'
            : message;
    throw usage(`cannot read ${what} from ${file}: ${why}`);
  }
}

/** A line and where it stands. */
export interface FileLine {
  readonly text: string;
  readonly file: string;
  readonly number: number;
}

/** The public keys in files of authorized_keys lines (such as id_ed25519.pub). */
export async function readKeys(files: readonly string[]): Promise<string[]> {
  return (await readKeyLines(files)).map(({ text }) => text);
}

export async function readKeyLines(files: readonly string[]): Promise<FileLine[]> {
  const keys: FileLine[] = [];
  for (const file of files) {
    const content = await readText(file, 'keys');
    if (PRIVATE.test(content))
      throw usage(`${file} is a private key: it stays with you`, `give its public half: ${file}.pub`);
    const lines = content
      .split(/\r?\n/)
      .map((line, index) => ({ text: line.trim(), file, number: index + 1 }))
      .filter(({ text }) => text && !text.startsWith('#'));
    if (lines.length === 0) throw usage(`there is no key in ${file}`);
    keys.push(...lines);
  }
  return keys;
}
