import { DEFAULT_RSPEC } from '../daemon/resources/rspec.ts';
import { NOTHING_REVOKED } from '../daemon/slivers/keys/revocation.ts';
import type { SliverRecord } from '../daemon/slivers/record.ts';

/** A sliver's record for tests that look at a few members of it only. */
export function sliverRecord(changes: Partial<SliverRecord> = {}): SliverRecord {
  return {
    id: 1,
    name: 'a_b',
    environment: 'namespaces',
    imageDigest: 'sha256:0',
    imageName: 'small',
    profile: 'standard',
    rspec: DEFAULT_RSPEC,
    keys: [],
    revoked: NOTHING_REVOKED,
    initscript: null,
    expiresAt: null,
    desired: 'running',
    disk: 1,
    run: 1,
    createdAt: 0,
    roles: [],
    authority: null,
    ...changes,
  };
}
