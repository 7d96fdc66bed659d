import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CGROUP_ROOT } from '../../cgroups/tree.ts';
import { during, explain } from '../../errors.ts';
import { Bench, type BenchOptions } from './bench.ts';
import { type Finding, loadRequirements, type Requirement } from './finding.ts';
import { LANES } from './probes/index.ts';
import type { Probe } from './probes/probe.ts';

export type { Finding, Requirement, Severity } from './finding.ts';
export { formatFindings } from './format.ts';

/**
 * The doctor: tries for real what a node needs of its kernel and host (kernel-profiles/requirements.json), never by
 * version numbers. It makes things of its own in the state and run directories and below one cgroup, and takes them
 * away again; it touches no sliver.
 */
export interface Examination {
  readonly stateDirectory: string;
  readonly runDirectory: string;
  /** A cgroup v2 directory without processes to try things below, such as the parent of all slivers. Default: the root. */
  readonly cgroupRoot?: string;
  /** Default: the one that comes with this program. */
  readonly profilesDir?: string;
  /** Ids to try; default: all. */
  readonly only?: readonly string[];
  /** Milliseconds for each probe. Default 120,000: an emulated machine is slow, and a busy one slower. */
  readonly timeout?: number;
  /** Once aborted, no further probe is tried; what is under way ends, is cleared away, and the reason is thrown. */
  readonly signal?: AbortSignal;
}

const SHIPPED = join(import.meta.dirname, '../../../kernel-profiles');
const running = new Map<string, Promise<Finding[]>>();

/**
 * Findings in the order of the requirements. Never throws for what a machine lacks: a probe that fails, throws or
 * doesn't end is a finding with the reason. Whoever asks while the same examination runs gets its findings.
 */
export function examine(examination: Examination): Promise<Finding[]> {
  const { signal: _, ...what } = examination;
  const key = JSON.stringify(what);
  let findings = running.get(key);
  if (!findings) {
    findings = examineOnce(examination).finally(() => running.delete(key));
    running.set(key, findings);
  }
  return findings;
}

/** Takes away what an examination that was killed had made. */
export async function clearExaminations(examination: Examination): Promise<void> {
  await during('clearing what a doctor before tried', () => new Bench(optionsOf(examination)).clear());
}

function optionsOf(examination: Examination): BenchOptions {
  return {
    stateDirectory: examination.stateDirectory,
    runDirectory: examination.runDirectory,
    cgroupRoot: examination.cgroupRoot ?? CGROUP_ROOT,
    profilesDir: examination.profilesDir ?? SHIPPED,
  };
}

async function examineOnce(examination: Examination): Promise<Finding[]> {
  const options = optionsOf(examination);
  const wanted = loadRequirements(options.profilesDir).filter(
    ({ id }) => examination.only?.includes(id) ?? true,
  );
  const bench = new Bench(options);
  const findings = new Map<string, Finding>();
  try {
    const lanes = LANES.map(async (lane) => {
      for (const requirement of wanted) {
        if (examination.signal?.aborted) return;
        const probe = Object.hasOwn(lane, requirement.id) ? lane[requirement.id] : undefined;
        if (probe)
          findings.set(requirement.id, await attempt(requirement, probe, bench, examination.timeout));
      }
    });
    await Promise.all(lanes);
  } finally {
    await during('clearing what the doctor tried', () => bench.clear());
  }
  examination.signal?.throwIfAborted();
  return wanted.map(
    (requirement) =>
      findings.get(requirement.id) ?? { ...requirement, ok: false, detail: 'nothing tries it' },
  );
}

/** Exported for tests. */
export async function attempt(
  requirement: Requirement,
  probe: Probe,
  bench: Bench,
  timeout = 120_000,
): Promise<Finding> {
  const over = new AbortController();
  const late = sleep(timeout, undefined, { signal: over.signal }).then(() => {
    throw new Error(`no answer in ${timeout / 1000} s`);
  });
  late.catch(() => {});
  try {
    const detail = await Promise.race([probe(bench), late]);
    return { ...requirement, ok: true, detail };
  } catch (error) {
    return { ...requirement, ok: false, detail: explain(error).replaceAll('\n', ' ') };
  } finally {
    over.abort();
  }
}
