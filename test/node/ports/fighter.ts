// Reserves a port for a sliver and gives it up again, as fast as it can and against another that does the same: the
// shortest way to the instructions that change a slot. Says that it is ready, begins when it is told to, and prints how
// often it had the port, and how often it lost it.
import { once } from 'node:events';
import { PortLedger } from '../../../netns/ports/ledger.ts';
import { DEFAULT_RANGES } from '../../../netns/ports/settings.ts';

const [bpf = '', cgroup = '', id = '', times = ''] = process.argv.slice(2);
const ledger = await PortLedger.open({ bpf, cgroup, settings: DEFAULT_RANGES });

function done(work: () => void): boolean {
  try {
    work();
    return true;
  } catch (error) {
    if ((error as { code?: string }).code !== 'in-use') throw error;
    return false;
  }
}

console.log('"ready"');
await once(process.stdin, 'data');
let had = 0;
let lost = 0;
while (had < Number(times)) {
  if (!done(() => ledger.reserve(Number(id), 'udp', 5353))) continue;
  had++;
  if (!done(() => ledger.release(Number(id), 'udp', 5353))) lost++;
}
ledger.close();
console.log(JSON.stringify({ had, lost }));
process.stdin.destroy();
