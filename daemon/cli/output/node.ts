import type { NodeStatus } from '../../manager/schemas.ts';
import { formatSize } from '../values/size.ts';
import { formatAge, formatTime } from '../values/time.ts';
import { paint, plain, type Style, stateStyle } from './style.ts';
import { properties } from './table.ts';

/** `status`: what a person asks first: does it run, what does not hold, how are the slivers. */
export function statusText(status: NodeStatus, colour: boolean): string {
  return (
    properties(
      [
        ['Node', `${status.name}, sliverd ${status.version}, pid ${status.pid}`],
        ['Serves since', `${formatTime(status.startedAt)} (${formatAge(status.startedAt)})`],
        ['Slivers', sliverCounts(status, colour)],
        ['Disk', diskText(status)],
      ],
      colour,
    ) + degradedText(status, colour)
  );
}

/** `node show`: everything. */
export function nodeText(status: NodeStatus, colour: boolean): string {
  const { capacity } = status;
  return (
    properties(
      [
        ['Node', status.name],
        ['Version', status.version],
        ['Key', status.key.thumbprint],
        ['Pid', String(status.pid)],
        ['Serves since', `${formatTime(status.startedAt)} (${formatAge(status.startedAt)})`],
        ['Slivers', sliverCounts(status, colour)],
        ['Environments', status.environments.join(', ')],
        ['CPUs', String(capacity.cpus)],
        ['Memory', formatSize(capacity.memoryBytes)],
        ['Disk', diskText(status)],
        ['Slivers end', expiryText(status)],
        ['State in', status.stateDirectory],
        ['Cgroup', status.cgroup],
        ...(status.access ? [['Ssh', `port ${status.access.port}`] as [string, string]] : []),
        ...(status.access?.hostKeys ?? []).flatMap(({ type, fingerprint, sshfp }): [string, string][] => [
          ['Host key', `${plain(fingerprint)} (${plain(type)})`],
          ['', `${plain(status.name)}. ${plain(sshfp)}`],
        ]),
        ...(status.access?.held ?? []).map(({ source, refused, seconds }): [string, string] => [
          'Held off',
          `${plain(source)}, for ${seconds} s: connects without logging in (${refused} refused since)`,
        ]),
      ],
      colour,
    ) + degradedText(status, colour)
  );
}

/** What slivers may have together, and what the file system has left now: with other files on it, that may be less. */
function diskText({ capacity }: NodeStatus): string {
  return `${formatSize(capacity.diskBytes)} for slivers, ${formatSize(capacity.diskFreeBytes)} free now`;
}

function expiryText({ expiry }: NodeStatus): string {
  const { days, graceDays } = expiry;
  const lasts = days === 'max' ? 'as late as is asked for' : `after ${days} d`;
  return `${lasts}; then kept ${graceDays === 'max' ? 'for ever' : `${graceDays} d of running`}`;
}

function sliverCounts(status: NodeStatus, _colour: boolean): string {
  const counts = Object.entries(status.slivers).filter(([, count]) => count > 0);
  if (counts.length === 0) return 'none';
  // A failed one is what a person must see first.
  counts.sort(
    ([a], [b]) => Number(stateStyle(b) === 'red') - Number(stateStyle(a) === 'red') || a.localeCompare(b),
  );
  return counts.map(([state, count]) => `${count} ${state}`).join(', ');
}

function degradedText(status: NodeStatus, colour: boolean): string {
  if (status.degraded.length === 0) return '';
  const yellow: Style = 'yellow';
  const lines = status.degraded.map(
    ({ what, why, cost }) => `  ${paint(plain(what), yellow, colour)}: ${plain(why)}\n      ${plain(cost)}\n`,
  );
  return `\n${paint('Degraded', 'bold', colour)} ('sliverctl doctor' tells how to mend it):\n${lines.join('')}`;
}
