import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { HOST_KEYS } from './configuration.ts';

export interface HostKey {
  readonly type: string;
  /** As ssh shows it. */
  readonly fingerprint: string;
  /** What follows the node's name in its DNS zone (RFC 4255). */
  readonly sshfp: string;
}

const SSHFP_ALGORITHM = { rsa: 1, ecdsa: 3, ed25519: 4 };

export function hostKeys(folder: string): HostKey[] {
  return HOST_KEYS.map((kind) => {
    const [type = '', blob = ''] = readFileSync(`${folder}/ssh_host_${kind}_key.pub`, 'utf8').split(' ');
    const digest = createHash('sha256').update(Buffer.from(blob, 'base64')).digest();
    return {
      type,
      fingerprint: `SHA256:${digest.toString('base64').replace(/=+$/, '')}`,
      sshfp: `IN SSHFP ${SSHFP_ALGORITHM[kind]} 2 ${digest.toString('hex')}`,
    };
  });
}
