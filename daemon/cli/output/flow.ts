import type { Flow, FlowGap } from '../../manager/schemas.ts';
import type { FlowAnswer } from '../commands/flow.ts';
import { formatSize } from '../values/size.ts';
import { formatTime } from '../values/time.ts';
import { table } from './table.ts';

const REASONS: Record<FlowGap['reason'], string> = {
  stopped: 'nobody recorded',
  full: 'the disk was full',
  clock: 'the clock was set',
};

export function flowTable({ items, gaps, more }: FlowAnswer, colour: boolean): string {
  const lines = table(
    ['SLICE', 'PROTO', 'FROM', 'TO', 'SENT', 'RECEIVED', 'START', 'END'],
    items.map((flow) => [
      flow.slice ?? 'unknown',
      flow.protocolName ?? flow.protocol,
      place(flow, flow.source),
      place(flow, flow.destination),
      formatSize(flow.sent.bytes),
      formatSize(flow.received.bytes),
      flow.start ? formatTime(flow.start) : 'earlier',
      flow.end ? formatTime(flow.end) : 'goes on',
    ]),
    { colour, right: ['SENT', 'RECEIVED'] },
  );
  const told = gaps.map(({ from, to, reason, lost }) => {
    const many = lost > 0 ? ` (${lost} are missing)` : '';
    return `There may be others from ${formatTime(from)} to ${formatTime(to)}: ${REASONS[reason]}${many}\n`;
  });
  return [lines, more ? 'There are more: see --limit.\n' : '', ...told].join('');
}

function place({ protocol }: Flow, { address, port }: Flow['source']): string {
  if (protocol !== 'tcp' && protocol !== 'udp') return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
