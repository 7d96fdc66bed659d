import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { parseArgs } from 'node:util';
import { Account } from './broker/account.ts';
import { json, type Offer, Offers } from './broker/offers.ts';
import { delegated, type Gift, isWithin } from './broker/tickets.ts';
import { claimed, hashOf, keyOf, opened, type PublicKey, publicKeyOf } from './shared/jws.ts';
import { keep } from './shared/kept.ts';
import { ask, textOf } from './shared/manager.ts';

/**
 * A resource broker: has tickets of several nodes, splits them for its customers, and hands the parts on. No node is asked for that; what
 * it gave is on its own account, so that it promises nothing twice. Its slice needs no role; where it has
 *   {"role": "broker", "slices": ["*"], "share": {"memory.max": 4294967296}}
 * on a node, its sliver there may have a ticket of that node by itself (README.md). It runs as
 *   node broker.ts --state /var/lib/broker --port 8080
 * and has in that folder
 *   key.pem         its own key, made at the first start: GET /key tells node owners to whom tickets are to be issued
 *   nodes.json      {"n2.example": {"kty": "OKP", "crv": "Ed25519", "x": "…"}}: `key.public` of GET /v1/node of others than its own
 *   tickets/        a ticket a file, under a new name each (by scp, and mv)
 *   customers.json  {"mit": {"key": {"kty": …}, "share": 0.5}}: who may ask, and for which part of each ticket at most
 *
 * POST /tickets takes {"to": JWK, "node": NAME, "rspec": {…}, "until": TIME} (`from`, `slice`, and `id` to have the same twice), signed as a
 * JWS of the type `sliverd-ask` by that key, and answers with the ticket. So it needs no TLS: who listens has nothing of it, and who
 * sends it again is told the same again. GET /offers says what there is.
 */
const { values: options } = parseArgs({
  options: {
    state: { type: 'string', default: '/var/lib/broker' },
    port: { type: 'string', default: '8080' },
    /** How often the same is promised: 1.5 of a ticket of 2 cores is 3. Who comes late is refused by the node, which can show it. */
    factor: { type: 'string', default: '1' },
  },
});
const ASK = 'sliverd-ask';
const MOST_BYTES = 16 * 1024;
const file = (name: string) => `${options.state}/${name}`;

interface Customer {
  readonly key: PublicKey;
  readonly share?: number;
}
interface Ask {
  readonly to: PublicKey;
  readonly node: string;
  readonly rspec: Record<string, number>;
  readonly from?: string;
  readonly until: string;
  readonly slice?: string;
}

class Refusal extends Error {
  readonly status: number;

  constructor(status: number, why: string) {
    super(why);
    this.status = status;
  }
}

function ownKey(): KeyObject {
  try {
    return createPrivateKey(readFileSync(file('key.pem')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error; // another would make all tickets worthless
  }
  const { privateKey } = generateKeyPairSync('ed25519');
  keep(file('key.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }) as string);
  return privateKey;
}

/** A part of a ticket for who asks. Nothing comes between its look at the account and its entry there. */
function give(jws: string): string {
  const { to } = claimedAsk(jws);
  const customer = Object.values(json<Customer>(file('customers.json'))).find((one) => one.key.x === to?.x);
  if (!customer) throw new Refusal(403, 'this key is no customer’s: have the broker add it');
  const asked = opened(jws, ASK, keyOf(to)) as Ask;
  const gift = giftOf(asked);
  const id = hashOf(jws);
  const known = account.find(id);
  if (known) return known;
  const having = offers.now().filter(({ node }) => node === asked.node);
  if (having.length === 0) throw new Refusal(404, `there is nothing of ${asked.node} here: GET /offers`);
  const share = customer.share ?? 1;
  for (const offer of having) {
    // What is for one site alone stays so, whether it was said or not.
    const slice = gift.slice ?? offer.claims.slice;
    const part = { ...gift, ...(slice === undefined ? {} : { slice }) };
    if (!isWithin(part, offer.claims) || !hasRoom(offer, part, to.x, share)) continue;
    const ticket = delegated(offer, key, part, publicKeyOf(keyOf(to)));
    account.add({ ask: id, of: offer.claims.jti, to: to.x, gift: part, ticket });
    return ticket;
  }
  throw new Refusal(409, `no ticket of ${asked.node} has that much left then: ask for less, or another time`);
}

function hasRoom({ claims }: Offer, gift: Gift, to: string, share: number): boolean {
  const most = Number(options.factor);
  return Object.entries(gift.rspec).every(([name, wanted]) => {
    const has = (claims.rspec[name] ?? 0) * most;
    const isLeft = (given: number, of: number) => given + wanted <= of + 1e-6; // cores are parts of one
    return (
      isLeft(account.most(claims.jti, name, gift), has) &&
      isLeft(account.most(claims.jti, name, gift, to), has * share)
    );
  });
}

function claimedAsk(jws: string): Ask {
  const asked = claimed(jws, ASK) as Ask;
  keyOf(asked?.to);
  return asked;
}

function giftOf({ rspec, from, until, slice }: Ask): Gift {
  const seconds = (text: string) => Math.floor(Date.parse(text) / 1000);
  const now = Math.floor(Date.now() / 1000);
  const [nbf, exp] = [from === undefined ? now : seconds(from), seconds(until)];
  if (!(exp > nbf && exp > now))
    throw new Error('from and until are times (RFC 3339), and until is the later and to come');
  const amounts = Object.entries(rspec ?? {});
  if (amounts.length === 0 || !amounts.every(([, amount]) => Number.isFinite(amount) && amount > 0))
    throw new Error('rspec is amounts, as in {"memory.max": 1073741824}');
  if (slice !== undefined && !/^[a-z][a-z0-9]{0,15}_([a-z0-9]{1,15}|\*)$/.test(slice))
    throw new Error('slice is one, or all of a site, as in ucb_*');
  return { rspec, nbf, exp, ...(slice === undefined ? {} : { slice }) };
}

async function answer(request: IncomingMessage): Promise<object> {
  const time = (seconds: number) => new Date(seconds * 1000).toISOString();
  switch (`${request.method} ${request.url}`) {
    case 'GET /key':
      return publicKeyOf(key);
    case 'GET /offers':
      return offers.now().map(({ node, claims: { rspec, nbf, exp, slice = null } }) => ({
        ...{ node, rspec, from: time(nbf), until: time(exp), slice },
      }));
    case 'POST /tickets':
      return { ticket: give((await textOf(request, MOST_BYTES)).trim()) };
    default:
      throw new Refusal(404, 'there are GET /key, GET /offers and POST /tickets');
  }
}

function refused(error: Error, { destroyed }: IncomingMessage): readonly [number, object] {
  // What has a code is the system's, as that the disk is full; all else is about what was asked.
  if (!('code' in error)) return [error instanceof Refusal ? error.status : 400, { detail: error.message }];
  if (!destroyed) console.log(error.message);
  return [500, { detail: 'the broker has a trouble of its own, and tells it in its log' }];
}

mkdirSync(file('tickets'), { recursive: true, mode: 0o700 });
const key = ownKey();
const account = new Account(file('given.sqlite'));
/** Its own node's key needs nobody's word: whose socket it is, is its node. */
const home = await ask<{ name: string; key: { public: PublicKey } }>('GET', '/v1/node').then(
  (node) => ({ [node.name]: node.key.public }),
  (error) => console.log(`its own node is not known: ${error.message}`) ?? {},
);
const offers = new Offers(options.state, key, home);
const times = { requestTimeout: 10_000, headersTimeout: 10_000, connectionsCheckingInterval: 2000 };
const server = createServer(times, async (request, response) => {
  const [status, body] = await answer(request).then(
    (done) => [200, done] as const,
    (error) => refused(error, request),
  );
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
  response.end(JSON.stringify(body));
});
server.maxConnections = 256;
server.listen(Number(options.port), () => console.log(`a broker, on port ${options.port}`));
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(0));
