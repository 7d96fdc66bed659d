import { mkdirSync, readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { openNetwork } from '../netns/index.ts';
import { promisable } from '../netns/rates/plan.ts';
import { Door } from './access/door/door.ts';
import { SliceLoginFiles } from './access/keys/files.ts';
import { Sessions } from './access/sessions/sessions.ts';
import { CgroupTree } from './cgroups/tree.ts';
import type { Environment } from './environments/environment.ts';
import { namespacesEnvironment } from './environments/namespaces/index.ts';
import { loadProfiles } from './environments/profiles.ts';
import { explain, SliverdError } from './errors.ts';
import { EventLog } from './events/log.ts';
import { ImageStore } from './images/store.ts';
import { openFilesMax } from './kernel/open-files.ts';
import { exitNow } from './kernel/syscalls.ts';
import { createLog } from './log.ts';
import { Denials } from './manager/callers/denials.ts';
import { SliverSockets } from './manager/callers/sockets.ts';
import type { Manager } from './manager/context.ts';
import { listen, managerServer } from './manager/server.ts';
import { loadConfig } from './node/config.ts';
import { Findings } from './node/findings.ts';
import { Identity } from './node/identity.ts';
import { Node } from './node/node.ts';
import { NodePaths } from './node/paths.ts';
import { tellReady } from './node/ready.ts';
import { OPTIONS } from './options.ts';
import { availableBytes, diskFree, measureCapacity } from './resources/admission.ts';
import { cores } from './resources/leases/exclusive.ts';
import { Leases } from './resources/leases/leases.ts';
import { Loans } from './resources/loans/loans.ts';
import { IssuedTickets } from './resources/tickets/issued.ts';
import { ClockSteps, clock } from './sensors/own/clock.ts';
import { storedImages } from './sensors/own/images.ts';
import { currentLeases } from './sensors/own/leases.ts';
import { wholeNode } from './sensors/own/node.ts';
import { ownedPorts } from './sensors/own/ports.ts';
import { allSlivers } from './sensors/own/slivers.ts';
import { PublishedSensors } from './sensors/published/published.ts';
import { Sampler } from './sensors/rates/sampler.ts';
import { Sensors } from './sensors/sensors.ts';
import { Admission } from './slivers/admission.ts';
import { watchClock } from './slivers/clock.ts';
import { Days } from './slivers/days/days.ts';
import { EffectiveSlivers } from './slivers/effective.ts';
import { Expiry } from './slivers/expiry/expiry.ts';
import { faultFromEnvironment } from './slivers/fault.ts';
import { Flows } from './slivers/flows.ts';
import { Ports } from './slivers/ports.ts';
import { Reconciler } from './slivers/reconciler.ts';
import type { SliverRecord } from './slivers/record.ts';
import { Refusals } from './slivers/refusals.ts';
import { brokerShare } from './slivers/roles.ts';
import { SliverService } from './slivers/service.ts';
import { SliverStore } from './slivers/store.ts';
import { Database } from './store/database.ts';

/** Starts the daemon: reads what should be, looks at what is, wires the parts, and serves. */
async function main(): Promise<void> {
  process.umask(0o022);
  const { values } = parseArgs({ options: OPTIONS });
  const { version } = JSON.parse(readFileSync(`${import.meta.dirname}/../package.json`, 'utf8')) as {
    version: string;
  };
  if (values.version) return void console.log(`sliverd ${version}`);

  const config = loadConfig(values.config ?? '/etc/sliverd/node.yaml', values.config === undefined);
  const log = createLog(config.logLevel);
  const paths = new NodePaths(config.stateDirectory, config.runDirectory);
  for (const folder of [paths.state, paths.run, paths.sliverRuns, paths.slivers, paths.images])
    mkdirSync(folder, { recursive: true, mode: 0o711 });

  const database = new Database(paths.database);
  const findings = new Findings(config, version);
  await findings.load();
  for (const finding of findings.current.filter(({ ok }) => !ok))
    log.warn({ what: finding.what, why: finding.detail, cost: finding.cost }, 'the node lacks something');
  const required = findings.current.filter(({ ok, severity }) => !ok && severity === 'required');
  if (required.length && !config.allowDegraded)
    throw new SliverdError(
      'unsupported',
      `this node lacks what it needs (${required.map(({ id }) => id).join(', ')}): see 'sliverctl doctor', or set allowDegraded: true`,
    );

  const cgroups = new CgroupTree(config.cgroup);
  const capacity = measureCapacity(paths.slivers, config.reserve);
  cgroups.bound({
    cores: capacity.cpus - config.reserve.cores,
    memoryBytes: capacity.memoryBytes,
    processes: Number(readFileSync('/proc/sys/kernel/pid_max', 'utf8')) - config.reserve.processes,
  });
  const profiles = loadProfiles(`${import.meta.dirname}/../kernel-profiles`);
  const events = new EventLog(database);
  const images = new ImageStore({
    directory: paths.images,
    database,
    log,
    ...(config.docker ? { dockerSocket: config.docker.socket } : {}),
    ...(config.buildNetwork ? { buildNetwork: config.buildNetwork } : {}),
  });
  const store = new SliverStore(database);
  const network = await openNetwork({
    ...(config.uplink ? { uplink: config.uplink } : {}),
    ...(config.network.ipv6 ? { ipv6: config.network.ipv6 } : {}),
    runDirectory: paths.run,
    bpf: `${paths.run}/bpf`,
    cgroup: cgroups.path,
    caps: config.network,
    refuse: config.network.refuse,
    ...(config.access ? { door: config.access.port } : {}),
    flows: {
      folder: paths.flows,
      budget: config.flows,
      cgroup: cgroups.of('flows'),
      version,
    },
    log,
  });
  const allCores = cores();
  const leases = new Leases({
    database,
    events,
    cores: allCores,
    node: config.name,
    share: (issuer, slice) => brokerShare(store.find(issuer)?.roles ?? [], slice),
    admit: (lease, others) => admission.lease(lease, others),
  });
  const loans = new Loans({ database, events });
  const whole = { 'cpu.max': capacity.cpus - config.reserve.cores, 'memory.max': capacity.memoryBytes };
  const admission = new Admission({
    most: {
      'disk.bytes': capacity.diskBytes,
      'net.up.min': promisable(config.network.up),
      'net.down.min': promisable(config.network.down),
      'cpu.max': whole['cpu.max'] * config.overCommit.cpu,
      'memory.max': whole['memory.max'] * config.overCommit.memory,
    },
    ...{ whole, store, leases, loans },
  });
  const effective = new EffectiveSlivers({ store, leases, loans, cores: allCores });
  const days = new Days({ store: effective, database, events, counters: network.counters, log });
  const flows = new Flows({ records: network.flows, store, database, events });
  const refusals = new Refusals({ network, store, database, events });
  const ports = new Ports({ ledger: network.ports, store, database, events });
  const denials = new Denials(events);
  const insideSocket = new SliverSockets({
    store,
    openFiles: openFilesMax(),
    denied: (slice, rule) => denials.count(slice, rule),
    log,
  });
  const environments = new Map<string, Environment>();
  environments.set(
    'namespaces',
    namespacesEnvironment({
      paths,
      cgroups,
      profiles,
      imageRoot: (digest) => images.root(digest),
      network,
      networkLimits: (sliver) => days.limits(sliver),
      networkDay: (sliver) => days.usage(sliver),
      insideSocket,
      stopGraceSeconds: config.stopGraceSeconds,
      log,
    }),
  );
  if (config.docker) {
    const { dockerEnvironment } = await import('./environments/docker/index.ts');
    environments.set(
      'docker',
      await dockerEnvironment({
        socket: config.docker.socket,
        node: config.name,
        imageRoot: (digest: string) => images.root(digest),
        runDirectory: paths.run,
        profiles,
        cgroupParent: config.cgroup,
        network,
        networkLimits: (sliver) => days.limits(sliver),
        networkDay: (sliver) => days.usage(sliver),
        insideSocket,
        stopGraceSeconds: config.stopGraceSeconds,
        log,
      }),
    );
  }

  const known = new Set(store.list().map(({ id }) => id));
  for (const environment of environments.values()) {
    const removed = await environment.sweep(known).catch((err) => {
      log.error({ err, environment: environment.name }, 'could not look for leftovers');
      return [];
    });
    for (const what of removed) log.warn({ environment: environment.name, what }, 'removed a leftover');
  }
  for (const what of await images.sweep(store.list().map(({ imageDigest }) => imageDigest)))
    log.warn({ what }, 'removed a leftover');

  const loginFiles = new SliceLoginFiles(paths.access);
  for (const what of loginFiles.reconcile(store.list())) log.warn({ what }, 'put right who may log in');
  if (config.access) await ports.keep('tcp', config.access.port);
  const door = config.access
    ? await Door.open(
        {
          folder: paths.access,
          runDirectory: paths.run,
          cgroups,
          cgroup: config.cgroup,
          ...config.access,
          ...(process.env.SLIVERD_SSHD_UNIT ? { unit: process.env.SLIVERD_SSHD_UNIT } : {}),
          loginFiles,
          log,
        },
        () => store.list(),
      )
    : undefined;
  const sessions = config.access
    ? new Sessions({
        folder: paths.sessions,
        loginFiles,
        knocks: network.knocks,
        sliverRun: (id) => paths.sliverRun(id),
        store,
        database,
        events,
        log,
      })
    : undefined;

  const fault = faultFromEnvironment();
  const reconciler = new Reconciler({
    store,
    environments,
    effective: (record) => effective.of(record),
    events,
    log,
    ...(fault ? { onStep: fault } : {}),
  });
  const slivers = new SliverService({
    store,
    reconciler,
    environments,
    events,
    profiles: new Set(profiles.keys()),
    defaults: config,
    loginFiles,
    imageDigest: (name) => images.get(name).digest,
    admit: (rspec, before) => admission.sliver(rspec, before),
  });
  const expiry = new Expiry({
    ...{ store, database, events, log },
    graceDays: config.expiry.graceDays,
    delete({ id, name }, why) {
      slivers.delete(name, why);
      reconciler.reconcile(id).catch(() => {}); // told by the sliver's cause
    },
  });
  const identity = await Identity.open(paths.identity);
  const issued = new IssuedTickets(database);
  const node = new Node({
    identity,
    config,
    version,
    capacity,
    ...(door ? { door } : {}),
    held: () => network.knocks?.held() ?? [],
    diskFree: () => diskFree(capacity, availableBytes(paths.slivers), config.reserve),
    findings,
    environments,
    store,
    reconciler,
    async undo() {
      await door?.down();
      days.close();
      refusals.close();
      await network.down();
      cgroups.remove();
    },
    end: () => void end('down'),
  });
  const cgroup = (record: SliverRecord) => {
    const { pid } = reconciler.status(record.id);
    return pid === null ? undefined : environments.get(record.environment)?.cgroup(record, pid);
  };
  const state = ({ id }: SliverRecord) => reconciler.status(id);
  const sampler = new Sampler({ store, cgroup, state, counters: network.counters });
  const steps = new ClockSteps();
  const sensors = new Sensors(
    [
      wholeNode(node, network),
      allSlivers({
        ...{ store, cgroup, state, sampler, network, ports, refusals, days },
        memoryBytes: totalmem(),
      }),
      currentLeases(() => leases.schedule.list()),
      ownedPorts(ports),
      storedImages(images, store),
      clock(steps),
    ],
    new PublishedSensors({
      ...{ store, database, events },
      environmentOf: (record) => slivers.environmentOf(record),
    }),
  );
  const manager: Manager = {
    ...{ node, identity, store, slivers, reconciler, images, network },
    ...{ issued, leases, loans, admission, effective, overPromise: config.overPromise },
    ...{ ports, refusals, days, expiry, sessions, flows, events, denials, log },
    ...{ sensors, readers: config.sensors },
    disconnect: (sliver) => insideSocket.disconnect(sliver),
  };
  const server = await managerServer(manager, version);
  insideSocket.answerBy(server.server);

  let ending = false;
  const end = async (why: string) => {
    if (ending) return;
    ending = true;
    log.info({ why }, 'ending; slivers run on');
    insideSocket.end();
    await server.close();
    expiry.close();
    await reconciler.close();
    await findings.idle();
    for (const environment of environments.values()) await environment.close();
    door?.close();
    sessions?.close();
    sampler.close();
    days.close();
    refusals.close();
    for (const { schedule } of [leases, loans]) schedule.close();
    database.close();
    exitNow(0);
  };
  process.on('SIGTERM', () => void end('SIGTERM'));
  process.on('SIGINT', () => void end('SIGINT'));

  await reconciler.adopt();
  for (const { schedule } of [leases, loans]) {
    schedule.keep((id) => store.byId(id) !== undefined);
    schedule.watch(async (ended, begun, everybody) => {
      const others = everybody ? store.list().map(({ id }) => id) : [];
      // One after the other: who has less gives way before who has more takes it.
      for (const id of new Set([...ended, ...others.filter((id) => !begun.includes(id)), ...begun]))
        await reconciler.reconcile(id).catch(() => {});
    });
  }
  void sampler.look();
  days.watch((id) => void reconciler.reconcile(id).catch(() => {}));
  expiry.watch();
  await listen(server, paths.adminSocket);
  await tellReady();
  events.record('node.started', config.name, { version });
  if (ports.had === 'reservation')
    events.record('node.ports', config.name, { had: ports.had, why: ports.why ?? '' });
  watchClock((gained) => {
    const seconds = Math.round(gained / 1000);
    log.warn({ seconds }, 'the clock was set');
    steps.set(gained);
    events.record('node.clock', config.name, { seconds });
    for (const { schedule } of [leases, loans]) schedule.look();
    reconciler.clockWasSet();
  });
  findings.refresh(log);
  log.info({ socket: paths.adminSocket, slivers: known.size, version }, 'serving');
}

main().catch((error) => {
  console.error(`sliverd: ${explain(error)}`);
  exitNow(1);
});
