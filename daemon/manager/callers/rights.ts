import type { Title } from './caller.ts';

/**
 * Whom a request is about, and so in relation to whom the caller needs a title:
 * `node`: nobody; the caller needs one of the titles, whatever for.
 * `list`: whoever the answer has; every caller may ask, and is answered with what it may see.
 * `sliver`: the one that the path names. `body`: the one that the body names as `sliver`. `new`: one that is yet to be made.
 * `port`: the one that has that reservation. `session`: the one that is logged in to. `lease`: the one that has it. `loan`: lender and borrower.
 * `ticket`: the one that issued it.
 * Who may not see that one is answered as if it weren't there.
 */
export type About =
  | 'node'
  | 'list'
  | 'sliver'
  | 'body'
  | 'new'
  | 'port'
  | 'session'
  | 'lease'
  | 'loan'
  | 'ticket';

export interface Right {
  readonly about: About;
  /** Whoever has one of these; nobody: the administrator alone. */
  readonly titles: readonly Title[];
}

const nobody: Right = { about: 'node', titles: [] };
const everybody: Right = { about: 'node', titles: ['self'] };
const list: Right = { about: 'list', titles: ['self'] };
const sliver = (...titles: Title[]): Right => ({ about: 'sliver', titles });
const seen = sliver('self', 'control', 'authority');

/**
 * Who may do what: all of it, and nothing that isn't here. A route that isn't in this table can't be registered. docs/rights.md
 * is made of it (scripts/openapi).
 */
export const RIGHTS: Readonly<Record<string, Right>> = {
  'GET /v1/self': everybody,
  'GET /v1/node': everybody,
  'GET /v1/node/doctor': nobody,
  'POST /v1/node/down': nobody,
  'GET /v1/openapi.json': everybody,

  'GET /v1/slivers': list,
  'POST /v1/slivers': { about: 'new', titles: ['authority'] },
  'GET /v1/slivers/:name': seen,
  'PATCH /v1/slivers/:name': sliver('authority'),
  'DELETE /v1/slivers/:name': sliver('authority'),
  'POST /v1/slivers/:name/start': sliver('control', 'authority'),
  'POST /v1/slivers/:name/stop': sliver('control', 'authority'),
  'POST /v1/slivers/:name/restart': sliver('control', 'authority'),
  'POST /v1/slivers/:name/freeze': sliver('control', 'authority'),
  'POST /v1/slivers/:name/thaw': sliver('control', 'authority'),
  'POST /v1/slivers/:name/reset': sliver('control', 'authority'),
  'GET /v1/slivers/:name/rspec': seen,
  'GET /v1/slivers/:name/effective-rspec': seen,
  'GET /v1/slivers/:name/usage': seen,
  'GET /v1/slivers/:name/log': seen,
  'POST /v1/slivers/:name/exec': sliver('authority'),
  'GET /v1/slivers/:name/exec/stream': sliver('authority'),

  // Whose keys let in is the authority's; a slice may look.
  'GET /v1/slivers/:name/keys': seen,
  'PUT /v1/slivers/:name/keys': sliver('authority'),
  'POST /v1/slivers/:name/keys': sliver('authority'),
  'DELETE /v1/slivers/:name/keys/:fingerprint': sliver('authority'),
  'GET /v1/slivers/:name/revocations': seen,
  'PUT /v1/slivers/:name/revocations': sliver('authority'),
  'POST /v1/slivers/:name/revocations': sliver('authority'),

  'GET /v1/sessions': list,
  'GET /v1/slivers/:name/sessions': seen,
  'DELETE /v1/sessions/:id': { about: 'session', titles: ['self', 'control', 'authority'] },

  'GET /v1/ports': list,
  'POST /v1/ports': { about: 'body', titles: ['self', 'authority'] },
  'DELETE /v1/ports/:protocol/:port': { about: 'port', titles: ['self', 'authority'] },
  'POST /v1/ports/:protocol/:port/revoke': nobody,

  // Everybody may ask whether a ticket is good; the node's promises are its owner's, and of those that have a share for that.
  'GET /v1/tickets': { about: 'list', titles: ['broker'] },
  'POST /v1/tickets': { about: 'node', titles: ['broker'] },
  'DELETE /v1/tickets/:id': { about: 'ticket', titles: ['self'] },
  'POST /v1/tickets/verify': everybody,

  'GET /v1/holdings': list,
  'GET /v1/leases': list,
  'POST /v1/leases': { about: 'body', titles: ['self', 'authority'] },
  'GET /v1/leases/:id': { about: 'lease', titles: ['self', 'control', 'authority'] },
  'PATCH /v1/leases/:id': { about: 'lease', titles: ['self', 'authority'] },
  'DELETE /v1/leases/:id': { about: 'lease', titles: ['self', 'authority'] },

  // Either side may end a loan.
  'GET /v1/loans': list,
  'POST /v1/loans': { about: 'body', titles: ['self', 'authority'] },
  'GET /v1/loans/:id': { about: 'loan', titles: ['self', 'control', 'authority'] },
  'DELETE /v1/loans/:id': { about: 'loan', titles: ['self', 'authority'] },
  // Whom the owner lets: all slices, unless he says otherwise (node.yaml). The metrics are of all, for his own monitoring.
  'GET /v1/sensors': list,
  'GET /v1/sensors/:sensor': everybody,
  'GET /metrics': nobody,
  // Whoever reads sees its author.
  'PUT /v1/slivers/:name/sensors/:sensor': sliver('self', 'authority'),
  'DELETE /v1/slivers/:name/sensors/:sensor': sliver('self', 'authority'),

  'GET /v1/flows': list,
  'GET /v1/events': list,

  // Who makes slivers must know of what. An image may be made of any file of the machine, so making them is the administrator's.
  'GET /v1/images': { about: 'node', titles: ['authority'] },
  'GET /v1/images/:name': { about: 'node', titles: ['authority'] },
  'POST /v1/images': nobody,
  'DELETE /v1/images/:name': nobody,
};

/** Members of bodies that the administrator alone may send. */
export const ADMINISTRATORS_MEMBERS = ['roles', 'authority', 'profile', 'environment'] as const;
