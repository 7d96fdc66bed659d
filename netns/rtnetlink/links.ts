import type { rt } from 'netlink';
import { during, SliverdError } from '../../daemon/errors.ts';
import { attribute, word } from '../attributes.ts';
import { CREATE, EXCL, type Requests } from './requests.ts';

const RTM_GETLINK = 18;
const IFINFOMSG = 16;
const [IFLA_ADDRESS, IFLA_IFNAME, IFLA_NET_NS_PID, IFLA_EXT_MASK] = [1, 3, 19, 29];
const [IFF_UP, SKIP_STATS] = [1, 8];

export interface Link {
  readonly index: number;
  readonly name: string;
  readonly up: boolean;
  /** Hardware address. */
  readonly address: Buffer;
}

export class Links {
  readonly #requests: Requests;

  constructor(requests: Requests) {
    this.#requests = requests;
  }

  async list(): Promise<Link[]> {
    const mask = attribute(IFLA_EXT_MASK, word(SKIP_STATS));
    const all = await this.#requests.list(RTM_GETLINK, IFINFOMSG, Buffer.alloc(IFINFOMSG), mask);
    return all.map(({ data, attributes }) => ({
      index: data.readInt32LE(4),
      name: attributes.get(IFLA_IFNAME)?.toString().replace('\0', '') ?? '',
      up: (data.readUInt32LE(8) & IFF_UP) !== 0,
      address: attributes.get(IFLA_ADDRESS) ?? Buffer.alloc(6),
    }));
  }

  /** The link of that name; throws `kernel` when there is none. */
  async find(name: string): Promise<Link> {
    const [link] = await during(`looking for the link ${name}`, () =>
      this.#requests.ask((socket) => socket.getLink({}, { ifname: name })),
    );
    if (link) return linkFrom(link);
    throw new SliverdError('kernel', `there is no link ${name}`);
  }

  /**
   * A virtual cable; the peer may be in the network namespace of a process.
   * @param address of its end here; default: one of the kernel's choice
   */
  async addCable(
    name: string,
    peer: { name: string; address?: Buffer; pid?: number },
    address?: Buffer,
  ): Promise<void> {
    const [IFLA_INFO_KIND, IFLA_INFO_DATA, VETH_INFO_PEER] = [1, 2, 1];
    const other = Buffer.concat([
      Buffer.alloc(IFINFOMSG),
      attribute(IFLA_IFNAME, Buffer.from(`${peer.name}\0`)),
      ...(peer.address ? [attribute(IFLA_ADDRESS, peer.address)] : []),
      ...(peer.pid ? [attribute(IFLA_NET_NS_PID, word(peer.pid))] : []),
    ]);
    const linkinfo = Buffer.concat([
      attribute(IFLA_INFO_KIND, Buffer.from('veth')),
      attribute(IFLA_INFO_DATA, attribute(VETH_INFO_PEER, other)),
    ]);
    await during(`making the link ${name}`, () =>
      this.#requests.ask((socket) =>
        socket.newLink(
          {},
          { ifname: name, linkinfo, ...(address ? { address } : {}) },
          { flags: CREATE | EXCL },
        ),
      ),
    );
  }

  /** Takes a link away, and its peer with it; one that isn't there is no error. */
  async remove(name: string): Promise<void> {
    await this.#requests.unlessMissing(`removing the link ${name}`, (socket) =>
      socket.delLink({}, { ifname: name }),
    );
  }

  async setUp(index: number, attrs: { address?: Buffer; noarp?: boolean } = {}): Promise<void> {
    const flags = { up: true as const, ...(attrs.noarp ? { noarp: true as const } : {}) };
    await during(`bringing up link ${index}`, () =>
      this.#requests.ask((socket) =>
        socket.setLink({ index, flags, change: flags }, attrs.address ? { address: attrs.address } : {}),
      ),
    );
  }
}

const linkFrom = ({ data, attrs }: rt.LinkMessage): Link => ({
  index: data.index ?? 0,
  name: attrs.ifname ?? '',
  up: data.flags?.up ?? false,
  address: attrs.address ?? Buffer.alloc(6),
});
