import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { readCgroup, readCounters, writeCgroup } from '../../../cgroups/files.ts';
import { freeze, isPopulated, killCgroup, until } from '../../../cgroups/tree.ts';
import { blockDevice } from '../../../kernel/block-device.ts';
import { HOST_ENV } from '../../../kernel/run.ts';
import type { Bench } from '../bench.ts';
import { missing, type Probe } from './probe.ts';

/** Milliseconds for the kernel to show what it does at once, on a machine that has no time. */
const PATIENCE = 60_000;

/** Runs `script` by sh inside `cgroup` (it is moved there before its first command) while `work` looks on. */
async function inside<T>(
  cgroup: string,
  script: string,
  work: (child: ChildProcess) => Promise<T>,
): Promise<T> {
  const child = spawn('sh', ['-c', `read _; ${script}`], {
    stdio: ['pipe', 'ignore', 'ignore'],
    env: HOST_ENV,
  });
  const ended = once(child, 'close');
  child.stdin?.on('error', () => {});
  try {
    writeCgroup(`${cgroup}/cgroup.procs`, String(child.pid));
    child.stdin?.end('go\n');
    return await work(child);
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

function set(cgroup: string, file: string, value: string, seen = value): void {
  writeCgroup(`${cgroup}/${file}`, value);
  const now = readCgroup(`${cgroup}/${file}`) ?? 'nothing';
  if (!now.includes(seen)) missing(`${file} reads ${now} after ${value} was written`);
}

function stateDevice(bench: Bench): string {
  return (
    blockDevice(bench.options.stateDirectory) ??
    missing(`${bench.options.stateDirectory} is on a file system without a block device of its own`)
  );
}

export const cgroupProbes: Record<string, Probe> = {
  cgroup2: async (bench) => {
    bench.cgroup('plain');
    return `mounted at ${bench.options.cgroupRoot}`;
  },
  'cgroup-cpu': async (bench) => {
    const cgroup = bench.cgroup('cpu', 'cpu');
    set(cgroup, 'cpu.weight', '200');
    set(cgroup, 'cpu.max', '1000 10000');
    await inside(cgroup, 'while :; do :; done', () =>
      until(
        () => (readCounters(`${cgroup}/cpu.stat`).nr_throttled ?? 0) > 0,
        PATIENCE,
        'a busy loop to be throttled',
      ),
    );
    return 'throttled a busy loop';
  },
  'cgroup-cpuset': async (bench) => {
    const cgroup = bench.cgroup('cpuset', 'cpuset');
    const first = /^\d+/.exec(readCgroup(`${cgroup}/cpuset.cpus.effective`) ?? '')?.[0] ?? '0';
    set(cgroup, 'cpuset.cpus', first);
    const bound = readCgroup(`${cgroup}/cpuset.cpus.effective`);
    return bound === first ? `bound to processor ${first}` : missing(`bound to ${bound}, not to ${first}`);
  },
  'cgroup-memory': async (bench) => {
    const cgroup = bench.cgroup('memory', 'memory');
    set(cgroup, 'memory.high', '33554432');
    set(cgroup, 'memory.max', '67108864');
    await inside(cgroup, 'sleep 100', () =>
      until(
        () => Number(readCgroup(`${cgroup}/memory.current`)) > 0,
        PATIENCE,
        'the memory of a process to be counted',
      ),
    );
    return "counted a process's memory";
  },
  'cgroup-swap': async (bench) => {
    set(bench.cgroup('swap', 'memory'), 'memory.swap.max', '0');
    return 'memory.swap.max can be set';
  },
  'cgroup-io': async (bench) => {
    const cgroup = bench.cgroup('io', 'io');
    const device = stateDevice(bench);
    set(cgroup, 'io.max', `${device} wbps=1048576`, 'wbps=1048576');
    return `io.max can be set for ${device}`;
  },
  'cgroup-io-weight': async (bench) => {
    set(bench.cgroup('io', 'io'), 'io.weight', 'default 200');
    const device = stateDevice(bench);
    // The file is there whenever the controller is; only with a cost model at work has it any effect.
    const model = readCgroup('/sys/fs/cgroup/io.cost.qos') ?? '';
    if (!model.split('\n').some((line) => line.startsWith(`${device} `) && line.includes('enable=1')))
      missing(`io.cost.qos is not enabled for ${device}`);
    return `io.cost.qos is enabled for ${device}`;
  },
  'cgroup-pids': async (bench) => {
    const cgroup = bench.cgroup('pids', 'pids');
    set(cgroup, 'pids.max', '1');
    await inside(cgroup, 'true & wait', () =>
      until(() => (readCounters(`${cgroup}/pids.events`).max ?? 0) > 0, PATIENCE, 'a fork to be refused'),
    );
    return 'refused a fork';
  },
  'cgroup-freeze': async (bench) => {
    const cgroup = bench.cgroup('freeze');
    return inside(cgroup, 'sleep 100', async () => {
      await freeze(cgroup, true);
      await freeze(cgroup, false);
      return 'froze and thawed a process';
    });
  },
  'cgroup-kill': async (bench) => {
    const cgroup = bench.cgroup('kill');
    return inside(cgroup, 'sleep 100', async () => {
      if (!isPopulated(cgroup)) missing('cgroup.events does not tell that a process is there');
      if (!existsSync(`${cgroup}/cgroup.kill`)) missing('there is no cgroup.kill');
      await killCgroup(cgroup);
      return 'killed a process';
    });
  },
  pressure: async (bench) => {
    const cgroup = bench.cgroup('plain');
    for (const resource of ['cpu', 'memory', 'io']) {
      const text = readFileSync(`${cgroup}/${resource}.pressure`, 'utf8');
      if (!/^some avg10=/m.test(text)) missing(`${resource}.pressure reads ${JSON.stringify(text)}`);
    }
    return 'read for cpu, memory and io';
  },
};
