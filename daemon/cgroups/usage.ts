import type { Usage } from '../environments/environment.ts';
import { readCgroup, readCounters } from './files.ts';

/** What a sliver's cgroup has used; a value whose controller is missing is absent, never zero. */
export function cgroupUsage(cgroup: string): Usage {
  const cpu = readCounters(`${cgroup}/cpu.stat`);
  const usage: Usage = {};
  const set = <K extends keyof Usage>(key: K, value: Usage[K] | undefined) => {
    if (value !== undefined) usage[key] = value;
  };
  set('cpuMicroseconds', cpu.usage_usec);
  set('cpuThrottledMicroseconds', cpu.throttled_usec);
  set('memoryBytes', number(readCgroup(`${cgroup}/memory.current`)));
  set('memoryPeakBytes', number(readCgroup(`${cgroup}/memory.peak`)));
  if (usage.memoryBytes !== undefined) set('memoryEvents', readCounters(`${cgroup}/memory.events`));
  set('processes', number(readCgroup(`${cgroup}/pids.current`)));
  set('pidsRefused', readCounters(`${cgroup}/pids.events`).max);
  set('io', io(readCgroup(`${cgroup}/io.stat`)));
  const pressure = {
    cpu: pressureOf(readCgroup(`${cgroup}/cpu.pressure`)),
    memory: pressureOf(readCgroup(`${cgroup}/memory.pressure`)),
    io: pressureOf(readCgroup(`${cgroup}/io.pressure`)),
  };
  if (pressure.cpu && pressure.memory && pressure.io)
    set('pressure', pressure as NonNullable<Usage['pressure']>);
  return usage;
}

/** The same of what the node runs for it elsewhere; undefined where it runs nothing. */
export function sessionUsage(cgroup: string): Usage['sessions'] {
  const { cpuMicroseconds, memoryBytes, processes } = cgroupUsage(cgroup);
  if (cpuMicroseconds === undefined) return undefined;
  return {
    cpuMicroseconds,
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    ...(processes === undefined ? {} : { processes }),
  };
}

function number(text: string | undefined): number | undefined {
  return text === undefined || text === '' ? undefined : Number(text);
}

function io(text: string | undefined): Usage['io'] | undefined {
  if (text === undefined) return undefined;
  const total = { readBytes: 0, writeBytes: 0, reads: 0, writes: 0 };
  for (const line of text.split('\n')) {
    const fields = Object.fromEntries(line.split(' ').map((field) => field.split('=')));
    total.readBytes += Number(fields.rbytes ?? 0);
    total.writeBytes += Number(fields.wbytes ?? 0);
    total.reads += Number(fields.rios ?? 0);
    total.writes += Number(fields.wios ?? 0);
  }
  return total;
}

/** `some avg10=0.00 …` and `full avg10=…`; the first line alone on kernels without full CPU pressure. */
export function pressureOf(text: string | undefined): { some: number; full: number } | undefined {
  if (!text) return undefined;
  const average = (kind: string) => Number(new RegExp(`^${kind} avg10=([0-9.]+)`, 'm').exec(text)?.[1] ?? 0);
  return { some: average('some'), full: average('full') };
}
