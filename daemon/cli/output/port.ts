import type { Port } from '../../manager/schemas.ts';
import { formatAge } from '../values/time.ts';
import { table } from './table.ts';

export function portTable(ports: readonly Port[], colour: boolean): string {
  return table(
    ['PORT', 'OWNER', 'BY', 'SOCKETS', 'AGE'],
    ports.map((port) => [
      portText(port),
      port.sliver ?? 'the node',
      port.by,
      String(port.sockets),
      formatAge(port.since),
    ]),
    { colour, right: ['SOCKETS'] },
  );
}

/** As services(5) has it. */
export function portText({ protocol, port }: Pick<Port, 'protocol' | 'port'>): string {
  return /^[0-9]+$/.test(protocol) ? `${protocol}/ip` : `${port}/${protocol}`;
}
