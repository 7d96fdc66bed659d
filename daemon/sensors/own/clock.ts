import { clockState } from '../../kernel/syscalls.ts';
import { type Field, nodeSensor, type Sensor } from '../sensor.ts';

/** How often the wall clock was set since the daemon's start, and the last time. */
export class ClockSteps {
  count = 0;
  last: { readonly time: string; readonly seconds: number } | undefined;

  /** @param gained milliseconds */
  set(gained: number): void {
    this.count++;
    this.last = { time: new Date().toISOString(), seconds: gained / 1000 };
  }
}

type Seen = ReturnType<typeof clockState> & { readonly now: string; readonly steps: ClockSteps };

/** How good the node's clock is, as the kernel has it: who compares times of several nodes must know. */
export function clock(steps: ClockSteps): Sensor {
  const seconds = (name: string, description: string, of: Field<Seen>['of']): Field<Seen> => {
    return { name, type: 'number', unit: 'seconds', description, metric: 'gauge', of };
  };
  const fields: readonly Field<Seen>[] = [
    { name: 'time', type: 'time', description: 'what it says', of: ({ now }) => now },
    {
      name: 'synchronised',
      type: 'boolean',
      description: 'whether somebody keeps it right, as an NTP daemon tells the kernel',
      metric: 'gauge',
      of: ({ synchronised }) => synchronised,
    },
    seconds('offset_seconds', 'what is yet to be corrected', ({ offset }) => offset),
    seconds('max_error_seconds', 'most that it may be wrong by', ({ maxError }) => maxError),
    seconds('estimated_error_seconds', 'that it is thought wrong by', ({ estimatedError }) => estimatedError),
    {
      name: 'frequency_ppm',
      type: 'number',
      unit: 'ppm',
      description: 'parts of a million that it is made to run faster by',
      metric: 'gauge',
      of: ({ frequencyPpm }) => frequencyPpm,
    },
    {
      name: 'steps',
      type: 'number',
      description: "times that it was set, by a second or more, since the daemon's start",
      metric: 'counter',
      of: ({ steps }) => steps.count,
    },
    { name: 'last_step', type: 'time', description: 'the last of them', of: ({ steps }) => steps.last?.time },
    {
      name: 'last_step_seconds',
      type: 'number',
      unit: 'seconds',
      description: 'what it gained by that',
      of: ({ steps }) => steps.last?.seconds,
    },
  ];
  const about = {
    name: 'clock',
    description: "How good the node's clock is, and whether it was set",
    maxAge: 1,
  };
  return nodeSensor(about, fields, async () => [{ ...clockState(), now: new Date().toISOString(), steps }]);
}
