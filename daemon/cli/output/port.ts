import type { Port, Ports } from '../../manager/schemas.ts';
import { formatAge } from '../values/time.ts';
import { table } from './table.ts';

export function portsText({ had, items }: Ports, colour: boolean): string {
  return NOTES[had] + portTable(items, colour);
}

/** Where a port isn't had as everywhere. */
const NOTES: Record<Ports['had'], string> = {
  bind: '',
  reservation: "Ports are had by reservation only on this node: 'sliverctl status' says why.\n\n",
  none: "Slivers share no public address on this node: 'sliverctl status' says why.\n\n",
};

function portTable(ports: readonly Port[], colour: boolean): string {
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
