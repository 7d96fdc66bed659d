import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Programs } from '../../../../netns/bpf/programs.ts';
import { PortLedger } from '../../../../netns/ports/ledger.ts';
import { DEFAULT_RANGES } from '../../../../netns/ports/settings.ts';
import { writeCgroup } from '../../../cgroups/files.ts';
import { HOST_ENV } from '../../../kernel/run.ts';
import { missing, type Probe } from './probe.ts';

/** Binds port 80 once it is told to, and says what came of it. */
const BIND = `process.stdin.once('data', () => require('net').createServer()
  .on('error', ({ code }) => { console.log(code); process.exit(); })
  .listen(80, '0.0.0.0', () => { console.log('bound'); process.exit(); }));
console.log('ready');`;

export const portProbes: Record<string, Probe> = {
  'port-arbitration': async (bench) => {
    const cgroup = bench.cgroup('ports');
    const ledger = await PortLedger.open({ bpf: bench.runFolder('bpf'), cgroup, settings: DEFAULT_RANGES });
    const child = spawn('unshare', ['--net', '--', process.execPath, '-e', BIND], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: HOST_ENV,
    });
    const ended = once(child, 'close');
    const line = () =>
      Promise.race([once(child.stdout, 'data'), ended.then(() => missing('the program that binds ended'))]);
    child.stdin.on('error', () => {});
    try {
      await line();
      writeCgroup(`${cgroup}/cgroup.procs`, String(child.pid));
      ledger.addSliver(1, `/proc/${child.pid}/ns/net`);
      ledger.reserve(2, 'tcp', 80);
      child.stdin.write('go\n');
      const [answer] = await line();
      const told = String(answer).trim();
      return told === 'EADDRINUSE'
        ? "refused a port that is another's"
        : missing(`a bind was answered ${told}`);
    } finally {
      child.kill('SIGKILL');
      await ended;
      ledger.down();
    }
  },

  'port-programs': async (bench) => {
    const cgroup = bench.cgroup('port-programs');
    const programs = await Programs.load(bench.runFolder('programs'), cgroup);
    const lacking = programs.lacking.map(({ what, why }) => `${what} (${why})`);
    programs.remove();
    return lacking.length ? missing(lacking.join('; ')) : 'loaded';
  },
};
