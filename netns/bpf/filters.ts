import { during } from '../../daemon/errors.ts';
import { attribute, attributesOf, word } from '../attributes.ts';
import { netlinkIn } from '../namespace.ts';
import { programId } from './syscall.ts';

const [RTM_NEWQDISC, RTM_DELQDISC] = [36, 37];
const [RTM_NEWTFILTER, RTM_DELTFILTER, RTM_GETTFILTER] = [44, 45, 46];
const [CREATE, REPLACE, DUMP] = [0x400, 0x100, 0x300];
const [TCA_KIND, TCA_OPTIONS] = [1, 2];
const [TCA_BPF_FD, TCA_BPF_NAME, TCA_BPF_FLAGS, TCA_BPF_ID] = [6, 7, 8, 11];
const DIRECT_ACTION = 1;
const CLSACT = { handle: 0xffff0000, parent: 0xfffffff1 };
const PARENT = { ingress: 0xfffffff2, egress: 0xfffffff3 } as const;
export type Direction = keyof typeof PARENT;
/** Ours among the filters of a link that isn't ours, the uplink; behind those of others, which may stop a packet. */
const PRIORITY = 0xc000;
const ALL_PROTOCOLS = 0x0300;
const INFO = ((PRIORITY << 16) | ALL_PROTOCOLS) >>> 0;

/**
 * Attaches a tc program to a link of a network namespace; in the place of one that was attached by this before, so
 * that it may be called again. It goes with the link.
 * @param program a descriptor
 * @param name shown by tc(8)
 */
export async function attachToLink(
  link: number,
  direction: Direction,
  program: number,
  name: string,
  namespace = '/proc/self/ns/net',
): Promise<void> {
  await during(`attaching ${name} to link ${link}`, async () => {
    const { socket } = netlinkIn(namespace);
    try {
      await socket.request(
        RTM_NEWQDISC,
        [tcmsg(link, CLSACT.parent, CLSACT.handle), string(TCA_KIND, 'clsact')],
        {
          flags: CREATE, // without EXCL or REPLACE one that is there stays, and its filters
        },
      );
      const options = Buffer.concat([
        attribute(TCA_BPF_FD, word(program)),
        string(TCA_BPF_NAME, name),
        attribute(TCA_BPF_FLAGS, word(DIRECT_ACTION)),
      ]);
      await socket.request(
        RTM_NEWTFILTER,
        [tcmsg(link, PARENT[direction], 1, INFO), string(TCA_KIND, 'bpf'), attribute(TCA_OPTIONS, options)],
        { flags: CREATE | REPLACE },
      );
    } finally {
      socket.close();
    }
  });
}

/** Whether this very program is attached to a link by `attachToLink`. */
export async function isAttachedToLink(
  link: number,
  direction: Direction,
  program: number,
): Promise<boolean> {
  const { socket } = netlinkIn('/proc/self/ns/net');
  try {
    const [all] = await socket.request(RTM_GETTFILTER, tcmsg(link, PARENT[direction], 0), { flags: DUMP });
    return all.some(({ data }) => {
      const options = attributesOf(data.subarray(20)).get(TCA_OPTIONS);
      const id = options && attributesOf(options).get(TCA_BPF_ID)?.readUInt32LE();
      return data.readUInt32LE(16) === INFO && id === programId(program);
    });
  } finally {
    socket.close();
  }
}

/** Undoes `attachToLink`; the place for filters goes too, unless others have filters there. Nothing there is no error. */
export async function detachFromLink(
  link: number,
  direction: Direction,
  namespace = '/proc/self/ns/net',
): Promise<void> {
  await during(`detaching from link ${link}`, async () => {
    const { socket } = netlinkIn(namespace);
    const unlessMissing = (error: unknown) => {
      if (!/ENOENT|EINVAL|ENODEV/.test(String(error))) throw error;
    };
    try {
      await socket.request(RTM_DELTFILTER, tcmsg(link, PARENT[direction], 1, INFO)).catch(unlessMissing);
      for (const parent of Object.values(PARENT)) {
        const [left] = await socket.request(RTM_GETTFILTER, tcmsg(link, parent, 0), { flags: DUMP });
        if (left.length > 0) return;
      }
      await socket.request(RTM_DELQDISC, tcmsg(link, CLSACT.parent, CLSACT.handle)).catch(unlessMissing);
    } finally {
      socket.close();
    }
  });
}

function tcmsg(link: number, parent: number, handle: number, info = 0): Buffer {
  const message = Buffer.alloc(20);
  message.writeInt32LE(link, 4);
  message.writeUInt32LE(handle, 8);
  message.writeUInt32LE(parent, 12);
  message.writeUInt32LE(info, 16);
  return message;
}

function string(type: number, value: string): Buffer {
  return attribute(type, Buffer.from(`${value}\0`));
}
