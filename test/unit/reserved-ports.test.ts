import { expect, it } from 'vitest';
import { ReservedPorts } from '../../netns/ports/reserved.ts';

const ports = () => new ReservedPorts({ own: () => [], deliver: () => {} });

it("a port that the node keeps is nobody else's, whether a socket sits on it or not", () => {
  const reserved = ports();
  reserved.reserve(1, 'tcp', 22);
  expect(() => reserved.keep('tcp', 22)).toThrow('belongs to sliver 1');
  reserved.release(1, 'tcp', 22);
  reserved.keep('tcp', 22);
  expect(() => reserved.reserve(1, 'tcp', 22)).toThrow('belongs to the node');
  expect(reserved.list()).toMatchObject([{ protocol: 'tcp', port: 22, sliver: 0, by: 'node' }]);
  reserved.reserve(1, 'udp', 22);
});
