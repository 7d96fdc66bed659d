import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { projectUsage, setProject, setProjectLimit } from '../../../daemon/kernel/quota.ts';

// In the test VM: two folders on one file system, one bounded in bytes and inodes. Prints what each lets a writer do.
const [device] = process.argv.slice(2) as [string];
const EDQUOT = 122;
const MIB = 1 << 20;
const attempt = (action: () => void): string => {
  try {
    action();
    return 'ok';
  } catch (error) {
    const { errno, code } = error as NodeJS.ErrnoException;
    return errno === -EDQUOT ? 'EDQUOT' : (code ?? String(error)); // libuv has no name for it
  }
};
for (const name of ['bounded', 'free']) {
  mkdirSync(`/data/${name}`);
  chownSync(`/data/${name}`, 100_000, 100_000);
}
setProject('/data/bounded', 7);
setProjectLimit(device, 7, 4 * MIB, 20);
const fill = (directory: string) => attempt(() => writeFileSync(`${directory}/large`, Buffer.alloc(8 * MIB)));
const crowd = (directory: string) =>
  attempt(() => {
    for (let n = 0; n < 40; n++) writeFileSync(`${directory}/${n}`, '');
  });
process.seteuid!(100_000); // the machine's root is above quotas; a sliver's root isn't
const bytes = { bounded: fill('/data/bounded'), free: fill('/data/free') };
const inodes = { bounded: crowd('/data/bounded'), free: crowd('/data/free') };
process.seteuid!(0);
console.log(JSON.stringify({ bytes, inodes, usage: projectUsage(device, 7) }));
