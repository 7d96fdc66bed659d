import { cgroupProbes } from './cgroups.ts';
import { containerProbes } from './containers.ts';
import { fileProbes } from './files.ts';
import { hostProbes } from './host.ts';
import { namespaceProbes } from './namespaces.ts';
import { portProbes } from './ports.ts';
import type { Probe } from './probe.ts';

/** Probes by requirement. Those of one lane run one after the other, lanes beside each other. */
export const LANES: readonly Readonly<Record<string, Probe>>[] = [
  cgroupProbes,
  containerProbes,
  fileProbes,
  { ...namespaceProbes, ...hostProbes, ...portProbes },
];
