import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { SliverdError } from '../errors.ts';
import { syncFolder, writeBeside } from '../kernel/whole-file.ts';
import type { PublicKey } from '../resources/tickets/link.ts';
import { publicKeyOf, thumbprint } from '../resources/tickets/ticket.ts';

/** By what the node is known for good, and signs its promises: an Ed25519 key, made at the first start. */
export class Identity {
  /** Private. */
  readonly key: KeyObject;
  readonly public: PublicKey;
  /** Of the public half (RFC 7638). */
  readonly thumbprint: string;

  private constructor(key: KeyObject, name: string) {
    this.key = key;
    this.public = publicKeyOf(key);
    this.thumbprint = name;
  }

  /** @param file of PEM (PKCS #8). Throws `bad-config` when there is one that can't be read: another key would break every promise. */
  static async open(file: string): Promise<Identity> {
    if (!existsSync(file)) {
      const made = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
      writeBeside(`${file}.new`, made as string, true, 0o600);
      renameSync(`${file}.new`, file);
      syncFolder(dirname(file));
    }
    try {
      const key = createPrivateKey(readFileSync(file));
      return new Identity(key, await thumbprint(publicKeyOf(key)));
    } catch (cause) {
      throw new SliverdError(
        'bad-config',
        `${file} is not the node's key: bring it back from a copy, or remove it for a new one, by which no ticket of the old one is good any more`,
        { cause },
      );
    }
  }
}
