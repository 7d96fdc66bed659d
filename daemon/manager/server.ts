import { chmodSync, renameSync, rmSync } from 'node:fs';
import swagger from '@fastify/swagger';
import websocket from '@fastify/websocket';
import fastify from 'fastify';
import { SliverdError } from '../errors.ts';
import { administratorsSocket, guardRequests } from './callers/connections.ts';
import { addGate } from './callers/gate.ts';
import type { Manager, Server } from './context.ts';
import { withProblems } from './description.ts';
import { problemHandler, refuseUnreadable } from './problems.ts';
import { eventRoutes } from './routes/events.ts';
import { execRoutes } from './routes/exec.ts';
import { flowRoutes } from './routes/flows.ts';
import { imageRoutes } from './routes/images.ts';
import { keyRoutes } from './routes/keys.ts';
import { leaseRoutes } from './routes/leases.ts';
import { loanRoutes } from './routes/loans.ts';
import { nodeRoutes } from './routes/node.ts';
import { portRoutes } from './routes/ports.ts';
import { sensorRoutes } from './routes/sensors.ts';
import { sessionRoutes } from './routes/sessions.ts';
import { sliverRoutes } from './routes/slivers.ts';
import { ticketRoutes } from './routes/tickets.ts';
import { invalidRequest, onlyKnownTimes } from './validation.ts';

/** Where there are WebSockets. What is no sliver's name is answered as HTTP: of a URL that isn't one, nobody would hang up. */
const STREAMS = /^\/v1\/slivers\/[a-z0-9_]{1,256}\/exec\/stream(\?|$)/;
const BODY_LIMIT = 1024 * 1024;

/**
 * The manager's API as a Fastify server: validate, let the route ask a subsystem, serialise. Nothing is coerced and
 * nothing unknown is dropped in silence: a request that isn't exactly right is refused and told why.
 */
export async function managerServer(manager: Manager, version: string): Promise<Server> {
  const onError = problemHandler(manager.log);
  const server = fastify({
    bodyLimit: BODY_LIMIT,
    // Half a request holds a descriptor for so long and no longer. Long work is on the answer's side.
    requestTimeout: 30_000,
    keepAliveTimeout: 60_000,
    http: {
      // How often such are looked for.
      connectionsCheckingInterval: 5000,
      // Elsewhere it is a request like others: one that has left HTTP would be bounded by nothing, nor closed when it is answered.
      shouldUpgradeCallback: ({ method, url = '', headers }) =>
        method === 'GET' && STREAMS.test(url) && /^websocket$/i.test(headers.upgrade ?? ''),
    },
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 256 },
    schemaErrorFormatter: invalidRequest,
    // What fails ahead of the routes would be answered in Fastify's own shapes.
    frameworkErrors: onError,
    clientErrorHandler: refuseUnreadable,
    ajv: {
      customOptions: { removeAdditional: false, coerceTypes: false, useDefaults: true, allErrors: false },
      onCreate: onlyKnownTimes,
    },
  }) as unknown as Server;
  server.server.maxConnections = 4096;
  // Of expectations we know 100-continue, which is node's; others may be passed over (RFC 9110, 10.1.1).
  server.server.on('checkExpectation', (...request) => server.server.emit('request', ...request));
  administratorsSocket(server.server);
  guardRequests(server.server);
  // Clients send a content type with an empty body (DELETE, actions); that is no error.
  server.removeContentTypeParser('application/json');
  server.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    if (body === '') return done(null, undefined);
    try {
      done(null, JSON.parse(String(body)));
    } catch (cause) {
      done(new SliverdError('bad-request', 'the body is not JSON', { cause }));
    }
  });
  server.setErrorHandler(onError);
  server.setNotFoundHandler((request) => {
    throw new SliverdError(
      'not-found',
      `there is no ${request.method} ${request.url.slice(0, 200)} here: see /v1/openapi.json`,
    );
  });
  // Ahead of the gate: what that refuses must be hung up on by this.
  await server.register(websocket, { options: { maxPayload: BODY_LIMIT, perMessageDeflate: false } });
  server.websocketServer.on('wsClientError', refuseUnreadable);
  addGate(server, manager);
  await server.register(swagger, {
    transformObject: (made) => withProblems((made as { openapiObject: object }).openapiObject),
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'sliverd node manager',
        description: 'Local HTTP over a Unix socket; problem details (RFC 9457) for every error.',
        version,
      },
    },
  });
  await server.register(async (scope) => {
    const routes = scope as unknown as Server;
    nodeRoutes(routes, manager);
    imageRoutes(routes, manager);
    sliverRoutes(routes, manager);
    keyRoutes(routes, manager);
    sessionRoutes(routes, manager);
    portRoutes(routes, manager);
    flowRoutes(routes, manager);
    sensorRoutes(routes, manager);
    execRoutes(routes, manager);
    eventRoutes(routes, manager);
    ticketRoutes(routes, manager);
    leaseRoutes(routes, manager);
    loanRoutes(routes, manager);
  });
  return server;
}

/**
 * Who may wait to be accepted: as many as the kernel lets (net.core.somaxconn). Node's own 511 are refused from there on with
 * EAGAIN, on which no client knows to try again.
 */
const BACKLOG = 65_535;

/** Serves on a Unix socket that root alone may open. A socket that a dead daemon left is replaced. */
export async function listen(server: Server, path: string): Promise<void> {
  // By its name only once it answers: whoever sees the socket may connect. The daemon's umask (main.ts) leaves the
  // right to write, which that takes, to root alone from the first moment.
  const fresh = `${path}.new`;
  server.addHook('onClose', async () => rmSync(path, { force: true }));
  rmSync(fresh, { force: true });
  await server.listen({ path: fresh, backlog: BACKLOG });
  chmodSync(fresh, 0o600);
  renameSync(fresh, path);
}
