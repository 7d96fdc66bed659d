import { execFileSync } from 'node:child_process';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { IdMapping } from '../../../daemon/kernel/id-mapping.ts';
import {
  attachMount,
  cloneTree,
  closeFd,
  MountAttr,
  newMount,
  setMountAttributes,
} from '../../../daemon/kernel/syscalls.ts';

// In the test VM: an overlay whose lower layer is an idmapped view of a folder that root owns, the way a sliver's root
// is made. Prints who owns the lower file and what its root has written, as the overlay shows them.
const BASE = 100_000;
const at = '/data/overlay';
for (const name of ['image', 'lower', 'upper', 'work', 'root'])
  mkdirSync(`${at}/${name}`, { recursive: true });
writeFileSync(`${at}/image/file`, 'of the image');
execFileSync('chown', [`${BASE}:${BASE}`, `${at}/upper`, `${at}/work`]);

const mapping = new IdMapping(BASE, 65_536);
const tree = cloneTree(`${at}/image`);
setMountAttributes(tree, MountAttr.IDMAP | MountAttr.RDONLY, await mapping.descriptor());
attachMount(tree, `${at}/lower`);
closeFd(tree);
mapping.close();

const overlay = newMount('overlay', {
  lowerdir: `${at}/lower`,
  upperdir: `${at}/upper`,
  workdir: `${at}/work`,
});
attachMount(overlay, `${at}/root`);
closeFd(overlay);

const asItsRoot = ['--reuid', String(BASE), '--regid', String(BASE), '--clear-groups', 'sh', '-c'];
execFileSync('setpriv', [...asItsRoot, `echo more >> ${at}/root/file; echo new > ${at}/root/new`]);
console.log(
  JSON.stringify({
    image: statSync(`${at}/image/file`).uid,
    shown: statSync(`${at}/root/file`).uid,
    copiedUp: statSync(`${at}/upper/file`).uid,
    new: statSync(`${at}/root/new`).uid,
    imageSize: statSync(`${at}/image/file`).size,
  }),
);
