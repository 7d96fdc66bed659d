import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';

/** In a network namespace of its own: what the map holds after each transaction, as nft(8) counts it. */
const PROGRAM = `
import { execFileSync } from 'node:child_process';
import { DeliveryMap } from './netns/ruleset/delivery-map.ts';
const nft = (...words) => execFileSync('nft', words, { encoding: 'utf8' });
const held = () =>
  JSON.parse(nft('-j', 'list', 'map', 'netdev', 'sliverd', 'links')).nftables[1].map.elem?.map(([key, link]) => [key & 0xfff, link]) ?? [];
const map = new DeliveryMap();
const failed = await map.deliver(new Map([[1, 10]])).catch((error) => error);
nft('add table netdev sliverd { map links { type mark : iface_index; }; }');
const all = new Map(Array.from({ length: 4095 }, (_, at) => [at + 1, at + 1_000_001]));
await map.deliver(all);
const full = held();
await Promise.all([map.deliver(new Map([[7, 8]]), true), map.deliver(new Map([[9, 1]]))]);
const again = await map.deliver(new Map([[11, 5], [9, 2]])).catch((error) => error);
console.log(JSON.stringify({
  failed: failed.message + ': ' + failed.cause?.message,
  full: full.length, different: full.filter(([id, link]) => link !== String(id + 1_000_000)).length,
  anew: held().sort(([a], [b]) => a - b),
  again: String(again?.cause),
}));
map.close();
`;

it('puts all slivers that there can be into the map at once, and says why it could not', () => {
  const said = execFileSync(
    'unshare',
    ['--net', '--', process.execPath, ...process.execArgv, '--input-type=module', '-e', PROGRAM],
    { encoding: 'utf8' },
  );
  expect(JSON.parse(said)).toEqual({
    failed: 'saying which link each sliver is behind: Request rejected: ENOENT',
    full: 4095,
    different: 0,
    anew: [
      [7, '8'],
      [9, 'lo'],
    ],
    again: 'Error: Request rejected: EEXIST', // and the one beside it isn't there either
  });
});
