import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import type { RSpec } from '../../resources/rspec.ts';
import type { EngineFacts } from './engine.ts';

/** The limits that an engine's `POST /containers/{id}/update` takes; members are those of its HostConfig. */
export interface EngineLimits {
  CpuShares?: number;
  CpuPeriod?: number;
  CpuQuota?: number;
  CpusetCpus?: string;
  Memory?: number;
  MemorySwap?: number;
  PidsLimit?: number;
}

const PERIOD = 100_000;

/**
 * An RSpec in the engine's terms, without what its kernel does not offer (it would drop that with a warning and
 * leave us to ask again for ever). An update takes 0 and '' as "leave it", so "no limit" is a value that limits
 * nothing: all of the memory, every core.
 */
export function engineLimits(
  rspec: RSpec,
  facts: EngineFacts,
  machine = { memoryBytes: totalmem(), cpus: onlineCpus() },
): EngineLimits {
  const limits: EngineLimits = {};
  const has = facts.limits;
  // The runtime maps shares 2…262144 to the kernel's weight 1…10000; rounding up comes back to the same weight.
  if (has['cpu.weight']) limits.CpuShares = 2 + Math.ceil(((rspec['cpu.weight'] - 1) * 262_142) / 9_999);
  if (has['cpu.max']) {
    limits.CpuPeriod = PERIOD;
    limits.CpuQuota = rspec['cpu.max'] === 'max' ? -1 : Math.max(1000, Math.round(rspec['cpu.max'] * PERIOD));
  }
  if (has.cpuset) limits.CpusetCpus = rspec['cpuset.cpus'] || machine.cpus;
  if (has.memory) {
    const memory = rspec['memory.max'] === 'max' ? machine.memoryBytes : rspec['memory.max'];
    limits.Memory = memory;
    const swap = rspec['memory.swap.max'];
    if (has.swap) limits.MemorySwap = swap === 'max' ? -1 : memory + swap;
  }
  if (has.pids) limits.PidsLimit = rspec['pids.max'] === 'max' ? -1 : rspec['pids.max'];
  return limits;
}

/** Those that differ from what a container has. Memory goes with its swap: each bounds the other in the engine. */
export function changedLimits(wanted: EngineLimits, now: Partial<Record<string, unknown>>): EngineLimits {
  const changed = Object.fromEntries(
    Object.entries(wanted).filter(([key, value]) => now[key] !== value),
  ) as EngineLimits;
  if (wanted.Memory !== undefined && (changed.Memory !== undefined || changed.MemorySwap !== undefined)) {
    changed.Memory = wanted.Memory;
    if (wanted.MemorySwap !== undefined) changed.MemorySwap = wanted.MemorySwap;
  }
  if (wanted.CpuQuota !== undefined && (changed.CpuQuota !== undefined || changed.CpuPeriod !== undefined)) {
    changed.CpuPeriod = PERIOD;
    changed.CpuQuota = wanted.CpuQuota;
  }
  return changed;
}

function onlineCpus(): string {
  return readFileSync('/sys/devices/system/cpu/online', 'utf8').trim();
}
