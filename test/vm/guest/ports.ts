import { until } from '../../node/harness.ts';
import { PortWorld, type Program } from '../../node/ports/world.ts';
import { tell } from './node.ts';

// In the test VM: what the port ledger's programs do on this kernel, each thing once (test/node/ports.test.ts has all
// of it on the machine's own).
const PUBLIC = '198.51.100.10';
const world = await PortWorld.start();
const one = await world.sliver(1);
const two = await world.sliver(2, '/below');
world.within(one, 'ip', 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'eth0', 'netns', `${two.pid}`);
for (const [index, program] of [one, two].entries()) {
  world.within(program, 'ip', 'addr', 'add', `100.64.0.${index + 1}/10`, 'dev', 'eth0');
  world.within(program, 'ip', 'addr', 'add', `${PUBLIC}/32`, 'dev', 'lo');
  world.within(program, 'ip', 'link', 'set', 'eth0', 'up');
}

/** What the second is told when the first has `words` open, and what the ledger says meanwhile and after. */
async function against(kind: string, words: unknown[]): Promise<unknown[]> {
  const mine = await one.run('opened', 'a', ...words);
  const told = [mine, await two.run('opened', 'a', kind, 80), await world.ports()];
  if (told[1] === 80) await two.run('close', 'a');
  await one.run('close', 'a');
  return [...told, await world.ports()];
}

tell('tcp', await against('tcp', ['tcp', 80]));
tell('udp', await against('udp', ['udp', 80]));
tell('both', await against('tcp', ['tcp', 80, '::', 6]));
tell('v6only', await against('tcp', ['tcp', 80, '::', 6, ['v6only']]));
tell('mptcp', await against('tcp', ['mptcp', 80]));
tell('loopback', await against('tcp', ['tcp', 80, '127.0.0.1']));
tell('denied', world.denials.length);

const short: Program = await world.beside(1, one);
await short.run('opened', 'a', 'tcp', 80);
await short.kill();
await until(async () => (await world.ports()).length === 0, 'the port of who was killed to be free', 120_000);

await one.run('make', 'a', 'tcp', 4, ['no_port']);
tell('noPort', [await one.run('bind', 'a', PUBLIC, 0), await world.ports()]);
await one.run('close', 'a');
await world.ledger('configure', { ephemeral: [40000, 40001] });
await one.run('opened', 'a', 'udp', 40000);
tell('portZero', await two.run('opened', 'a', 'udp', 0));
await one.run('close', 'a');
await two.run('close', 'a');

await one.run('make', 'a', 'udp');
const port = await one.run('send', 'a', '100.64.0.2', 9);
tell('sent', (await world.ports()).includes(`udp/${port} 1 bind 1`));
await one.run('close', 'a');

await two.run('opened', 'server', 'tcp', 80);
await two.run('listen', 'server');
await one.run('make', 'client', 'tcp');
tell('local', (await one.run('connect', 'client', PUBLIC, 80)).slice(2));
tell('accepted', await two.run('accept', 'server'));
tell('revoked', (await world.ledger('revoke', 'tcp', 80)).sliver);
tell('destroyed', await two.run('accept', 'server'));
for (const name of ['server', 'server.accepted']) await two.run('close', name);
await one.run('close', 'client');

tell('churned', await Promise.all([one.run('churn', 'udp', 53, 1000), two.run('churn', 'tcp', 53, 1000)]));
tell('empty', await world.ports());

await one.run('opened', 'a', 'tcp', 80);
await world.end('crash');
tell('meanwhile', await two.run('opened', 'a', 'tcp', 80));
await world.open();
world.detach('release');
await one.run('close', 'a');
tell('ghosts', [
  await world.ledger('repair'),
  (await world.ledger('reconcile', [])).length,
  await world.ports(),
]);

const links = JSON.parse(world.inside('ip', '-j', 'link', 'show', 'lo'));
await world.ledger('keepUplink', links[0].ifindex);
await world.ledger('addLink', 1, links[0].ifindex);
tell('filters', world.inside('tc', 'filter', 'show', 'dev', 'lo', 'ingress'));
await world.stop();
tell('end', true);
