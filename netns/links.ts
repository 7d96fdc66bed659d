import type { RtNetlinkSocket, rt } from 'netlink';
import { during, SliverdError } from '../daemon/errors.ts';
import { addressText, packAddress } from './address.ts';
import { attribute, attributesOf, word } from './attributes.ts';
import { netlinkIn } from './namespace.ts';
import { OURS } from './numbers.ts';

const [ANY, AF_INET, AF_INET6] = [0, 2, 10];
const [CREATE, EXCL, REPLACE] = [0x400, 0x200, 0x100];
const [UNIVERSE, LINK] = [0, 253];
const [STATIC, UNICAST, UNREACHABLE] = [4, 1, 7];
const [TO_TABLE, BLACKHOLE] = [1, 6];

export interface Link {
  readonly index: number;
  readonly name: string;
  readonly up: boolean;
  /** Hardware address. */
  readonly address: Buffer;
}

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

/** Links, addresses, routes and rules of one network namespace, by rtnetlink: no process for each. */
export class Links {
  readonly #netlink: RtNetlinkSocket;
  #last: Promise<unknown> = Promise.resolve();

  /** @param namespace such as /proc/PID/ns/net; default: where this process is. */
  constructor(namespace = '/proc/self/ns/net') {
    this.#netlink = netlinkIn(namespace);
  }

  close(): void {
    this.#netlink.socket.close();
  }

  /** One request at a time: the answers of two listings on one socket run into each other. */
  #ask<T>(request: (socket: RtNetlinkSocket) => Promise<T>): Promise<T> {
    const mine = this.#last.then(() => request(this.#netlink));
    this.#last = mine.catch(() => {});
    return mine;
  }

  async list(): Promise<Link[]> {
    const [RTM_GETLINK, DUMP, IFLA_ADDRESS, IFLA_IFNAME, IFLA_EXT_MASK, SKIP_STATS, IFF_UP] = [
      18, 0x300, 1, 3, 29, 8, 1,
    ];
    // Of a thousand links the library's own call takes fifty times as long to read all that the kernel knows.
    const mask = attribute(IFLA_EXT_MASK, word(SKIP_STATS));
    const [all] = await this.#ask(({ socket }) =>
      socket.request(RTM_GETLINK, [Buffer.alloc(16), mask], { flags: DUMP }),
    );
    return all.map(({ data }) => {
      const attributes = attributesOf(data.subarray(16)); // after struct ifinfomsg
      return {
        index: data.readInt32LE(4),
        name: attributes.get(IFLA_IFNAME)?.toString().replace('\0', '') ?? '',
        up: (data.readUInt32LE(8) & IFF_UP) !== 0,
        address: attributes.get(IFLA_ADDRESS) ?? Buffer.alloc(6),
      };
    });
  }

  /** The link of that name; throws `kernel` when there is none. */
  async find(name: string): Promise<Link> {
    const [link] = await during(`looking for the link ${name}`, () =>
      this.#ask((socket) => socket.getLink({}, { ifname: name })),
    );
    if (link) return linkFrom(link);
    throw new SliverdError('kernel', `there is no link ${name}`);
  }

  /** A virtual cable; the peer may be in the network namespace of a process. */
  async addCable(name: string, peer: { name: string; address?: Buffer; pid?: number }): Promise<void> {
    const [IFLA_ADDRESS, IFLA_IFNAME, IFLA_NET_NS_PID] = [1, 3, 19];
    const [IFLA_INFO_KIND, IFLA_INFO_DATA, VETH_INFO_PEER] = [1, 2, 1];
    const header = Buffer.alloc(16); // struct ifinfomsg
    const other = Buffer.concat([
      header,
      attribute(IFLA_IFNAME, Buffer.from(`${peer.name}\0`)),
      ...(peer.address ? [attribute(IFLA_ADDRESS, peer.address)] : []),
      ...(peer.pid ? [attribute(IFLA_NET_NS_PID, word(peer.pid))] : []),
    ]);
    const linkinfo = Buffer.concat([
      attribute(IFLA_INFO_KIND, Buffer.from('veth')),
      attribute(IFLA_INFO_DATA, attribute(VETH_INFO_PEER, other)),
    ]);
    await during(`making the link ${name}`, () =>
      this.#ask((socket) => socket.newLink({}, { ifname: name, linkinfo }, { flags: CREATE | EXCL })),
    );
  }

  /** Takes a link away, and its peer with it; one that isn't there is no error. */
  async remove(name: string): Promise<void> {
    await this.#unlessMissing(`removing the link ${name}`, () =>
      this.#ask((socket) => socket.delLink({}, { ifname: name })),
    );
  }

  async setUp(index: number, attrs: { address?: Buffer; noarp?: boolean } = {}): Promise<void> {
    await during(`bringing up link ${index}`, () =>
      this.#ask((socket) =>
        socket.setLink(
          {
            index,
            flags: { up: true, ...(attrs.noarp ? { noarp: true } : {}) },
            change: { up: true, ...(attrs.noarp ? { noarp: true } : {}) },
          },
          attrs.address ? { address: attrs.address } : {},
        ),
      ),
    );
  }

  async addresses(): Promise<LinkAddress[]> {
    const all = await this.#ask((socket) => socket.getAddresses({ family: ANY }));
    return all.map(({ data, attrs }) => ({
      link: data.index ?? 0,
      address: addressText(attrs.local ?? attrs.address ?? Buffer.alloc(4)),
      length: data.prefixlen ?? 32,
      global: data.scope === UNIVERSE,
      // The first bit says another thing of IPv4: that it isn't the first of its network.
      passing: data.family === AF_INET6 && !!(data.flags?.deprecated || data.flags?.secondary),
    }));
  }

  /** @param length of the prefix; default: the address alone. It is in use at once, whoever else has it. */
  async addAddress(link: number, address: string, length?: number): Promise<void> {
    await during(`giving link ${link} the address ${address}`, () =>
      this.#ask((socket) => {
        const [data, attrs] = addressParts(link, address, length);
        const flags = data.family === AF_INET6 ? { nodad: true as const } : {};
        return socket.newAddress({ ...data, flags }, attrs, { flags: CREATE | REPLACE });
      }),
    );
  }

  async removeAddress(link: number, address: string, length?: number): Promise<void> {
    await this.#unlessMissing(`taking ${address} from link ${link}`, () =>
      this.#ask((socket) => socket.delAddress(...addressParts(link, address, length))),
    );
  }

  /** The link of the default route with the best metric, and the source it says, if any. */
  async defaultRoute(): Promise<{ link: number; source?: string } | undefined> {
    const MAIN = 254;
    const routes = (await this.#ask((socket) => socket.getRoutes({ family: AF_INET }))).filter(
      ({ data, attrs }) => (attrs.table ?? data.table) === MAIN && data.dstLen === 0 && attrs.oif,
    );
    const [best] = routes.sort((a, b) => (a.attrs.priority ?? 0) - (b.attrs.priority ?? 0));
    if (!best?.attrs.oif) return undefined;
    const { oif, prefsrc } = best.attrs;
    return { link: oif, ...(prefsrc ? { source: addressText(prefsrc) } : {}) };
  }

  /** Adds a route, or changes the one to the same destination. */
  async addRoute(route: Route): Promise<void> {
    await during(`routing ${route.to.address}/${route.to.length}`, () =>
      this.#ask((socket) => socket.newRoute(...routeParts(route), { flags: CREATE | REPLACE })),
    );
  }

  /** One that isn't there is no error. */
  async removeRoute(route: Route): Promise<void> {
    await this.#unlessMissing(`removing the route to ${route.to.address}/${route.to.length}`, () =>
      this.#ask((socket) => socket.delRoute(...routeParts(route))),
    );
  }

  /** From now on nobody is asked for the hardware address of a neighbour of IPv6. */
  async addNeighbour(link: number, address: string, hardware: Buffer): Promise<void> {
    await during(`noting the neighbour ${address} on link ${link}`, () =>
      this.#ask((socket) =>
        socket.newNeighbor(
          { family: AF_INET6, ifindex: link, state: { permanent: true } },
          { dst: packed(address), lladdr: hardware },
          { flags: CREATE | REPLACE },
        ),
      ),
    );
  }

  /** Answers on this link for an address that is reached through this machine (proxy NDP). */
  async addProxy(link: number, address: string): Promise<void> {
    await during(`answering for ${address} on link ${link}`, () =>
      this.#ask((socket) => socket.newNeighbor(...proxyParts(link, address), { flags: CREATE | REPLACE })),
    );
  }

  async removeProxy(link: number, address: string): Promise<void> {
    await this.#unlessMissing(`answering for ${address} on link ${link} no more`, () =>
      this.#ask((socket) => socket.delNeighbor(...proxyParts(link, address))),
    );
  }

  /** What is answered for, by whom. */
  async proxiesBy(protocol: number): Promise<{ link: number; address: string }[]> {
    const all = await this.#ask((socket) =>
      socket.getNeighbors({ family: AF_INET6, flags: { proxy: true } }),
    );
    return all.flatMap(({ data, attrs }) =>
      attrs.dst && attrs.protocol?.[0] === protocol
        ? [{ link: data.ifindex ?? 0, address: addressText(attrs.dst) }]
        : [],
    );
  }

  /** Routes of IPv6, by who made them. */
  async routesBy(protocol: number): Promise<Route[]> {
    const all = await this.#ask((socket) => socket.getRoutes({ family: AF_INET6 }));
    return all.flatMap(({ data, attrs }) =>
      attrs.dst && data.protocol === (protocol as never)
        ? [
            {
              to: routed(data, attrs),
              table: attrs.table ?? data.table ?? 0,
              protocol,
              ...linkOfRoute(data, attrs),
            },
          ]
        : [],
    );
  }

  /** A rule of policy routing; one that is there already is no error. */
  async addRule(rule: Rule): Promise<void> {
    try {
      await this.#ask((socket) => socket.newRule(...ruleParts(rule), { flags: CREATE | EXCL }));
    } catch (cause) {
      if (!/EEXIST/.test(String(cause)))
        throw new SliverdError('kernel', `adding rule ${rule.priority}`, { cause });
    }
  }

  /** Whether all of these rules are there. */
  async hasRules(...rules: Rule[]): Promise<boolean> {
    const all = await this.#ask((socket) => socket.getRules({ family: ANY }));
    return rules.every((rule) =>
      all.some(
        ({ data, attrs }) =>
          data.family === family(rule.six) &&
          (attrs.priority ?? 0) === rule.priority &&
          (attrs.table ?? data.table) === rule.table &&
          attrs.fwmark === rule.mark,
      ),
    );
  }

  /** What of IPv6 goes nowhere by a rule, by who made it. */
  async closedBy(protocol: number): Promise<Rule[]> {
    const all = await this.#ask((socket) => socket.getRules({ family: AF_INET6 }));
    return all.flatMap(({ data, attrs }) =>
      attrs.protocol === protocol && (attrs.table ?? data.table) === 0
        ? [
            {
              six: true,
              priority: attrs.priority ?? 0,
              table: 0,
              protocol,
              ...(attrs.iifname === undefined ? {} : { from: attrs.iifname }),
              ...(attrs.dst ? { to: { address: addressText(attrs.dst), length: data.dstLen ?? 0 } } : {}),
            },
          ]
        : [],
    );
  }

  /** Destinations that are on a link, by its index: `192.0.2.0/24`. */
  async destinations(): Promise<Map<number, string[]>> {
    const found = new Map<number, string[]>();
    for (const { data, attrs } of await this.#ask((socket) => socket.getRoutes({ family: ANY }))) {
      const { address, length } = routed(data, attrs);
      const { link } = linkOfRoute(data, attrs);
      if (link === undefined) continue;
      const [to, others] = [`${address}/${length}`, found.get(link)];
      if (others) others.push(to);
      else found.set(link, [to]);
    }
    return found;
  }

  /** The link of a table's default route. */
  async defaultOf(table: number, six = false): Promise<number | undefined> {
    const routes = await this.#ask((socket) => socket.getRoutes({ family: family(six) }));
    return routes.find(({ data, attrs }) => (attrs.table ?? data.table) === table && data.dstLen === 0)?.attrs
      .oif;
  }

  async removeRule(rule: Rule): Promise<void> {
    await this.#unlessMissing(`removing rule ${rule.priority}`, () =>
      this.#ask((socket) => socket.delRule(...ruleParts(rule))),
    );
  }

  async #unlessMissing(what: string, act: () => Promise<unknown>): Promise<void> {
    await during(what, async () => {
      try {
        await act();
      } catch (error) {
        if (!/ENODEV|ENOENT|ESRCH|EADDRNOTAVAIL/.test(String(error))) throw error;
      }
    });
  }
}

const linkFrom = ({ data, attrs }: rt.LinkMessage): Link => ({
  index: data.index ?? 0,
  name: attrs.ifname ?? '',
  up: data.flags?.up ?? false,
  address: attrs.address ?? Buffer.alloc(6),
});

export interface Rule {
  /** Of IPv6. */
  readonly six?: boolean;
  readonly priority: number;
  /** 0: what matches goes nowhere. */
  readonly table: number;
  readonly mark?: number;
  /** The name of the link that it came in by. */
  readonly from?: string;
  readonly to?: { address: string; length: number };
  /** Who made it, as of a route. */
  readonly protocol?: number;
}

const family = (six = false) => (six ? AF_INET6 : AF_INET);
const familyOf = (address: Buffer) => family(address.length === 16);

function addressParts(index: number, text: string, length?: number) {
  const address = packed(text);
  return [
    { family: familyOf(address), prefixlen: length ?? address.length * 8, index },
    { local: address, address },
  ] as const;
}

function routeParts({ to, link, via, source, table = 254, protocol = STATIC }: Route) {
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

function routed(data: rt.Route, { dst }: rt.RouteAttrs): { address: string; length: number } {
  const none = Buffer.alloc(data.family === AF_INET6 ? 16 : 4);
  return { address: addressText(dst ?? none), length: data.dstLen ?? 0 };
}

/** The kernel says of what is unreachable that it is on lo. */
const linkOfRoute = (data: rt.Route, { oif }: rt.RouteAttrs) =>
  oif === undefined || data.type === (UNREACHABLE as never) ? {} : { link: oif };

const proxyParts = (ifindex: number, address: string) =>
  [
    { family: AF_INET6, ifindex, flags: { proxy: true } },
    { dst: packed(address), protocol: Buffer.from([OURS]) },
  ] as const;

function ruleParts({ six, priority, table, mark, from, to, protocol }: Rule) {
  return [
    {
      family: family(six),
      table,
      action: (table ? TO_TABLE : BLACKHOLE) as never,
      ...(to ? { dstLen: to.length } : {}),
    },
    {
      priority,
      ...(table ? { table } : {}),
      ...(mark === undefined ? {} : { fwmark: mark, fwmask: mark }),
      ...(from === undefined ? {} : { iifname: from }),
      ...(to ? { dst: packed(to.address) } : {}),
      ...(protocol === undefined ? {} : { protocol }),
    },
  ] as const;
}

/** The bytes of an address that is one. */
export function packed(address: string): Buffer {
  const bytes = packAddress(address);
  if (!bytes) throw new SliverdError('internal', `${address} is no address`);
  return bytes;
}
