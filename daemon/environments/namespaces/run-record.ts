import { readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';

/** What the daemon notes of a container that it started, so that a later daemon can tell it from any other. */
export interface RunRecord {
  readonly run: number;
  readonly disk: number;
  readonly pid: number;
  /** Clock ticks since boot at which the init started: a pid alone may be somebody else's by now. */
  readonly startTime: string;
  readonly bootId: string;
}

const BOOT_ID = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

/** The start time of a process (proc_pid_stat(5), field 22), or undefined when there is none. */
export function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

export function writeRunRecord(folder: string, record: Omit<RunRecord, 'bootId' | 'startTime'>): void {
  const whole: RunRecord = { ...record, startTime: startTimeOf(record.pid) ?? '', bootId: BOOT_ID };
  writeFileSync(`${folder}/run.json.new`, JSON.stringify(whole), { mode: 0o600 });
  renameSync(`${folder}/run.json.new`, `${folder}/run.json`);
}

/** The record's own time is since when the container is as it is: a daemon that starts anew tells the same. */
export function touchRunRecord(folder: string): void {
  const now = new Date();
  utimesSync(`${folder}/run.json`, now, now);
}

export function removeRunRecord(folder: string): void {
  rmSync(`${folder}/run.json`, { force: true });
}

/** The record of a container whose init is alive, and really that init; `since` in milliseconds since 1970. */
export function liveRunRecord(folder: string): (RunRecord & { since: number }) | undefined {
  try {
    const record = JSON.parse(readFileSync(`${folder}/run.json`, 'utf8')) as RunRecord;
    const alive = record.bootId === BOOT_ID && startTimeOf(record.pid) === record.startTime;
    return alive ? { ...record, since: Math.floor(statSync(`${folder}/run.json`).mtimeMs) } : undefined;
  } catch {
    return undefined;
  }
}
