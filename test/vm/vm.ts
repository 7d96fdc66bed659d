import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * Virtual machines for tests, by `scripts/vm`, which says what a guest is like. A boot takes about 10 s under
 * emulation, so that tests share one where they can: see `vmSteps`. Everything in there is 10 to 20 times slower than
 * outside; wait for conditions. `SLIVERD_VM_SHOW=1` shows the guest's output as it comes.
 */
export const KERNELS = ['6.1', '6.12'] as const;
export type Kernel = (typeof KERNELS)[number];

export interface VmOptions {
  kernel?: Kernel;
  /** Raw file, made when absent, that the guest has at /data (ext4 with project quota). */
  disk?: string;
  /** For example `2G`. */
  memory?: string;
  /** Files and folders shown read-only at the same path. */
  share?: string[];
  /** Default 300. */
  timeoutSeconds?: number;
  /** The power is cut when this appears in the output. */
  killWhen?: string;
}

export interface VmResult {
  /** The script's own. */
  exitCode: number;
  /** Both streams. */
  output: string;
}

/** `VmResult.exitCode` when `killWhen` was seen and the power cut. */
export const POWER_CUT = 120;
const TIME_LIMIT = 124;
const MACHINE_FAILED = 125;
const PROGRAM = fileURLToPath(new URL('../../scripts/vm', import.meta.url));

/** Runs a bash script as root in a throw-away guest. Throws when the guest itself failed or took too long. */
export async function vm(options: VmOptions, script: string): Promise<VmResult> {
  const words = ['--kernel', options.kernel ?? '6.12', '--time-limit', String(options.timeoutSeconds ?? 300)];
  if (options.disk) words.push('--disk', options.disk);
  if (options.memory) words.push('--memory', options.memory);
  for (const path of options.share ?? []) words.push('--share', path);
  if (options.killWhen) words.push('--kill-when', options.killWhen);
  const child = spawn(PROGRAM, [...words, '-'], { stdio: ['pipe', 'pipe', 'pipe'] });
  const show = process.env.SLIVERD_VM_SHOW ? process.stderr : undefined;
  let output = '';
  let complaint = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
    show?.write(text);
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    complaint += text;
  });
  child.stdin.on('error', () => {}); // a machine that fails at once doesn't read it
  child.stdin.end(script);
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === null) reject(new Error(`scripts/vm ended by ${signal}`));
      else resolve(code);
    });
  });
  if (exitCode === MACHINE_FAILED || exitCode === TIME_LIMIT)
    throw new Error(`${complaint.trim()}\n--- the guest's last output ---\n${output.slice(-4000)}`);
  return { exitCode, output };
}

/**
 * Runs several scripts one after the other in one guest, each by its own bash with `set -eu`, and gives each one's
 * result by its name: the boot is shared, a failure is not.
 */
export async function vmSteps<Name extends string>(
  options: Omit<VmOptions, 'killWhen'>,
  steps: Record<Name, string>,
): Promise<Record<Name, VmResult>> {
  const mark = (name: string) => `@@ ${name} ended with `;
  const script = Object.entries<string>(steps)
    .map(([name, step]) => `bash -euc ${quote(step)}; echo ${quote(mark(name))}$?`)
    .join('\n');
  const { output } = await vm(options, script);
  const results = {} as Record<Name, VmResult>;
  let from = 0;
  for (const name of Object.keys(steps) as Name[]) {
    const end = output.indexOf(mark(name), from);
    if (end < 0) throw new Error(`step ${name} didn't end:\n${output.slice(from).slice(-4000)}`);
    const status = end + mark(name).length;
    results[name] = { output: output.slice(from, end), exitCode: Number.parseInt(output.slice(status), 10) };
    from = output.indexOf('\n', status) + 1;
  }
  return results;
}

/** One word for a shell. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** What a program in a guest told by `tell` (test/vm/guest/node.ts): lines of a name and JSON. */
export function told(output: string): Record<string, any> {
  const lines = output.matchAll(/^@@ (\S+) (.*)$/gm);
  return Object.fromEntries([...lines].map(([, name, json]) => [name, JSON.parse(json!)]));
}
