import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { identity, inspect, processesOf, processorTime } from './processes.ts';
import type { Node } from './subjects/sliverd.ts';
import type { Subject } from './subjects/subject.ts';

export interface Beside {
  readonly subject: string;
  readonly containers: number;
  /** Bytes, shared pages divided (PSS), of all processes that the subject keeps beside its containers. */
  readonly bytes: number;
  readonly processes: Record<string, number>;
}

/** What a subject keeps in memory beside the programs that it runs. */
export function beside(subject: Subject, containers: number): Beside {
  const found = processesOf(subject.folder).filter(({ name }) => name !== 'unshare');
  const processes: Record<string, number> = {};
  for (const { name } of found) processes[name] = (processes[name] ?? 0) + 1;
  return {
    subject: subject.name,
    containers,
    bytes: found.reduce((sum, { proportional }) => sum + proportional, 0),
    processes,
  };
}

export interface Idle {
  readonly slivers: number;
  readonly seconds: number;
  /** Of one processor. */
  readonly processorPercent: number;
  readonly residentBytes: number;
  readonly anonymousBytes: number;
  /** Processes of the daemon in slivers' cgroups, other than each sliver's one init. */
  readonly besideInit: number;
}

/** The daemon while nobody asks it anything, once it has looked at what was just made and found it in order. */
export async function idle(node: Node, seconds: number): Promise<Idle> {
  const pid = node.node.daemon?.pid ?? 0;
  await sleep(seconds * 1000 + 2000); // every sliver is looked at within a minute
  const [began, before] = [performance.now(), processorTime(pid)];
  await sleep(seconds * 1000);
  const used = processorTime(pid) - before;
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const slivers = await node.list();
  const inside = node.node
    .inside('sh', '-c', `cat /sys/fs/cgroup${node.node.cgroup}/s*/cgroup.procs`)
    .split('\n')
    .filter(Boolean);
  return {
    slivers: slivers.length,
    seconds,
    processorPercent: (used / (performance.now() - began)) * 100,
    residentBytes: inspect(pid).resident,
    anonymousBytes: Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1]) * 1024,
    besideInit: inside.length - slivers.length + processesOf(node.folder).length - 1,
  };
}

export interface Restart {
  readonly slivers: number;
  /** From the start of the new daemon's process to its first answer, milliseconds. */
  readonly serving: number;
  /** Slivers whose init is not the same process as before. */
  readonly disturbed: number;
}

export async function restart(node: Node): Promise<Restart> {
  const inits = async () =>
    new Map((await node.list()).map(({ name, pid }) => [name, pid === null ? '' : identity(pid)]));
  const before = await inits();
  node.node.daemon?.kill('SIGTERM');
  await node.node.ended();
  const began = performance.now();
  await node.node.launch();
  await node.node.ok('GET', '/v1/node');
  const serving = performance.now() - began;
  const after = await inits();
  const disturbed = [...before].filter(([name, init]) => after.get(name) !== init).length;
  return { slivers: before.size, serving, disturbed };
}
