import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { World } from '../../node/world.ts';
import { fill } from '../measure.ts';
import { processorTime } from '../processes.ts';
import { ready } from '../ready.ts';
import { sliverd } from '../subjects/sliverd.ts';

/** What came of asking for all tuples of `slivers`, once a second each. */
interface Polled {
  readonly answers: number;
  /** Of the sensor, in that time. */
  readonly readings: number;
  readonly bytesEach: number;
  /** Of one processor, the daemon's. */
  readonly percent: number;
}

export interface SensorsReport {
  readonly slivers: number;
  readonly pollers: number;
  /** Of one processor, while nobody asks. */
  readonly idle: number;
  /** By a connection that stays, and by one for each question. */
  readonly kept: Polled;
  readonly anew: Polled;
  /** Of a server that has the answer ready. */
  readonly least: Polled;
}

interface Answer {
  /** When the sensor was. */
  readonly read: string;
  readonly length: number;
}

const POLLERS = 100;

/** Slices that watch the node's slivers, each by its own socket, as infrastructure services do. */
export async function sensorsBench(
  count: number,
  seconds: number,
  say: (text: string) => void,
): Promise<SensorsReport> {
  const world = new World();
  try {
    const node = await sliverd((pid) => world.connect(pid, '198.51.100.10'));
    try {
      say(`sensors: making ${count} slivers`);
      await fill(
        [node],
        Array.from({ length: count }, (_, index) => 1 + index),
      );
      const slivers = await node.list();
      const daemon = node.node.daemon?.pid ?? 0;
      const percentOf = async (pid: number, work: () => Promise<unknown>) => {
        const [began, before] = [performance.now(), processorTime(pid)];
        await work();
        return ((processorTime(pid) - before) / (performance.now() - began)) * 100;
      };
      say(`sensors: idle for ${seconds} s`);
      await sleep(5000);
      const idle = await percentOf(daemon, () => sleep(seconds * 1000));
      const places = Array.from({ length: POLLERS }, (_, index) => index);
      const sockets = places.map(
        (index) => `${node.node.run}/slivers/${slivers[index % slivers.length]?.id}/inside/manager.sock`,
      );
      const polled = async (keepAlive: boolean, pid: number, sockets: readonly string[]): Promise<Polled> => {
        say(`sensors: ${POLLERS} pollers for ${seconds} s`);
        const answers: Answer[] = [];
        const percent = await percentOf(pid, () =>
          Promise.all(sockets.map((socket, at) => poll(socket, at, keepAlive, seconds, answers))),
        );
        const bytes = answers.reduce((sum, { length }) => sum + length, 0);
        return {
          ...{ percent, answers: answers.length, bytesEach: Math.round(bytes / answers.length) },
          readings: new Set(answers.map(({ read }) => read)).size,
        };
      };
      const [kept, anew] = [await polled(true, daemon, sockets), await polled(false, daemon, sockets)];
      const floor = `${node.node.folder}/floor.sock`;
      const server = await ready(floor, 'x'.repeat(kept.bytesEach));
      try {
        const ours = places.map(() => floor);
        const least = await polled(true, server.pid ?? 0, ours);
        return { slivers: count, pollers: POLLERS, idle, kept, anew, least };
      } finally {
        server.kill('SIGKILL');
      }
    } finally {
      await node.stop();
    }
  } finally {
    world.stop();
  }
}

/** Once a second, one after another within it. */
async function poll(socketPath: string, at: number, keepAlive: boolean, seconds: number, answers: Answer[]) {
  const agent = new Agent({ keepAlive });
  await sleep((at * 1000) / POLLERS);
  for (let second = 0; second < seconds; second++) {
    const next = performance.now() + 1000;
    answers.push(await ask(socketPath, agent));
    await sleep(Math.max(0, next - performance.now()));
  }
  agent.destroy();
}

async function ask(socketPath: string, agent: Agent): Promise<Answer> {
  const path = '/v1/sensors/slivers';
  const [response] = await once(get({ socketPath, path, agent }), 'response');
  if (response.statusCode !== 200) throw new Error(`GET ${path}: ${response.statusCode}`);
  let length = 0;
  for await (const part of response) length += part.length;
  return { read: response.headers['last-modified'] ?? '', length };
}
