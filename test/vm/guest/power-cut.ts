import { execFileSync } from 'node:child_process';
import { DatabaseSync } from 'node:sqlite';
import { request, until } from '../../node/harness.ts';
import { smallImageDirectory } from '../../node/image.ts';
import {
  daemonLog,
  existing,
  importSmallImage,
  inSliver,
  listen,
  ok,
  SOCKET,
  STATE,
  startNode,
  stopNode,
  tell,
} from './node.ts';

// In the test VM, one boot each: `create`, `delete` and `last`. The first two end when the power is cut, which is when
// the line `CUT` is printed; those after a cut first tell how the node came back.
const ASYNC = { prefer: 'respond-async' };
const [boot] = process.argv.slice(2);

/** Resolves when the daemon begins a step for a sliver, by its events. */
async function step(sliver: string, wanted: string): Promise<{ reached: Promise<void> }> {
  const { promise: reached, resolve } = Promise.withResolvers<void>();
  await listen(sliver, ({ data }) => {
    if (`${data.phase}/${data.step}` === wanted) resolve();
  });
  return { reached };
}

async function cut(): Promise<never> {
  console.log('CUT');
  await new Promise(() => setInterval(() => {}, 1000));
  throw new Error('the power was not cut');
}

/** What there is once the node has come to rest, in records and for real. */
async function tellState(): Promise<void> {
  const slivers = async () => (await ok('GET', '/v1/slivers')).items;
  const atRest = async () =>
    (await slivers()).every((sliver: any) => sliver.state === sliver.desired && sliver.doing === null);
  await until(atRest, 'all slivers to be as desired', 120_000);
  const found = await slivers();
  const alive: Record<string, unknown> = {};
  for (const { name } of found)
    alive[name] = await inSliver(
      name,
      'cat /etc/slicename; cat /root/kept 2>/dev/null; echo new > /root/new && cat /root/new',
    );
  tell('state', {
    slivers: found,
    alive,
    existing: existing(),
    images: (await ok('GET', '/v1/images')).items,
    log: daemonLog(),
  });
}

await startNode();
if (boot === 'create') {
  await importSmallImage();
  await ok('POST', '/v1/slivers', { name: 'lab_kept', image: 'small' });
  await inSliver('lab_kept', 'echo written > /root/kept && sync');
  const { reached } = await step('lab_cut', 'start/run');
  await ok('POST', '/v1/slivers', { name: 'lab_cut', image: 'small' }, ASYNC);
  await reached;
  await cut();
}

await tellState();
if (boot === 'delete') {
  // An import is under way as well, long enough to be cut.
  const path = smallImageDirectory();
  execFileSync('dd', ['if=/dev/urandom', `of=${path}/large`, 'bs=1M', 'count=48', 'status=none']);
  const { promise: importing, resolve } = Promise.withResolvers<void>();
  await listen('large', () => resolve());
  void request(SOCKET, 'POST', '/v1/images', { name: 'large', source: { path } }).catch(() => {});
  await importing;
  const { reached } = await step('lab_cut', 'discard/discard');
  await ok('DELETE', '/v1/slivers/lab_cut', undefined, ASYNC);
  await reached;
  await cut();
}

await ok('DELETE', '/v1/slivers/lab_kept');
await ok('DELETE', '/v1/images/small');
await stopNode();
tell('left', existing());
tell('integrity', new DatabaseSync(`${STATE}/node.db`).prepare('PRAGMA integrity_check').all());
