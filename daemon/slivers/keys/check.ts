import { SliverdError } from '../../errors.ts';
import { run } from '../../kernel/run.ts';
import { type KeyLine, parseKeyLine } from './line.ts';

/** sshd reads a slice's keys one by one at each login. */
export const MAX_KEYS = 1000;

/**
 * The keys among lines of authorized_keys, in their order; blank lines and comments are left out. One line that is
 * wrong refuses all, with its number and why. OpenSSH itself has the last word on what is a key: one process for all.
 */
export async function checkKeys(lines: readonly string[]): Promise<KeyLine[]> {
  const keys: KeyLine[] = [];
  const lineOf = new Map<string, number>();
  for (const [index, given] of lines.entries()) {
    if (/^\s*(#[^\r\n\0]*)?\s*$/.test(given)) continue;
    const key = parseKeyLine(given);
    if ('wrong' in key) throw refused(index + 1, key.wrong);
    const before = lineOf.get(key.fingerprint);
    if (before !== undefined) throw refused(index + 1, `it is the key of line ${before} again`);
    lineOf.set(key.fingerprint, index + 1);
    keys.push(key);
  }
  if (keys.length > MAX_KEYS)
    throw new SliverdError(
      'bad-request',
      `a sliver has at most ${MAX_KEYS} keys, not ${keys.length}: for more people, name a certificate authority (cert-authority)`,
    );
  const known = await knownToOpenSSH(keys);
  for (const { fingerprint } of keys)
    if (!known.has(fingerprint))
      throw refused(
        lineOf.get(fingerprint) ?? 0,
        'OpenSSH (ssh-keygen -l) reads no key in it: it was changed on its way',
      );
  return keys;
}

/** Fingerprints of those that ssh-keygen reads; it passes over others without a word, and gets no options, which it would guess at. */
async function knownToOpenSSH(keys: readonly KeyLine[]): Promise<Set<string>> {
  if (keys.length === 0) return new Set();
  const input = keys.map(({ type, base64 }) => `${type} ${base64}`).join('\n');
  const answer = await run('ssh-keygen', ['-l', '-E', 'sha256', '-f', '-'], {
    input: `${input}\n`,
  }).catch((error) => {
    // Where it reads none at all it fails.
    if (error instanceof SliverdError && /is not a public key file/.test(error.message)) return '';
    throw error;
  });
  return new Set(answer.split('\n').map((line) => line.split(' ')[1] ?? ''));
}

function refused(line: number, why: string): SliverdError {
  return new SliverdError('bad-request', `line ${line} is no key: ${why}`, { extra: { line } });
}
