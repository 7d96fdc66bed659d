import { during } from '../../daemon/errors.ts';
import { addressText, packed } from '../address.ts';
import { AF_INET6, CREATE, familyOf, REPLACE, type Requests, UNIVERSE } from './requests.ts';

const RTM_GETADDR = 22;
const IFADDRMSG = 8;
const [IFA_ADDRESS, IFA_LOCAL] = [1, 2];
const [SECONDARY, DEPRECATED] = [0x01, 0x20];

/** An address on a link, as people write it. */
export interface LinkAddress {
  readonly link: number;
  readonly address: string;
  /** Of its prefix, in bits. */
  readonly length: number;
  /** It is good beyond the link. */
  readonly global: boolean;
  /** Of IPv6: it came from a router and is on its way out, or is one for privacy. */
  readonly passing: boolean;
}

export class Addresses {
  readonly #requests: Requests;

  constructor(requests: Requests) {
    this.#requests = requests;
  }

  async list(): Promise<LinkAddress[]> {
    const all = await this.#requests.list(RTM_GETADDR, IFADDRMSG, Buffer.alloc(IFADDRMSG));
    return all.map(({ data, attributes }) => ({
      link: data.readUInt32LE(4),
      address: addressText(attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS) ?? Buffer.alloc(4)),
      length: data.readUInt8(1),
      global: data.readUInt8(3) === UNIVERSE,
      // The first bit says another thing of IPv4: that it isn't the first of its network.
      passing: data[0] === AF_INET6 && (data.readUInt8(2) & (SECONDARY | DEPRECATED)) !== 0,
    }));
  }

  /** @param length of the prefix; default: the address alone. It is in use at once, whoever else has it. */
  async add(link: number, address: string, length?: number): Promise<void> {
    await during(`giving link ${link} the address ${address}`, () =>
      this.#requests.ask((socket) => {
        const [data, attrs] = parts(link, address, length);
        const flags = data.family === AF_INET6 ? { nodad: true as const } : {};
        return socket.newAddress({ ...data, flags }, attrs, { flags: CREATE | REPLACE });
      }),
    );
  }

  /** One that isn't there is no error. */
  async remove(link: number, address: string, length?: number): Promise<void> {
    await this.#requests.unlessMissing(`taking ${address} from link ${link}`, (socket) =>
      socket.delAddress(...parts(link, address, length)),
    );
  }
}

function parts(index: number, text: string, length?: number) {
  const address = packed(text);
  return [
    { family: familyOf(address), prefixlen: length ?? address.length * 8, index },
    { local: address, address },
  ] as const;
}
