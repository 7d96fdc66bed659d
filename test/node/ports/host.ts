// The ledger of a node, as a program of its own: takes calls as lines of JSON, [method, argument…], and answers each.
import { createInterface } from 'node:readline';
import { PortLedger } from '../../../netns/ports/ledger.ts';
import { listeningPorts } from '../../../netns/ports/listening.ts';
import { DEFAULT_RANGES, type Settings } from '../../../netns/ports/settings.ts';

const [bpf = '', cgroup = '', objects] = process.argv.slice(2);
const tell = (told: unknown) => process.stdout.write(`${JSON.stringify(told)}\n`);
const settings = (given: Partial<Settings>) => ({
  ...DEFAULT_RANGES,
  publicAddress: '198.51.100.10',
  ...given,
});

const ledger = await PortLedger.open({
  bpf,
  cgroup,
  settings: settings({}),
  ...(objects ? { objects } : {}),
}).catch((error: Error) => {
  tell({ error: error.message });
  process.exit(1);
});
ledger.onDenied((denial) => tell({ denied: denial }));
tell({ answer: 'open' });

const METHODS: Record<string, (...args: never[]) => unknown> = {
  configure: (given: Partial<Settings>) => ledger.configure(settings(given)),
  reconcile: (running: [number, string][]) => ledger.reconcile(new Map(running)),
  lacking: () => ledger.lacking,
  listening: () => listeningPorts('198.51.100.10'),
  crash: () => process.kill(process.pid, 'SIGKILL'),
};
for await (const line of createInterface({ input: process.stdin })) {
  const [method, ...args] = JSON.parse(line);
  const own = METHODS[method];
  try {
    // biome-ignore lint/suspicious/noExplicitAny: any method of the ledger, by its name
    const answer = await (own ? own(...(args as never[])) : (ledger as any)[method](...args));
    tell({ answer: answer ?? null });
  } catch (error) {
    tell({ error: (error as { code?: string }).code, message: (error as Error).message });
  }
  if (method === 'close' || method === 'down') break;
}
