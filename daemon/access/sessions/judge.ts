import { type KeyLine, parseKeyLine } from '../../slivers/keys/line.ts';
import type { SliverRecord } from '../../slivers/record.ts';
import type { Credential } from './credential.ts';

type Rules = Pick<SliverRecord, 'keys' | 'revoked'>;

/** Lines of records that didn't change are the same arrays, and are parsed once. */
const parsed = new WeakMap<readonly string[], KeyLine[]>();
function keysOf(lines: readonly string[]): KeyLine[] {
  const had = parsed.get(lines);
  if (had) return had;
  const keys = lines.map(parseKeyLine).filter((key) => !('wrong' in key)) as KeyLine[];
  parsed.set(lines, keys);
  return keys;
}

/**
 * Whether sshd would let somebody in by this now, as far as that is a matter of keys and revocations: options of a line are for the
 * next login, and the end of a certificate's time ends no session (OpenSSH has it so too).
 */
export function isLetIn({ fingerprint, certificate }: Credential, { keys, revoked }: Rules): boolean {
  const signer = certificate?.authority ?? undefined;
  // A longer certificate than what is recorded: nobody knows whose.
  if (certificate && signer === undefined) return true;
  const by = keysOf(keys).find((key) =>
    certificate
      ? key.authority && key.fingerprint === signer
      : !key.authority && key.fingerprint === fingerprint,
  );
  if (!by) return false;
  const authority = `${by.type} ${by.base64}`;
  return !revoked.items.some((item) => {
    if ('fingerprint' in item) return item.fingerprint === fingerprint || item.fingerprint === signer;
    if (!certificate || item.authority !== authority) return false;
    return 'serial' in item ? item.serial === certificate.serial : item.keyId === certificate.keyId;
  });
}
