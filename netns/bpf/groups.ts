/** Programs that are loaded together or not at all, from an object of that name. All share the maps of the first. */
export interface Group {
  readonly name: string;
  readonly programs: readonly string[];
  /** What doesn't hold where the kernel refuses one of them; without it, nothing holds. */
  readonly optional?: { readonly what: string; readonly cost: string };
}

export const GROUPS: readonly Group[] = [
  {
    name: 'ports',
    programs: [
      ...['sock_create', 'post_bind4', 'post_bind6', 'release', 'command'],
      ...['from_world', 'from_sliver', 'to_world', 'to_carrier', 'from_carrier'],
    ],
  },
  {
    name: 'draw',
    programs: ['bind4', 'bind6'],
    optional: {
      what: 'ports that a bind to port 0 draws',
      cost: "It may be told EADDRINUSE, where the port drawn is another sliver's.",
    },
  },
  {
    name: 'local',
    programs: [
      ...['connect4', 'connect6', 'sendmsg4', 'recvmsg4', 'recvmsg6'],
      ...['getpeername4', 'getpeername6'],
    ],
    optional: {
      what: "connections from a sliver to another's port of the shared address",
      cost: 'Slivers reach each other, and the node, by internal addresses only; a datagram socket that was never bound claims no port.',
    },
  },
  {
    name: 'ghosts',
    programs: ['holders'],
    optional: {
      what: 'the look for claims that no socket stands behind',
      cost: 'A port whose release was missed stays with its sliver until that stops, or until it is revoked.',
    },
  },
];
