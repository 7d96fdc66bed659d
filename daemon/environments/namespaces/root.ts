import { chownSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  attachMount,
  cloneTree,
  closeFd,
  detachMount,
  MountAttr,
  newMount,
  setMountAttributes,
} from '../../kernel/syscalls.ts';
import { withBallast } from './ballast.ts';

/** The writable layer on an open disk: overlayfs wants an upper and a work directory on one file system. */
export interface Layer {
  readonly upper: string;
  readonly work: string;
}

/**
 * Makes the writable layer with its first files, once in a disk's life. They are written before the guest ever runs,
 * into directories that only we have made, so no link of a guest's or an image's can lead a write astray.
 * @param files absolute paths inside, with their contents.
 */
export function makeLayer(disk: string, owner: number, files: Readonly<Record<string, string>>): Layer {
  const layer = { upper: `${disk}/upper`, work: `${disk}/work` };
  if (existsSync(layer.upper)) return layer;
  const fresh = `${layer.upper}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(layer.work, { recursive: true, mode: 0o700 });
  const made = (path: string) => {
    mkdirSync(path, { mode: 0o755 });
    chownSync(path, owner, owner);
  };
  made(fresh);
  for (const [path, content] of Object.entries(files)) {
    const parts = path.split('/').slice(1, -1);
    parts.forEach((_, index) => {
      const folder = `${fresh}/${parts.slice(0, index + 1).join('/')}`;
      if (!existsSync(folder)) made(folder);
    });
    writeFileSync(`${fresh}${path}`, content, { mode: 0o644 });
    chownSync(`${fresh}${path}`, owner, owner);
  }
  renameSync(fresh, layer.upper);
  return layer;
}

/** Mount points of a start: they are gone again when it is over, since the container holds mounts of its own. */
export interface RootPaths {
  readonly lower: string;
  readonly root: string;
}

/**
 * Mounts the sliver's root at `paths.root`: the shared image below, its ids mapped to the sliver's range without
 * copying, and the writable layer above (docs/decisions/0003-transient-mounts.md).
 * @param ids descriptor of a user namespace with the sliver's mapping.
 */
export function mountRoot(image: string, layer: Layer, ids: number, paths: RootPaths): void {
  for (const path of [paths.root, paths.lower]) {
    detachMount(path);
    mkdirSync(path, { recursive: true, mode: 0o700 });
  }
  const tree = cloneTree(image);
  try {
    setMountAttributes(tree, MountAttr.IDMAP | MountAttr.RDONLY | MountAttr.NODEV, ids);
    attachMount(tree, paths.lower);
  } finally {
    closeFd(tree);
  }
  try {
    const options = { lowerdir: paths.lower, upperdir: layer.upper, workdir: layer.work };
    const overlay = withBallast(dirname(layer.upper), () => newMount('overlay', options, MountAttr.NODEV));
    try {
      attachMount(overlay, paths.root);
    } finally {
      closeFd(overlay);
    }
  } finally {
    detachMount(paths.lower); // the overlay holds a private copy
  }
}

export function unmountRoot(paths: RootPaths): void {
  for (const path of [paths.root, paths.lower]) while (detachMount(path));
}
