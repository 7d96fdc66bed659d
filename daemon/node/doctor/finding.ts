import { readValid } from '../../environments/profiles.ts';

export type Severity = 'required' | 'degraded';

/** One thing that a node needs (kernel-profiles/requirements.json). Texts are one line each, for people. */
export interface Requirement {
  readonly id: string;
  readonly what: string;
  readonly for: string;
  readonly severity: Severity;
  /** What doesn't hold without it. */
  readonly cost: string;
  readonly mend: string;
}

/** A requirement, tried. `detail` says what was seen, or why it failed. */
export interface Finding extends Requirement {
  readonly ok: boolean;
  readonly detail: string;
}

/** Reads and checks `requirements.json` in the folder of the kernel profiles. Throws `bad-profile`. */
export function loadRequirements(profilesDir: string): readonly Requirement[] {
  return readValid<{ requirements: Requirement[] }>(
    profilesDir,
    'requirements.json',
    'requirements.schema.json',
  ).requirements;
}
