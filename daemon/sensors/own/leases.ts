import { Amounts } from '../../resources/amounts.ts';
import type { Lease } from '../../resources/leases/lease.ts';
import { stateAt } from '../../resources/schedule.ts';
import { timeText } from '../../resources/time.ts';
import { type Field, nodeSensor, type Sensor } from '../sensor.ts';

const FIELDS: readonly Field<Lease>[] = [
  { name: 'slice', type: 'text', description: 'whose it is', of: ({ name }) => name },
  {
    name: 'state',
    type: 'text',
    description: 'pending or active, by the clock',
    of: (lease) => stateAt(lease, Date.now()),
  },
  { name: 'from', type: 'time', description: 'from when it is had', of: ({ from }) => timeText(from) },
  { name: 'until', type: 'time', description: 'until when', of: ({ until }) => timeText(until) },
  ...(Object.keys(Amounts.properties) as (keyof Amounts)[]).map((key): Field<Lease> => {
    const description = 'on top of its own, in the units of the RSpec';
    return { name: key, type: 'number', description, of: ({ rspec }) => rspec[key] };
  }),
];

/** Who has, or will have, what beyond its own; neither whose promise it was, nor the tickets. */
export function currentLeases(list: () => readonly Lease[]): Sensor {
  const about = {
    name: 'leases',
    description: 'Resources that slivers have beyond their own, now and later',
    maxAge: 5,
  };
  return nodeSensor(about, FIELDS, async () =>
    list().filter((lease) => stateAt(lease, Date.now()) !== 'ended'),
  );
}
