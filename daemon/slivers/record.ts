import type { RSpec } from '../resources/rspec.ts';
import type { Revoked } from './keys/revocation.ts';
import type { Role } from './roles.ts';

export type Desired = 'running' | 'stopped' | 'frozen' | 'deleted';

/** What should exist of a sliver: one row of the database, the truth that reconciliation follows. */
export interface SliverRecord {
  /** 1 to 4095; not reused while records of it are kept. Gives the uid range and all names in the kernel. */
  readonly id: number;
  readonly name: string;
  readonly environment: string;
  /** Content digest of its image (`sha256:…`) and the name it was asked for by. */
  readonly imageDigest: string;
  readonly imageName: string;
  readonly profile: string;
  readonly rspec: RSpec;
  /** authorized_keys lines. */
  readonly keys: readonly string[];
  /** Certificates and keys that let nobody in. */
  readonly revoked: Revoked;
  /** Runs as root inside at each start. */
  readonly initscript: string | null;
  /** Milliseconds since 1970; past it the sliver does not run. */
  readonly expiresAt: number | null;
  readonly desired: Desired;
  /** Goes up with each reset: a clean writable layer. */
  readonly disk: number;
  /** Goes up with each restart and reset: a new init. */
  readonly run: number;
  readonly createdAt: number;
  /** What it may do by its manager's socket, beyond what every slice may. */
  readonly roles: readonly Role[];
  /** The slice that created it as an authority, by name; null: the administrator. */
  readonly authority: string | null;
}

/** Uid ranges of 65,536 from 0x70000000, which systemd's table of ids leaves to nobody; 4,095 of them. */
export const MAX_ID = 4095;
export const UIDS_PER_SLIVER = 65_536;
export function uidBase(id: number): number {
  return 0x7000_0000 + id * UIDS_PER_SLIVER;
}
/** Name of the sliver's objects in the kernel: its cgroup, its container, its devices. */
export function kernelName(id: number): string {
  return `s${id}`;
}
