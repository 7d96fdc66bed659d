import { kernelName } from '../../slivers/record.ts';

/** Where the node's folder appears inside: on the tmpfs of /run, so that nothing of it is left in the sliver's own files. */
export const INSIDE = '/run/sliverd';

/** That folder, read-only inside: the init is mounted in it, and the manager's socket made. */
export function insideFolder({ runDirectory }: { runDirectory: string }, id: number): string {
  return `${runDirectory}/slivers/${id}/inside`;
}

/** How a node's containers are told from all others on the engine: by labels, which never change on a container. */
export const LABEL = {
  node: 'sliverd.node',
  id: 'sliverd.id',
  disk: 'sliverd.disk',
  configuration: 'sliverd.configuration',
} as const;

/** Of an image: which node brought it. Not LABEL.node, for containers inherit their image's labels. */
export const IMAGE_LABEL = 'sliverd.image-of';

/** A container that isn't whole yet; it gets its real name as its last step. */
export const UNFINISHED = '.new';

/** One that takes over from another (adopt.ts): whole as soon as it is the only one of its disk. */
export const NEXT = '.next';

export function containerName(node: string, id: number, disk: number): string {
  return `sliverd-${node}-${kernelName(id)}-d${disk}`;
}

/** A layer's files as an image, when a container took over from another. */
export function diskReference(node: string, id: number, disk: number): string {
  return `sliverd/disk:${node}-${kernelName(id)}-d${disk}`;
}
