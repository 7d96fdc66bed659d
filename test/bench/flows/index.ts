import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Flow } from '../../../netns/flows/flow.ts';
import { Questions } from '../../../netns/flows/questions.ts';
import { Shelf, segmentNumbers, segmentPath } from '../../../netns/flows/shelf.ts';
import { type Summary, summarise } from '../statistics.ts';
import { flowsOf, type Population } from './population.ts';
import { shapes } from './shapes.ts';

export interface RecordsReport {
  readonly flows: number;
  readonly segments: number;
  readonly bytes: number;
  /** Flows a second, of the writer alone. */
  readonly written: number;
  readonly questions: {
    readonly shape: string;
    readonly times: Summary;
    /** After all was dropped from the page cache. */
    readonly cold: Summary;
    /** Of flows, in the middle. */
    readonly found: number;
  }[];
  /** For how long this process did nothing else, milliseconds, while all that was asked. */
  readonly heldUp: number;
}

const DAY = 86_400_000;
const [DAYS, SLIVERS, LIMIT] = [7, 200, 100];
/** As many as the recorder writes at once. */
const BATCH = 5000;
/** With what tidying takes at once, room for all. */
const BYTES_PER_FLOW = 300;
const COLD_ROUNDS = 5;

/** Fills an archive as the recorder does, and asks it as the daemon does. */
export async function recordsBench(
  count: number,
  rounds: number,
  say: (text: string) => void,
): Promise<RecordsReport> {
  const folder = mkdtempSync('/var/tmp/sliverd-bench-records-');
  try {
    const to = Date.now();
    const population = { slivers: SLIVERS, from: to - DAYS * DAY, to, count };
    const written = fill(folder, population, say);
    const bytes = readdirSync(folder).reduce((sum, name) => sum + statSync(`${folder}/${name}`).size, 0);
    say('questions');
    const asked = await ask(folder, population, rounds);
    return { flows: count, segments: segmentNumbers(folder).length, bytes, written, ...asked };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function fill(folder: string, population: Population, say: (text: string) => void): number {
  const shelf = new Shelf(folder, { bytes: population.count * BYTES_PER_FLOW, days: DAYS + 1 });
  let [spent, done] = [0, 0];
  let batch: Flow[] = [];
  const write = () => {
    const began = performance.now();
    shelf.add(batch);
    shelf.tidy();
    spent += performance.now() - began;
    done += batch.length;
    batch = [];
    if (done % 1_000_000 < BATCH) say(`${done} flows written, ${Math.round(done / (spent / 1000))} a second`);
  };
  for (const flow of flowsOf(population)) if (batch.push(flow) === BATCH) write();
  if (batch.length > 0) write();
  shelf.close();
  return done / (spent / 1000);
}

async function ask(
  folder: string,
  population: Population,
  rounds: number,
): Promise<Pick<RecordsReport, 'questions' | 'heldUp'>> {
  const questions: RecordsReport['questions'] = [];
  const archive = new Questions(folder);
  let heldUp = 0;
  await archive.ask([{}], 1); // the thread begins
  for (const [shape, make] of Object.entries(shapes(folder, population))) {
    const [times, cold, found]: number[][] = [[], [], []];
    for (let round = 0; round < rounds + COLD_ROUNDS; round++) {
      const filter = make();
      if (round >= rounds) forget(folder);
      const ticks = monitorEventLoopDelay({ resolution: 1 });
      ticks.enable();
      const began = performance.now();
      const { flows } = await archive.ask([filter], LIMIT);
      (round < rounds ? times : cold)?.push(performance.now() - began);
      ticks.disable();
      heldUp = Math.max(heldUp, ticks.max / 1e6);
      found?.push(flows.length);
    }
    questions.push({
      shape,
      times: summarise(times ?? []),
      cold: summarise(cold ?? []),
      found: summarise(found ?? []).median,
    });
  }
  archive.close();
  return { questions, heldUp };
}

/** Drops the records from the page cache. */
function forget(folder: string): void {
  for (const number of segmentNumbers(folder))
    execFileSync('dd', [`if=${segmentPath(folder, number)}`, 'iflag=nocache', 'count=0'], {
      stdio: 'ignore',
    });
}
