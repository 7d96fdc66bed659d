import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { type Kernel, type VmResult, vmSteps } from './vm.ts';

/** Runs `steps` in one guest with a data disk before the tests of a describe; returns what gives a step's output. */
export function stepsOn<Name extends string>(
  kernel: Kernel,
  steps: Record<Name, string>,
): (step: Name) => string {
  const directory = mkdtempSync(join(tmpdir(), 'sliverd-vm-test.'));
  let seen: Record<Name, VmResult>;
  beforeAll(async () => {
    seen = await vmSteps({ kernel, disk: join(directory, 'disk.img') }, steps);
  });
  afterAll(() => rmSync(directory, { recursive: true }));
  return (step) => {
    expect(seen[step].exitCode, `${step}:\n${seen[step].output}`).toBe(0);
    return seen[step].output;
  };
}
