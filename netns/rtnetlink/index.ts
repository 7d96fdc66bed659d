import { Addresses, type LinkAddress } from './addresses.ts';
import { type Link, Links } from './links.ts';
import { Neighbours, type ProxyAnswer } from './neighbours.ts';
import { Requests } from './requests.ts';
import { type ListedRoute, Routes } from './routes.ts';
import { RoutingRules, type Rule } from './rules.ts';

export type { LinkAddress } from './addresses.ts';
export type { Link } from './links.ts';

/** All of a namespace at a time, so that who looks after parts of it needn't list it for himself. */
export interface Snapshot {
  readonly links: readonly Link[];
  readonly addresses: readonly LinkAddress[];
  readonly routes: readonly ListedRoute[];
  readonly rules: readonly Rule[];
  readonly proxies: readonly ProxyAnswer[];
}

/** Links, addresses, routes, rules and neighbours of one network namespace, by rtnetlink: no process for each. */
export class Rtnetlink {
  readonly #requests: Requests;
  readonly links: Links;
  readonly addresses: Addresses;
  readonly routes: Routes;
  readonly rules: RoutingRules;
  readonly neighbours: Neighbours;

  /** @param namespace such as /proc/PID/ns/net; default: where this process is. */
  constructor(namespace = '/proc/self/ns/net') {
    const requests = new Requests(namespace);
    this.#requests = requests;
    this.links = new Links(requests);
    this.addresses = new Addresses(requests);
    this.routes = new Routes(requests);
    this.rules = new RoutingRules(requests);
    this.neighbours = new Neighbours(requests);
  }

  /** Links come last: of a sliver that is being connected nothing is there without its link then. */
  async snapshot(): Promise<Snapshot> {
    const [proxies, rules, routes, addresses, links] = await Promise.all([
      this.neighbours.proxies(),
      this.rules.list(),
      this.routes.list(),
      this.addresses.list(),
      this.links.list(),
    ]);
    return { links, addresses, routes, rules, proxies };
  }

  close(): void {
    this.#requests.close();
  }
}
