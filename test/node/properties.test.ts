import { existsSync, readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { request, TestNode, until } from './harness.ts';
import { importSmallImage } from './image.ts';
import { wrong } from './properties/held.ts';
import { CANARY } from './properties/mutations.ts';
import { anyRequest, type Request, requests, told } from './properties/requests.ts';
import { ROUTES } from './properties/routes.ts';
import { send } from './properties/wire.ts';
import { lasting } from './ruleset.ts';
import { World } from './world.ts';

/**
 * Whatever is sent to whichever route by whomever: an answer that the description has, and a daemon that is as before. Requests are
 * made of the description's own schemas and then spoilt (properties/). A failure prints its seed: SLIVERD_PROPERTIES_SEED repeats it.
 */
const SECONDS = Number(process.env.SLIVERD_PROPERTIES_SECONDS ?? 60);
const SEED = Number(process.env.SLIVERD_PROPERTIES_SEED ?? Date.now() & 0x7fff_ffff);
/** Slivers that the requests may make, change and delete; and those whose sockets they come by, which they must not. */
const VICTIMS = ['victim_a', 'victim_b', 'victim_c'];
const ASKING = ['service_all', 'plain_one', 'bystander_x'];

let world: World;
let node: TestNode;
const sockets: Record<string, string> = {};

beforeAll(async () => {
  world = new World();
  node = await TestNode.start('access: { port: 2222 }\n', {}, (pid) => world.connect(pid, '198.51.100.10'));
  await importSmallImage(node);
  for (const name of [...ASKING, 'victim_a']) {
    const { id } = await node.ok('POST', '/v1/slivers', {
      name,
      image: 'small',
      ...(name === 'service_all'
        ? {
            roles: [
              { role: 'authority', slices: ['victim_*'], share: { slivers: 2 } },
              { role: 'control', slices: ['victim_*'] },
              { role: 'broker', slices: ['victim_*'], share: { 'cpu.max': 1, 'memory.max': 2 ** 26 } },
              { role: 'flows' },
            ],
          }
        : {}),
    });
    if (name !== 'victim_a') sockets[name] = `${node.run}/slivers/${id}/inside/manager.sock`;
  }
  sockets.administrator = `${node.run}/admin.sock`;
}, 300_000);
afterAll(async () => {
  await node?.stop().finally(() => world.stop());
});

/** Some of the victims are there before each round, whatever the last has done to them. */
async function restore(): Promise<void> {
  const there = (await node.ok('GET', '/v1/slivers')).items.map(({ name }: { name: string }) => name);
  const sliver = { image: 'small', authority: 'service_all' };
  if (!there.includes('victim_a')) await node.request('POST', '/v1/slivers', { name: 'victim_a', ...sliver });
  if (!there.includes('victim_b'))
    await node.request('POST', '/v1/slivers', { name: 'victim_b', ...sliver, desired: 'stopped' });
}

const status = (what: string) =>
  Number(
    new RegExp(`${what}:\\s+(\\d+)`).exec(readFileSync(`/proc/${node.daemon?.pid}/status`, 'utf8'))?.[1],
  );
const descriptors = () => readdirSync(`/proc/${node.daemon?.pid}/fd`).length;

/** Takes away what the requests have made: what is left then is as before, or was left behind. */
async function tidy(): Promise<void> {
  for (const what of ['loans', 'leases'])
    for (const { id } of (await node.ok('GET', `/v1/${what}`)).items)
      await node.ok('DELETE', `/v1/${what}/${id}`);
  const { items } = await node.ok('GET', '/v1/slivers');
  for (const { name } of items) if (!ASKING.includes(name)) await node.ok('DELETE', `/v1/slivers/${name}`);
  for (const { protocol, port, by } of (await node.ok('GET', '/v1/ports')).items)
    if (by === 'reservation') await node.ok('DELETE', `/v1/ports/${protocol}/${port}`);
  for (const { name } of (await node.ok('GET', '/v1/images')).items)
    if (name !== 'small') await node.ok('DELETE', `/v1/images/${name}`);
}

/** What is in the kernel and on disk, beside what the daemon may add at any time. */
function held() {
  const { disks: _, ...kernel } = node.leftovers();
  const names = (folder: string) => readdirSync(folder).sort();
  return {
    kernel,
    rules: lasting(node.inside('nft', '-s', 'list', 'ruleset')),
    run: names(node.run),
    state: names(node.state),
    access: names(`${node.state}/access`),
  };
}

it(
  'every route answers everything that is sent to it, and is none the worse',
  async () => {
    const callers = {
      administrator: [...VICTIMS, ...VICTIMS, 'none_such'],
      service_all: [...VICTIMS, 'service_all', 'plain_one', 'none_such'],
      plain_one: ['plain_one', 'plain_one', 'victim_a', 'bystander_x', 'none_such'],
    };
    const by = (caller: string, of: fc.Arbitrary<Request>) => of.map((what) => ({ caller, what }));
    const pid = node.daemon?.pid;
    const answers = new Map<string, number>();
    let waiting = 0;
    const each = async (all: { caller: string; what: Request }[]) => {
      await restore();
      // Whose sliver one was as an authority is hung up on when that changes.
      const mayLose = all.some(({ caller, what }) => caller === 'administrator' && what.method === 'PATCH');
      const neighbour = request(sockets.bystander_x!, 'GET', '/v1/self');
      await Promise.all(
        all.map(async ({ caller, what }) => {
          waiting++;
          const reply = await send(sockets[caller]!, what).finally(() => waiting--);
          answers.set(`${reply?.status}`, (answers.get(`${reply?.status}`) ?? 0) + 1);
          const fault = reply ? wrong(what, reply) : mayLose ? undefined : 'hung up on without an answer';
          if (fault)
            throw new Error(
              `${caller}: ${told(what)}\n${fault}: ${reply?.status} ${reply?.text.slice(0, 600)}`,
            );
        }),
      );
      expect((await neighbour).body).toMatchObject({ name: 'bystander_x', state: 'running' });
      expect(node.daemon?.pid).toBe(pid);
    };
    const one = fc.oneof(
      ...Object.entries(callers).map(([caller, slivers]) => by(caller, anyRequest(slivers))),
    );
    const run = async (seconds: number, seed: number) => {
      await fc.assert(fc.asyncProperty(fc.array(one, { minLength: 1, maxLength: 6 }), each), {
        seed,
        numRuns: 1e9,
        interruptAfterTimeLimit: seconds * 1000,
      });
      // The last are left to themselves when the time is over.
      await until(() => waiting === 0, 'the last answers', 60_000);
      await tidy();
    };
    console.log(`seed ${SEED}, ${SECONDS} s`);
    for (const [caller, slivers] of Object.entries(callers))
      for (const route of ROUTES)
        await fc.assert(
          fc.asyncProperty(by(caller, requests(route, slivers)), (one) => each([one])),
          { seed: SEED, numRuns: 2 },
        );
    // Caches and pools are filled by the first third.
    await run(SECONDS / 3, SEED);
    const before = { held: held(), descriptors: descriptors(), resident: status('VmRSS') };
    await run((SECONDS * 2) / 3, SEED + 1);
    console.log(
      `answers: ${[...answers]
        .sort()
        .map(([what, count]) => `${what} ${count} times`)
        .join(', ')}`,
    );
    expect(held()).toEqual(before.held);
    await until(() => descriptors() <= before.descriptors + 3, 'descriptors to be closed');
    expect(status('VmRSS') - before.resident).toBeLessThan(64 * 1024);
    for (const name of ASKING) expect((await node.ok('GET', `/v1/slivers/${name}`)).state).toBe('running');
    expect(existsSync(`/tmp/${CANARY}`)).toBe(false);
  },
  SECONDS * 1000 + 180_000,
);
