import { during } from '../../daemon/errors.ts';
import { addressText, packed } from '../address.ts';
import { AF_INET, AF_INET6, CREATE, familyOf, LINK, REPLACE, type Requests, UNIVERSE } from './requests.ts';

const RTM_GETROUTE = 26;
const RTMSG = 12;
const [RTA_DST, RTA_OIF, RTA_PRIORITY, RTA_PREFSRC, RTA_TABLE] = [1, 4, 6, 7, 15];
const [STATIC, UNICAST, UNREACHABLE] = [4, 1, 7];
export const [MAIN_TABLE, LOCAL_TABLE] = [254, 255];

export interface Route {
  readonly to: { address: string; length: number };
  /** None: what goes there is unreachable. */
  readonly link?: number;
  /** A gateway that is reached on the link. */
  readonly via?: string;
  /** What a socket without an address of its own takes. */
  readonly source?: string;
  readonly table?: number;
  /** Who made it, as `ip route` shows it; default: somebody, by hand. */
  readonly protocol?: number;
}

/** One that is there; gateways aren't told. */
export interface ListedRoute extends Omit<Route, 'via'> {
  readonly six: boolean;
  readonly table: number;
  readonly protocol: number;
  /** Of two to the same destination the lower is taken. */
  readonly metric: number;
}

export class Routes {
  readonly #requests: Requests;

  constructor(requests: Requests) {
    this.#requests = requests;
  }

  /** Of all tables but the local one, in which there is one for each address that there is. */
  async list(): Promise<ListedRoute[]> {
    const all = await this.#requests.list(RTM_GETROUTE, RTMSG, Buffer.alloc(RTMSG));
    return all.flatMap(({ data, attributes }) => {
      const [family, length, table, protocol, type] = [data[0], data[1] ?? 0, data[4], data[5] ?? 0, data[7]];
      const six = family === AF_INET6;
      const number = (attribute: number) => attributes.get(attribute)?.readUInt32LE();
      const inTable = number(RTA_TABLE) ?? table ?? 0;
      if ((!six && family !== AF_INET) || inTable === LOCAL_TABLE) return [];
      // The kernel says of what is unreachable that it is on lo.
      const link = type === UNREACHABLE ? undefined : number(RTA_OIF);
      const source = attributes.get(RTA_PREFSRC);
      const address = attributes.get(RTA_DST);
      return [
        {
          six,
          to: { address: address ? addressText(address) : six ? '::' : '0.0.0.0', length },
          table: inTable,
          protocol,
          metric: number(RTA_PRIORITY) ?? 0,
          ...(link === undefined ? {} : { link }),
          ...(source ? { source: addressText(source) } : {}),
        },
      ];
    });
  }

  /** Adds a route, or changes the one to the same destination. */
  async add(route: Route): Promise<void> {
    await during(`routing ${route.to.address}/${route.to.length}`, () =>
      this.#requests.ask((socket) => socket.newRoute(...parts(route), { flags: CREATE | REPLACE })),
    );
  }

  /** One that isn't there is no error. */
  async remove(route: Route): Promise<void> {
    await this.#requests.unlessMissing(
      `removing the route to ${route.to.address}/${route.to.length}`,
      (socket) => socket.delRoute(...parts(route)),
    );
  }
}

function parts({ to, link, via, source, table = MAIN_TABLE, protocol = STATIC }: Route) {
  const address = packed(to.address);
  return [
    {
      family: familyOf(address),
      dstLen: to.length,
      table,
      protocol: protocol as never,
      scope: (via ? UNIVERSE : LINK) as never,
      type: (link === undefined ? UNREACHABLE : UNICAST) as never,
    },
    {
      ...(to.length ? { dst: address } : {}),
      ...(link === undefined ? {} : { oif: link }),
      ...(via ? { gateway: packed(via) } : {}),
      ...(source ? { prefsrc: packed(source) } : {}),
    },
  ] as const;
}
