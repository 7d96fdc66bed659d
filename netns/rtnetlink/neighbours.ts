import { during } from '../../daemon/errors.ts';
import { addressText, packed } from '../address.ts';
import { OURS } from '../numbers.ts';
import { AF_INET6, CREATE, familyOf, REPLACE, type Requests } from './requests.ts';

export const RTM_GETNEIGH = 30;
export const NDMSG = 12;
export const [NDA_DST, NDA_PROTOCOL] = [1, 12];
const NTF_PROXY = 8;

/** An address that a machine answers for on a link, though it is reached through it (proxy NDP). */
export interface ProxyAnswer {
  readonly link: number;
  readonly address: string;
  /** Who made it, as of a route. */
  readonly protocol: number;
}

/** Neighbours, and answers of IPv6 for addresses that are elsewhere. */
export class Neighbours {
  readonly #requests: Requests;

  constructor(requests: Requests) {
    this.#requests = requests;
  }

  /**
   * From now on nobody is asked for the hardware address of a neighbour; and it has its place though others' neighbours fill
   * the kernel's table.
   */
  async add(link: number, address: string, hardware: Buffer): Promise<void> {
    await during(`noting the neighbour ${address} on link ${link}`, () =>
      this.#requests.ask((socket) => {
        const dst = packed(address);
        return socket.newNeighbor(
          { family: familyOf(dst), ifindex: link, state: { permanent: true } },
          { dst, lladdr: hardware },
          { flags: CREATE | REPLACE },
        );
      }),
    );
  }

  async proxies(): Promise<ProxyAnswer[]> {
    const all = await this.#requests.list(RTM_GETNEIGH, NDMSG, proxyQuestion());
    return all.flatMap(({ data, attributes }) => {
      const address = attributes.get(NDA_DST);
      if (!address) return [];
      return [
        {
          link: data.readInt32LE(4),
          address: addressText(address),
          protocol: attributes.get(NDA_PROTOCOL)?.[0] ?? 0,
        },
      ];
    });
  }

  async addProxy(link: number, address: string): Promise<void> {
    await during(`answering for ${address} on link ${link}`, () =>
      this.#requests.ask((socket) =>
        socket.newNeighbor(...proxyParts(link, address), { flags: CREATE | REPLACE }),
      ),
    );
  }

  /** One that isn't there is no error. */
  async removeProxy(link: number, address: string): Promise<void> {
    await this.#requests.unlessMissing(`answering for ${address} on link ${link} no more`, (socket) =>
      socket.delNeighbor(...proxyParts(link, address)),
    );
  }
}

/** Asks for all answers of IPv6. */
export function proxyQuestion(): Buffer {
  const question = Buffer.alloc(NDMSG);
  question.writeUInt8(AF_INET6);
  question.writeUInt8(NTF_PROXY, 10);
  return question;
}

const proxyParts = (ifindex: number, address: string) =>
  [
    { family: AF_INET6, ifindex, flags: { proxy: true } },
    { dst: packed(address), protocol: Buffer.from([OURS]) },
  ] as const;
