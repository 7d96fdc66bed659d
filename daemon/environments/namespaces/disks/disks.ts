import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import type { NodePaths } from '../../../node/paths.ts';
import type { SliverRecord } from '../../../slivers/record.ts';

/**
 * Writable layers of slivers, bounded in bytes and inodes. One folder a generation: `<state>/slivers/<id>/<disk>/`.
 * It comes into being by a rename from `<disk>.new` and goes by one to `<disk>.gone`, so that a folder with a plain
 * number is always whole, and everything else is debris.
 */
export interface DiskKind {
  readonly kind: 'quota' | 'loop';
  /** Fills the folder of a new disk. */
  make(folder: string, sliver: SliverRecord): Promise<void>;
  /** Removes the folder of a disk that is closed. */
  remove(folder: string): Promise<void>;
  /** Makes the disk's contents reachable by a path for the time of a start, and returns it; idempotent. */
  open(folder: string, mountPoint: string, sliver: SliverRecord): Promise<string>;
  close(mountPoint: string): void;
  /** Does `work` in the contents of a disk that a sliver has in use; undefined when none has. */
  look<T>(folder: string, work: (contents: string) => T): T | undefined;
  /**
   * When something last got to a disk in its folder, for a kind that is costly to look into. What a sliver writes gets
   * there within a minute, by the kernel's writeback.
   */
  writtenAt?(folder: string): number;
  /** The block device, `major:minor`, that a disk in use is on; undefined where that is none. */
  device(folder: string): string | undefined;
  /** Brings the bounds of a disk in use to those of the record. */
  resize(folder: string, sliver: SliverRecord): void;
  usage(folder: string, sliver: SliverRecord): { bytes: number; inodes: number } | undefined;
}

export class Disks {
  readonly #paths: NodePaths;
  /** When and how each sliver's disk was last found in order. */
  readonly #inOrder = new Map<number, string>();
  readonly kind: DiskKind;

  constructor(paths: NodePaths, kind: DiskKind) {
    this.#paths = paths;
    this.kind = kind;
  }

  folder(sliver: Pick<SliverRecord, 'id' | 'disk'>): string {
    return `${this.#paths.sliverState(sliver.id)}/${sliver.disk}`;
  }

  mountPoint(id: number): string {
    return `${this.#paths.sliverRun(id)}/disk`;
  }

  /** Whole disks by generation, and whether there is anything else. */
  observe(id: number): { disks: number[]; debris: boolean } {
    const state = this.#paths.sliverState(id);
    const names = existsSync(state) ? readdirSync(state) : [];
    const disks = names.filter((name) => /^[0-9]+$/.test(name)).map(Number);
    return { disks, debris: names.some((name) => /^[0-9]+\.(new|gone)$/.test(name)) };
  }

  async make(sliver: SliverRecord): Promise<void> {
    const folder = this.folder(sliver);
    if (existsSync(folder)) return;
    rmSync(`${folder}.new`, { recursive: true, force: true });
    mkdirSync(`${folder}.new`, { recursive: true, mode: 0o711 });
    await this.kind.make(`${folder}.new`, sliver);
    renameSync(`${folder}.new`, folder);
  }

  /** Removes all generations but the wanted one, and debris; with nothing wanted, the sliver's folder too. */
  async discard(sliver: SliverRecord): Promise<void> {
    const state = this.#paths.sliverState(sliver.id);
    const wanted = sliver.desired === 'deleted' ? undefined : String(sliver.disk);
    for (const name of existsSync(state) ? readdirSync(state) : []) {
      if (!/^[0-9]+(\.(new|gone))?$/.test(name) || name === wanted) continue;
      const gone = name.endsWith('.gone') ? name : `${name}.gone`;
      if (gone !== name) renameSync(`${state}/${name}`, `${state}/${gone}`);
      await this.kind.remove(`${state}/${gone}`);
    }
    if (wanted === undefined) rmSync(state, { recursive: true, force: true });
  }

  open(sliver: SliverRecord): Promise<string> {
    mkdirSync(this.mountPoint(sliver.id), { recursive: true, mode: 0o711 });
    return this.kind.open(this.folder(sliver), this.mountPoint(sliver.id), sliver);
  }

  look<T>(sliver: SliverRecord, work: (contents: string) => T): T | undefined {
    return this.kind.look(this.folder(sliver), work);
  }

  /**
   * Brings a disk in use to the bounds of the record, and does `work` in its contents. Not again while nothing has been
   * written to it: what `work` saw was at least as new as what had got to the disk.
   * @param work returns whether it left the contents in order
   */
  check(sliver: SliverRecord, work: (contents: string) => boolean): void {
    const folder = this.folder(sliver);
    const writtenAt = this.kind.writtenAt?.(folder);
    const state = `${folder} ${writtenAt} ${sliver.rspec['disk.bytes']}`;
    if (this.#inOrder.get(sliver.id) === state) return;
    this.#inOrder.delete(sliver.id);
    this.kind.resize(folder, sliver);
    if (this.look(sliver, work) && writtenAt !== undefined) this.#inOrder.set(sliver.id, state);
  }

  device(sliver: SliverRecord): string | undefined {
    return this.kind.device(this.folder(sliver));
  }

  close(id: number): void {
    this.kind.close(this.mountPoint(id));
  }

  usage(sliver: SliverRecord): { bytes: number; inodes: number } | undefined {
    return this.kind.usage(this.folder(sliver), sliver);
  }
}
