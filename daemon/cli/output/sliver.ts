import type { NetworkUsage, Refused } from '../../../netns/network-limits.ts';
import type { DayWay, Usage } from '../../environments/environment.ts';
import type { Sliver } from '../../manager/schemas.ts';
import { formatRole } from '../values/role.ts';
import { formatValue } from '../values/rspec.ts';
import { formatRate, formatSize } from '../values/size.ts';
import { formatAge, formatSpan, formatTime, formatUntil } from '../values/time.ts';
import { stateStyle } from './style.ts';
import { type Cell, properties, table } from './table.ts';

export function sliverTable(slivers: readonly Sliver[], colour: boolean): string {
  // A column for what is being done, or why not, only where there is something to tell.
  const telling = slivers.some((sliver) => remark(sliver) !== '');
  const headings = ['NAME', 'STATE', 'SINCE', 'IMAGE', 'CPU', 'MEMORY', 'DISK', 'EXPIRES'];
  return table(
    telling ? [...headings, 'WHY'] : headings,
    slivers.map((sliver) => {
      const row: (string | Cell)[] = [
        sliver.name,
        { text: sliver.state, style: stateStyle(sliver.state) },
        formatAge(sliver.since),
        sliver.image.name,
        String(sliver.rspec['cpu.max']),
        formatValue('memory.max', sliver.rspec['memory.max']),
        formatValue('disk.bytes', sliver.rspec['disk.bytes']),
        formatUntil(sliver.expiresAt),
      ];
      return telling ? [...row, { text: remark(sliver), style: sliver.cause ? 'red' : 'dim' }] : row;
    }),
    { colour, right: ['CPU', 'MEMORY', 'DISK'] },
  );
}

function remark(sliver: Sliver): string {
  if (sliver.cause) return `${sliver.cause.step}: ${sliver.cause.reason}`;
  return sliver.doing ?? '';
}

export function sliverText(sliver: Sliver, colour: boolean): string {
  const { cause } = sliver;
  return properties(
    [
      ['Sliver', `${sliver.name} (id ${sliver.id})`],
      ['State', { text: `${sliver.state}, for ${formatAge(sliver.since)}`, style: stateStyle(sliver.state) }],
      ['Desired', sliver.desired],
      ['Doing', sliver.doing],
      ['Why', cause && { text: `${cause.step}: ${cause.reason}`, style: 'red' }],
      ['Tried', cause && triesText(cause)],
      ['Init', sliver.pid === null ? null : `pid ${sliver.pid} on the host`],
      ['Addresses', sliver.addresses.length === 0 ? null : sliver.addresses],
      ['Environment', sliver.environment],
      ['Image', `${sliver.image.name} (${sliver.image.digest.slice(0, 19)})`],
      ['Profile', sliver.profile],
      ['Created', `${formatTime(sliver.createdAt)} (${formatAge(sliver.createdAt)} ago)`],
      [
        'Expires',
        sliver.expiresAt === null
          ? 'never'
          : `${formatTime(sliver.expiresAt)} (${formatUntil(sliver.expiresAt)})`,
      ],
      ['Deleted', sliver.deletedAfterSeconds === null ? null : graceText(sliver.deletedAfterSeconds)],
      ['Keys', sliver.keys.length === 0 ? 'none' : sliver.keys.map(keyText)],
      ['Authority', sliver.authority],
      ['Roles', sliver.roles.length === 0 ? null : sliver.roles.map(formatRole)],
      ['Initscript', sliver.initscript === null ? 'none' : `${sliver.initscript.split('\n').length} lines`],
      [
        'RSpec',
        Object.entries(sliver.rspec).map(([key, value]) => `${key.padEnd(22)} ${formatValue(key, value)}`),
      ],
    ],
    colour,
  );
}

/** Not by the clock, so no date can be told. */
function graceText(seconds: number): string {
  return `when the node has run for another ${formatSpan(seconds * 1000)}, unless it is renewed`;
}

function triesText(cause: NonNullable<Sliver['cause']>): string {
  const times = cause.attempts === 1 ? 'once' : `${cause.attempts} times`;
  const next =
    cause.retryAt === null ? 'not tried again' : `next ${formatUntil(cause.retryAt).replace('over', 'now')}`;
  return `${times} since ${formatTime(cause.since)}, ${next}`;
}

/** A key by its kind and comment: the long middle tells a person nothing. */
function keyText(key: string): string {
  const match = /((?:ssh|ecdsa|sk)-[\w@.-]+)\s+(\S+)\s*(.*)$/.exec(key);
  return match ? `${match[1]} …${match[2]!.slice(-12)} ${match[3]}`.trim() : key.slice(0, 60);
}

function wayText(bytes: number, exempt: number): string {
  return `${formatSize(bytes)}${exempt > 0 ? `, and ${formatSize(exempt)} exempt` : ''}`;
}

/** What its rates did to its packets; nothing where they did nothing. */
function heldText(held: NetworkUsage['held']): string[] | null {
  const told = Object.entries(held ?? {}).flatMap(([way, { times, dropped }]) =>
    times + dropped > 0
      ? [`${way === 'up' ? 'sending' : 'receiving'}: had to wait ${times} times, ${dropped} packets dropped`]
      : [],
  );
  return told.length > 0 ? told : null;
}

const REFUSED: Readonly<Record<keyof Refused, string>> = {
  connections: 'of connections beyond net.connections',
  rate: 'of connections begun too fast',
  destinations: 'to destinations beyond net.destinations.minute',
  owner: "to what the node's owner refuses",
  spoofed: 'from addresses that are not its own',
};
/** What limits did to its packets; nothing where they did nothing. */
function refusedText(refused: Refused | undefined): string[] | null {
  const told = Object.entries(refused ?? {}).filter(([, packets]) => packets > 0);
  return told.length > 0
    ? told.map(([reason, packets]) => `${packets} packets ${REFUSED[reason as keyof Refused]}`)
    : null;
}

/** What a slice has had of its day. */
function dayText({ bytes, of, slowedTo }: DayWay, ends: string): string {
  const share = of === undefined ? '' : ` of ${formatSize(of)}`;
  const slowed = slowedTo === undefined ? '' : `, so slowed to ${formatRate(slowedTo)}`;
  return `${formatSize(bytes)}${share} until ${formatTime(ends)}${slowed}`;
}

export function usageText(usage: Usage, colour: boolean): string {
  const { io, network, pressure } = usage;
  const size = (bytes: number | undefined) => (bytes === undefined ? null : formatSize(bytes));
  const seconds = (value: number | undefined) =>
    value === undefined ? null : `${(value / 1e6).toFixed(2)} s`;
  const events = Object.entries(usage.memoryEvents ?? {}).filter(([, count]) => count > 0);
  return properties(
    [
      ['CPU time', seconds(usage.cpuMicroseconds)],
      ['CPU throttled', seconds(usage.cpuThrottledMicroseconds)],
      ['Memory', size(usage.memoryBytes)],
      ['Memory peak', size(usage.memoryPeakBytes)],
      [
        'Memory events',
        events.length === 0 ? null : events.map(([what, count]) => `${what} ${count}`).join(', '),
      ],
      ['Processes', usage.processes?.toString()],
      ['Forks refused', usage.pidsRefused?.toString()],
      ['Sessions', sessionsText(usage.sessions)],
      ['Disk read', io && `${formatSize(io.readBytes)} in ${io.reads} operations`],
      ['Disk written', io && `${formatSize(io.writeBytes)} in ${io.writes} operations`],
      ['Disk used', size(usage.diskBytes)],
      ['Files', usage.diskInodes?.toString()],
      ['Sent', network?.bytes && wayText(network.bytes.up, network.bytes.exemptUp)],
      ['Received', network?.bytes && wayText(network.bytes.down, network.bytes.exemptDown)],
      ['Held back', heldText(network?.held)],
      ['Not let through', refusedText(network?.refused)],
      ['Sent today', network?.day && dayText(network.day.up, network.day.ends)],
      ['Received today', network?.day && dayText(network.day.down, network.day.ends)],
      [
        'Pressure',
        pressure &&
          Object.entries(pressure).map(
            ([of, { some, full }]) => `${of.padEnd(6)} some ${some} %, full ${full} %`,
          ),
      ],
    ],
    colour,
  );
}

/** Nothing where nobody ever logged in. */
function sessionsText(sessions: Usage['sessions']): string | null {
  if (!sessions?.cpuMicroseconds) return null;
  const { cpuMicroseconds, memoryBytes = 0, processes = 0 } = sessions;
  return `${(cpuMicroseconds / 1e6).toFixed(2)} s of CPU, ${formatSize(memoryBytes)}, ${processes} processes of the node`;
}
