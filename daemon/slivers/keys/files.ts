import type { Revoked } from './revocation.ts';

/** A file that is on the disk and doesn't hold yet; dropping it after `commit` does nothing. */
export interface Staged {
  commit(): void;
  drop(): void;
}

/** What of a slice's record sshd reads. */
export interface LoginRules {
  readonly keys: readonly string[];
  readonly revoked: Revoked;
}

/** Where sshd reads from; what is acknowledged is there. */
export interface LoginFiles {
  stage(slice: string, rules: Partial<LoginRules>): Staged;
  remove(slice: string): void;
  /** Settles when sshd goes by all that was committed. */
  inForce(): Promise<void>;
}
