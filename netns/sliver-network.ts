import { during } from '../daemon/errors.ts';
import { netlinkIn } from './namespace.ts';

/**
 * What connects slivers: the seam between a sliver's life and all that concerns packets. An environment calls `attach`
 * when the network namespace is there and before anything of the guest's runs. Nothing is to be undone at the end: a
 * namespace takes its links along.
 */
export interface SliverNetwork {
  /** @param pid a process in the sliver's network namespace, as the host sees it; what is done already is left alone. */
  attach(pid: number): Promise<void>;
}

/** A network namespace of one's own with loopback, and no way out: what a sliver needs to exist. */
export const loopbackNetwork: SliverNetwork = {
  async attach(pid) {
    await during(`bringing up loopback in the network namespace of process ${pid}`, async () => {
      const socket = netlinkIn(`/proc/${pid}/ns/net`);
      try {
        for (const { attrs, data } of await socket.getLinks())
          if (attrs.ifname === 'lo' && data.index !== undefined && !data.flags?.up)
            await socket.setLink({ index: data.index, change: { up: true }, flags: { up: true } });
      } finally {
        socket.socket.close();
      }
    });
  },
};
