import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Agent, type ClientRequest, get } from 'node:http';
import { TestNode, until } from '../../node/harness.ts';
import { importSmallImage } from '../../node/image.ts';
import { processorTime } from '../processes.ts';
import { ready } from '../ready.ts';
import { type Summary, summarise } from '../statistics.ts';
import { type TicketsReport, ticketsBench } from './tickets.ts';

export interface ManagerReport {
  /** Answers for each second of the answering process's processor time, by who answers. */
  readonly reads: Readonly<Record<string, Summary>>;
  /** From a change to the moment when the last of the subscribers has been told; milliseconds. */
  readonly told: Summary;
  readonly subscribers: number;
  readonly tickets: TicketsReport;
}

const [CONNECTIONS, SUBSCRIBERS, WINDOW] = [16, 100, 700];
const NAME = 'bench_read';

/** What the manager's socket costs: reads of a sliver beside a server that has the answer ready, events, and tickets. */
export async function managerBench(rounds: number, say: (text: string) => void): Promise<ManagerReport> {
  const node = await TestNode.start();
  let floor: ChildProcess | undefined;
  try {
    await importSmallImage(node);
    const { id } = await node.ok('POST', '/v1/slivers', { name: NAME, image: 'small' });
    const path = `/v1/slivers/${NAME}`;
    const body = JSON.stringify(await node.ok('GET', path));
    floor = await ready(`${node.folder}/floor.sock`, body);
    const daemon = node.daemon?.pid ?? 0;
    const doors = [
      { name: 'the administrator', socket: `${node.run}/admin.sock`, pid: daemon },
      { name: 'the sliver itself', socket: `${node.run}/slivers/${id}/inside/manager.sock`, pid: daemon },
      { name: "node:http's own", socket: `${node.folder}/floor.sock`, pid: floor.pid ?? 0 },
    ];
    const reads = new Map(doors.map(({ name }) => [name, [] as number[]]));
    const told: number[] = [];
    const streams = await subscribe(node);
    for (let round = 0; round <= rounds; round++) {
      say(`the manager: round ${round} of ${rounds}`);
      for (const { name, socket, pid } of round % 2 ? doors.toReversed() : doors) {
        const rate = await read(socket, path, pid);
        if (round > 0) reads.get(name)?.push(rate);
      }
      const milliseconds = await streams.tell();
      if (round > 0) told.push(milliseconds);
    }
    streams.end();
    return {
      reads: Object.fromEntries([...reads].map(([name, values]) => [name, summarise(values)])),
      told: summarise(told),
      subscribers: SUBSCRIBERS,
      tickets: await ticketsBench(rounds),
    };
  } finally {
    floor?.kill('SIGKILL');
    await node.stop();
  }
}

/** Asks as fast as it goes, by connections that stay. @returns answers for each second of that process's processor time */
async function read(socketPath: string, path: string, pid: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const one = async () => {
    const [response] = await once(get({ socketPath, path, agent }), 'response');
    response.resume();
    await once(response, 'end');
    if (response.statusCode !== 200) throw new Error(`GET ${path}: ${response.statusCode}`);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, one));
  const [began, before] = [performance.now(), processorTime(pid)];
  let answers = 0;
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      for (; performance.now() - began < WINDOW; answers++) await one();
    }),
  );
  const used = processorTime(pid) - before;
  agent.destroy();
  return (answers * 1000) / used;
}

/** Whoever listens to all events. */
async function subscribe(node: TestNode) {
  let heard = 0;
  const calls: ClientRequest[] = [];
  for (let i = 0; i < SUBSCRIBERS; i++) {
    const headers = { accept: 'text/event-stream' };
    const call = get({
      socketPath: `${node.run}/admin.sock`,
      path: `/v1/events?subject=${NAME}`,
      headers,
      agent: false,
    });
    calls.push(call);
    const [stream] = await once(call, 'response');
    stream.setEncoding('utf8').on('data', (text: string) => {
      heard += text.split('sliver.changed').length - 1;
    });
    stream.on('error', () => {});
  }
  let weight = 100;
  return {
    async tell(): Promise<number> {
      heard = 0;
      weight = 300 - weight;
      const began = performance.now();
      const changed = node.ok('PATCH', `/v1/slivers/${NAME}`, { rspec: { 'cpu.weight': weight } });
      let milliseconds = 0;
      await until(() => {
        milliseconds = performance.now() - began;
        return heard >= SUBSCRIBERS;
      }, `${SUBSCRIBERS} to be told`);
      await changed;
      return milliseconds;
    },
    end: () => {
      for (const call of calls) call.destroy();
    },
  };
}
