import type { OwnedPort, Ports } from '../../slivers/ports.ts';
import { type Field, nodeSensor, type Sensor } from '../sensor.ts';

const FIELDS: readonly Field<OwnedPort>[] = [
  {
    name: 'protocol',
    type: 'text',
    description: 'tcp, udp, or the number of another IP protocol',
    of: ({ protocol }) => String(protocol),
  },
  { name: 'port', type: 'number', description: '0 of a protocol without ports', of: ({ port }) => port },
  {
    name: 'slice',
    type: 'text',
    description: 'the owner; empty: the node itself',
    of: ({ sliver }) => sliver,
  },
  { name: 'by', type: 'text', description: 'how it came to be: bind, reservation, node', of: ({ by }) => by },
  { name: 'since', type: 'time', description: 'since when', of: ({ since }) => since.toISOString() },
  { name: 'sockets', type: 'number', description: 'that hold it now', of: ({ sockets }) => sockets },
];

/** Who owns which port of the shared address. */
export function ownedPorts(ports: Pick<Ports, 'list'>): Sensor {
  const about = { name: 'ports', description: "Who owns which port of the node's address", maxAge: 5 };
  return nodeSensor(about, FIELDS, async () => ports.list());
}
