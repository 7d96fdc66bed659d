import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { emptyPipe } from '../../../daemon/kernel/syscalls.ts';
import { smallImageDirectory } from '../../node/image.ts';

/** Something that runs slivers, or containers, and is measured. */
export interface Subject {
  readonly name: string;
  /** What its times include and leave out, for people. */
  readonly includes: string;
  /** On the command line of every process it keeps beside the payload. */
  readonly folder: string;
  /** What has to be there before a container can be made; not measured. */
  prepare?(id: number): Promise<void>;
  /** Resolves when the container's first process runs. */
  create(id: number): Promise<void>;
  /** Runs /bin/true inside, to its end. */
  exec(id: number): Promise<void>;
  /** A clean file system for the same container. Default: remove and create. */
  reset?(id: number): Promise<void>;
  remove(id: number): Promise<void>;
  /** Undoes `prepare`; not measured. */
  clear?(id: number): Promise<void>;
  stop(): Promise<void>;
}

/** Thrown by what makes a subject that can't run here: it is told as skipped. */
export class Unavailable extends Error {}

/**
 * Runs a program to its end, without waiting for whatever it leaves in the background. Its input is an empty pipe:
 * runtimes give away what they have as stdin, and the host's /dev/null must not be it.
 * @param output file that takes what it writes.
 */
export async function run(output: string, file: string, ...args: string[]): Promise<void> {
  const [input, log] = [emptyPipe(), openSync(output, 'w')];
  try {
    const child = spawn(file, args, { stdio: [input, log, log] });
    const [code, signal] = await once(child, 'exit');
    if (code === 0) return;
    const complaint = readFileSync(output, 'utf8').trim().slice(-1000);
    throw new Error(`${file} ${args.join(' ')}: ${complaint || `ended with ${signal ?? code}`}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new Unavailable(`${file} is not installed`);
    throw error;
  } finally {
    closeSync(input);
    closeSync(log);
  }
}

/** Packs the small image into `folder` and hands the archive over. */
export async function importSmallImage(
  folder: string,
  importArchive: (tar: string) => Promise<void>,
): Promise<void> {
  const image = smallImageDirectory();
  const tar = `${folder}/image.tar`;
  try {
    await run(`${folder}/output`, 'tar', '--create', '--file', tar, '--directory', image, '.');
    await importArchive(tar);
  } finally {
    rmSync(image, { recursive: true });
  }
}
