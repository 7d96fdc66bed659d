import type { SliverRecord } from '../slivers/record.ts';

/** A socket that each sliver has of its own, made by whoever serves it. An environment says where, and from when until when. */
export interface InsideSocket {
  /**
   * Listens in a folder that the sliver sees and can't write to. Done already, it does nothing; what somebody removed comes back.
   * @param group whose members may connect, as the host counts: root's group inside
   */
  open(sliver: SliverRecord, folder: string, group: number): Promise<void>;
  /** Ends it, and every connection that came by it. */
  close(sliver: SliverRecord): void;
}

/** Its name in that folder. */
export const SOCKET_NAME = 'manager.sock';
