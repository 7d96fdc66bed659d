import type { Logger } from 'pino';
import type { PortLedger } from './ledger.ts';
import { listeningPorts } from './listening.ts';

/** Looks for the node's own ports, and for claims that nobody stands behind, take a millisecond or two: less often. */
const OWN_PORTS_EVERY = 10;
const RECONCILE_EVERY = 60;

/** Keeps the ledger true, a little at a time: its programs attached, the node's own ports in it, no ghost owners. */
export class PortGuard {
  readonly #ledger: PortLedger;
  readonly #log: Logger;
  #looks = 0;

  constructor(ledger: PortLedger, log: Logger) {
    this.#ledger = ledger;
    this.#log = log;
  }

  /** @param running gives network namespaces by sliver; undefined while some are not known yet */
  look(address: string, running: () => ReadonlyMap<number, string> | undefined): void {
    const looks = this.#looks++;
    try {
      const mended = this.#ledger.repair();
      if (mended.length)
        this.#log.warn({ mended }, 'somebody took away what the port ledger needs: it is back');
      if (looks % OWN_PORTS_EVERY === 0) this.#ownPorts(address);
      const namespaces = looks % RECONCILE_EVERY === 0 ? running() : undefined;
      if (namespaces) {
        const ghosts = this.#ledger.reconcile(namespaces);
        if (ghosts.length) this.#log.warn({ ghosts }, 'claims that nobody stood behind are free again');
      }
    } catch (err) {
      this.#log.error({ err }, 'looking after the port ledger');
    }
  }

  /** What the node's own sockets sit on, less what a sliver had before: first come, first served holds for the node, too. */
  #ownPorts(address: string): void {
    const taken = new Set(
      this.#ledger
        .list()
        .flatMap(({ sliver, protocol, port }) => (sliver === 0 ? [] : [`${port}/${protocol}`])),
    );
    const own = listeningPorts(address).filter(({ protocol, port }) => !taken.has(`${port}/${protocol}`));
    this.#ledger.nodePorts(own);
  }
}
