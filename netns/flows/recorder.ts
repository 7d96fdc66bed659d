// The program that records flows: recorder.ts FOLDER BYTES DAYS VERSION. It is a process of its own beside the daemon, which may end and
// begin again meanwhile, and needs nothing of the network but one socket.
import { clockIsSynchronised } from '../../daemon/kernel/syscalls.ts';
import { SLIVER_MARK } from '../numbers.ts';
import { Conntrack } from './conntrack.ts';
import { type Flow, flowOf } from './flow.ts';
import { Journal } from './journal.ts';
import { messages, readConnection } from './message.ts';
import { journalPath, Shelf } from './shelf.ts';

/** Room in the kernel for the time in which this process has no processor, or its disk stands still. */
const KERNEL_BYTES = 64 * 2 ** 20;
const ROOM = 256 * 1024;
/** Between two looks, so that many flows are written at once; milliseconds. */
const PAUSE = 100;
/** Written at once. */
const BATCH = 5000;
const SECOND = 1000;
/** Within which the kernel has told again what there was no room for. */
const LATE = 10 * SECOND;
/** The clock is set, not slewed. */
const STEP = 1000;
/** ctnetlink's message that a connection is gone. */
const GONE = 2;

const [folder = '', bytes = '', days = ''] = process.argv.slice(2);
const conntrack = new Conntrack();
conntrack.subscribe(KERNEL_BYTES);
const shelf = new Shelf(folder, { bytes: Number(bytes), days: Number(days) });
const journal = Journal.write(journalPath(folder));
const room = Buffer.alloc(ROOM);
/** Since when the disk takes no more, and how many flows that cost. */
let full: { since: number; lost: number } | undefined;
/** Until when everything is written that ended: what is known to be complete, should this process die now. */
let kept = Date.now();
let overrun = -LATE;
let [wall, passed] = [Date.now(), performance.now()];

note(() => {
  const before = journal.lastAlive;
  if (before > 0) journal.gap({ from: before, to: Date.now(), reason: 'stopped', lost: 0 });
  journal.alive(kept);
});
note(() => shelf.tidy());
note(expire);

/** A clock that runs years ahead must not cost what there is. */
function expire(): void {
  if (clockIsSynchronised()) shelf.expire(Date.now());
}

/** Takes what the kernel has to tell, a batch at the most. @returns whether there may be more */
function record(): boolean {
  const flows: Flow[] = [];
  const began = Date.now();
  while (flows.length < BATCH) {
    // What there was no room for the kernel keeps, and tells again.
    const length = conntrack.receive(room);
    if (length === 'empty') break;
    if (length === 'overrun') {
      overrun = performance.now();
      continue;
    }
    for (const { type, start, end } of messages(room.subarray(0, length))) {
      const connection = type === GONE ? readConnection(room, start, end, SLIVER_MARK) : undefined;
      if (connection) flows.push(flowOf(connection, Date.now()));
    }
  }
  if (flows.length > 0) write(flows);
  if (!full && flows.length < BATCH && performance.now() - overrun >= LATE) kept = began;
  return flows.length >= BATCH;
}

function write(flows: readonly Flow[]): void {
  try {
    shelf.add(flows);
  } catch (error) {
    if (!full) console.error(`flows can't be kept: ${(error as Error).message}`);
    full ??= { since: Date.now(), lost: 0 };
    full.lost += flows.length;
    return;
  }
  note(() => {
    if (full) journal.gap({ from: full.since, to: Date.now(), reason: 'full', lost: full.lost });
    full = undefined;
  });
}

/** What the disk doesn't take of the journal is tried again a second later, or is in the gap that the next one tells. */
function note(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!full) console.error(`the journal of flows can't be kept: ${(error as Error).message}`);
  }
}

function lookAround(): void {
  const now = Date.now();
  const step = now - wall - (performance.now() - passed);
  [wall, passed] = [now, performance.now()];
  note(() => {
    if (Math.abs(step) > STEP) journal.gap({ from: now - step, to: now, reason: 'clock', lost: 0 });
    journal.alive(kept);
  });
  note(() => shelf.tidy());
}

const looking = setInterval(() => {
  for (let batches = 0; record() && batches < 20; batches++);
}, PAUSE);
const around = setInterval(lookAround, SECOND);
setInterval(() => note(expire), 3600 * SECOND).unref();

function end(): void {
  clearInterval(looking);
  clearInterval(around);
  while (record());
  lookAround();
  shelf.close();
  journal.close();
  process.exit(0);
}
process.on('SIGTERM', end);
process.on('SIGINT', end);
