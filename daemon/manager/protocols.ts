/** IP protocols by their names in Debian's /etc/protocols, of those that are met on the Internet; a node's own file may lack some. */
const NAMES = {
  icmp: 1,
  igmp: 2,
  ipencap: 4,
  tcp: 6,
  udp: 17,
  dccp: 33,
  ipv6: 41,
  gre: 47,
  esp: 50,
  ah: 51,
  'ipv6-icmp': 58,
  ospf: 89,
  pim: 103,
  vrrp: 112,
  l2tp: 115,
  sctp: 132,
  udplite: 136,
} as const;
const NUMBERS: ReadonlyMap<string, number> = new Map([...Object.entries(NAMES), ['icmp6', 58]]);
const BY_NUMBER: ReadonlyMap<number, string> = new Map(
  Object.entries(NAMES).map(([name, number]) => [number, name]),
);

/** What is taken for a protocol: a name, or its number. */
export const PROTOCOL_PATTERN = `^(${[...NUMBERS.keys()].join('|')}|[0-9]{1,3})$`;

export const protocolNumber = (text: string): number => NUMBERS.get(text) ?? Number(text);

/** Null where it has none. */
export const protocolName = (number: number): string | null => BY_NUMBER.get(number) ?? null;
