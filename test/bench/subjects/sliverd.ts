import { rmSync } from 'node:fs';
import type { Sliver } from '../../../daemon/manager/schemas.ts';
import { TestNode } from '../../node/harness.ts';
import { smallImageDirectory } from '../../node/image.ts';
import type { Subject } from './subject.ts';

export interface Node extends Subject {
  readonly node: TestNode;
  list(): Promise<Sliver[]>;
}

export const IMAGE = 'small';
export const sliverName = (id: number) => `bench_s${id}`;

/**
 * A whole node, asked by HTTP on its admin socket.
 * @param connect gives the network namespace of a process an uplink; none: slivers have loopback alone
 */
export async function sliverd(connect?: (pid: number) => void): Promise<Node> {
  const node = await TestNode.start('', {}, connect);
  const image = smallImageDirectory();
  try {
    await node.ok('POST', '/v1/images', { name: IMAGE, source: { path: image } });
  } finally {
    rmSync(image, { recursive: true });
  }
  const sliver = (id: number) => `/v1/slivers/${sliverName(id)}`;
  return {
    node,
    name: 'sliverd',
    includes:
      'the request over HTTP, the record on disk (full sync), its disk (ext4 of its own), idmapped overlay, cgroup, namespaces, init',
    folder: node.folder,
    async create(id) {
      await node.ok('POST', '/v1/slivers', {
        name: sliverName(id),
        image: IMAGE,
        rspec: { 'disk.bytes': 64 * 2 ** 20 },
      });
    },
    async exec(id) {
      const result = await node.exec(sliverName(id), '/bin/true');
      if (result.exitCode !== 0) throw new Error(`exec: ${JSON.stringify(result)}`);
    },
    async reset(id) {
      await node.ok('POST', `${sliver(id)}/reset`);
    },
    async remove(id) {
      await node.ok('DELETE', sliver(id));
    },
    async list() {
      return (await node.ok<{ items: Sliver[] }>('GET', '/v1/slivers?limit=1000')).items;
    },
    stop: () => node.stop(),
  };
}
