import { IdMapping } from '../../kernel/id-mapping.ts';
import { UIDS_PER_SLIVER, uidBase } from '../../slivers/record.ts';

/**
 * User namespaces of slivers that are being started: the image is mounted with the mapping of one, and the container
 * then has that one. Ours and not crun's own, since the kernel counts what is in a user namespace (inotify instances,
 * namespaces) for whoever made it as well: made by root, all slivers together could have what the node's root may have,
 * and leave it nothing (docs/decisions/0018-hostile-guests.md).
 */
export class UserNamespaces {
  readonly #open = new Map<number, { ids: IdMapping; fd: Promise<number> }>();

  /** Descriptor of the one at hand, or of a new one; `close` it once the container is in it. */
  of(id: number): Promise<number> {
    let open = this.#open.get(id);
    if (!open) {
      const ids = new IdMapping(uidBase(id), UIDS_PER_SLIVER);
      open = { ids, fd: ids.descriptor() };
      open.fd.catch(() => this.close(id));
      this.#open.set(id, open);
    }
    return open.fd;
  }

  close(id: number): void {
    this.#open.get(id)?.ids.close();
    this.#open.delete(id);
  }
}
