import { SliverdError } from '../../daemon/errors.ts';
import { addressText, packed } from '../address.ts';
import { AF_INET, AF_INET6, CREATE, EXCL, type Requests } from './requests.ts';

const RTM_GETRULE = 34;
const FIB_RULE_HDR = 12;
const [FRA_DST, FRA_IIFNAME, FRA_GOTO, FRA_PRIORITY, FRA_FWMARK, FRA_TABLE, FRA_PROTOCOL] = [
  1, 3, 4, 6, 10, 15, 21,
];
const [TO_TABLE, GOTO, NOP, BLACKHOLE] = [1, 2, 3, 6];
const INVERT = 2;

/** A rule of policy routing. */
export interface Rule {
  /** Of IPv6. */
  readonly six?: boolean;
  readonly priority: number;
  /** 0: what matches goes nowhere, unless the next say something else. */
  readonly table: number;
  /** What matches goes on with the rule of that priority. */
  readonly goto?: number;
  /** What matches goes on with the next: a rule to go to. */
  readonly nothing?: boolean;
  /** What it says holds for all that doesn't match. */
  readonly not?: boolean;
  readonly mark?: number;
  /** The name of the link that it came in by. */
  readonly from?: string;
  readonly to?: { address: string; length: number };
  /** Who made it, as of a route. */
  readonly protocol?: number;
}

export class RoutingRules {
  readonly #requests: Requests;

  constructor(requests: Requests) {
    this.#requests = requests;
  }

  async list(): Promise<Rule[]> {
    const all = await this.#requests.list(RTM_GETRULE, FIB_RULE_HDR, Buffer.alloc(FIB_RULE_HDR));
    return all.map(({ data, attributes }) => {
      const number = (attribute: number) => attributes.get(attribute)?.readUInt32LE();
      const [goto, mark, from, to] = [
        number(FRA_GOTO),
        number(FRA_FWMARK),
        attributes.get(FRA_IIFNAME)?.toString().replace('\0', ''),
        attributes.get(FRA_DST),
      ];
      return {
        six: data[0] === AF_INET6,
        priority: number(FRA_PRIORITY) ?? 0,
        table: number(FRA_TABLE) ?? data[4] ?? 0,
        protocol: attributes.get(FRA_PROTOCOL)?.[0] ?? 0,
        ...(goto === undefined ? {} : { goto }),
        ...(data[7] === NOP ? { nothing: true } : {}),
        ...(data.readUInt32LE(8) & INVERT ? { not: true } : {}),
        ...(mark === undefined ? {} : { mark }),
        ...(from === undefined ? {} : { from }),
        ...(to ? { to: { address: addressText(to), length: data[1] ?? 0 } } : {}),
      };
    });
  }

  /** One that is there already is no error. */
  async add(rule: Rule): Promise<void> {
    try {
      await this.#requests.ask((socket) => socket.newRule(...parts(rule), { flags: CREATE | EXCL }));
    } catch (cause) {
      if (!/EEXIST/.test(String(cause)))
        throw new SliverdError('kernel', `adding rule ${rule.priority}`, { cause });
    }
  }

  /** One that isn't there is no error. */
  async remove(rule: Rule): Promise<void> {
    await this.#requests.unlessMissing(`removing rule ${rule.priority}`, (socket) =>
      socket.delRule(...parts(rule)),
    );
  }
}

function parts({ six, priority, table, goto, nothing, not, mark, from, to, protocol }: Rule) {
  const action = table ? TO_TABLE : nothing ? NOP : goto === undefined ? BLACKHOLE : GOTO;
  return [
    {
      family: six ? AF_INET6 : AF_INET,
      table,
      action: action as never,
      ...(not ? { flags: { invert: true as const } } : {}),
      ...(to ? { dstLen: to.length } : {}),
    },
    {
      priority,
      ...(table ? { table } : {}),
      ...(goto === undefined ? {} : { goto }),
      ...(mark === undefined ? {} : { fwmark: mark, fwmask: mark }),
      ...(from === undefined ? {} : { iifname: from }),
      ...(to ? { dst: packed(to.address) } : {}),
      ...(protocol === undefined ? {} : { protocol }),
    },
  ] as const;
}
