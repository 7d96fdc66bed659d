import { SliverdError } from '../../errors.ts';
import { isWithin } from '../../resources/slices.ts';
import type { Sensor } from '../../sensors/sensor.ts';
import { noSuchSensor } from '../../sensors/sensors.ts';
import type { Manager } from '../context.ts';
import type { Caller } from './caller.ts';

/** Whether a caller may read a sensor: all may, unless the owner says who; and who publishes one may read it. */
export function reads({ readers }: Pick<Manager, 'readers'>, caller: Caller, sensor: Sensor): boolean {
  const { name } = caller;
  if (name === null || name === sensor.author) return true;
  const slices = readers[keyOf(sensor)];
  return slices === undefined || slices.some((one) => isWithin(one, name));
}

/** Throws `denied` for a sensor of the node, which is no secret; one of a slice is then as if it weren't there. */
export function holdReader(
  manager: Pick<Manager, 'readers' | 'denials'>,
  caller: Caller,
  sensor: Sensor,
): void {
  if (reads(manager, caller, sensor)) return;
  if (sensor.author !== null) throw noSuchSensor(sensor.name);
  const rule = `GET /v1/sensors/:sensor ${keyOf(sensor)}`;
  manager.denials.count(caller.name ?? '', rule);
  throw new SliverdError(
    'denied',
    `the node's owner lets ${caller.name} not read ${sensor.name}: ask for it (sensors.${keyOf(sensor)} of node.yaml)`,
    { extra: { rule } },
  );
}

/** Of node.yaml. */
const keyOf = ({ author, name }: Sensor) => (author === null ? name : 'published');
