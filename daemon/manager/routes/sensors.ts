import { Type } from 'typebox';
import { OPENMETRICS, toOpenMetrics } from '../../sensors/openmetrics.ts';
import type { Filters } from '../../sensors/reading.ts';
import type { Sensor } from '../../sensors/sensor.ts';
import { Allowance } from '../callers/allowance.ts';
import { holdReader, reads } from '../callers/readers.ts';
import type { Manager, Server } from '../context.ts';
import { done, PublishSensor, SensorAbout, SensorList, SensorName } from '../schemas.ts';

const tags = ['sensors'];
/** Of publishing and withdrawing together: each is written to the disk. */
const CHANGES = new Allowance(32, 2000);
/** No body here is long: whoever may send one may be anybody. */
const BODY_LIMIT = 4096;

const text = Type.String({ maxLength: 256 });
const Query = Type.Object(
  {
    format: Type.Optional(Type.Enum(['csv', 'json'], { description: 'In place of Accept; CSV by default.' })),
  },
  {
    additionalProperties: Type.Union([text, Type.Array(text, { maxItems: 64 })]),
    maxProperties: 16,
    description: 'Other members are columns: rows that have this text there, or one of these.',
  },
);
const Published = Type.Object({ name: Type.String({ maxLength: 256 }), sensor: SensorName });

/** What metrics are made of, where the sensor is there. */
const METRICS = [
  { name: 'node', prefix: 'sliverd_node' },
  { name: 'clock', prefix: 'sliverd_clock' },
  { name: 'slivers', prefix: 'sliverd_sliver', label: 'slice' },
] as const;

export function sensorRoutes(server: Server, manager: Manager): void {
  const { sensors } = manager;
  const about = ({ name, author, description, maxAge, columns }: Sensor): SensorAbout => {
    const shown = columns.map(({ metric: _, ...column }) => column);
    return { name, author, description, maxAge, columns: shown };
  };

  server.get(
    '/v1/sensors',
    { schema: { summary: 'Sensors that the caller may read', tags, response: { 200: SensorList } } },
    async ({ caller }) => ({
      items: sensors
        .list()
        .filter((sensor) => reads(manager, caller, sensor))
        .map(about),
    }),
  );

  server.get(
    '/v1/sensors/:sensor',
    {
      schema: {
        summary: 'Tuples of a sensor, as text/csv or JSON',
        tags,
        params: Type.Object({ sensor: Type.String({ maxLength: 80 }) }),
        querystring: Query,
      },
    },
    async ({ params, query, headers, caller }, reply) => {
      const sensor = sensors.find(params.sensor);
      holdReader(manager, caller, sensor);
      const { format, ...filters } = query as { format?: 'csv' | 'json' } & Record<string, string | string[]>;
      const reading = await sensors.read(sensor);
      const form = format ?? formOf(headers.accept);
      const body = reading[form](filtersOf(filters));
      return reply
        .header('cache-control', `max-age=${sensor.maxAge}`)
        .header('age', String(reading.age))
        .header('last-modified', reading.time.toUTCString())
        .header('vary', 'accept')
        .header('x-sensor-author', sensor.author ?? 'node')
        .type(form === 'csv' ? 'text/csv; charset=utf-8; header=present' : 'application/json; charset=utf-8')
        .send(body);
    },
  );

  server.put(
    '/v1/slivers/:name/sensors/:sensor',
    {
      bodyLimit: BODY_LIMIT,
      schema: {
        summary:
          'Publishes a sensor, SLICE.NAME, by a Unix socket in the sliver that answers GET / with text/csv',
        tags,
        params: Published,
        body: PublishSensor,
        response: { 200: SensorAbout },
      },
    },
    async ({ params, body, caller }) => {
      CHANGES.take(caller.name);
      const { socket, maxAge = 30, description = '' } = body;
      return about(
        sensors.published.publish(params.name, { name: params.sensor, socket, maxAge, description }),
      );
    },
  );

  server.delete(
    '/v1/slivers/:name/sensors/:sensor',
    {
      schema: {
        summary: 'Withdraws a sensor that it publishes',
        tags,
        params: Published,
        response: { 204: done('It is gone.') },
      },
    },
    async ({ params, caller }, reply) => {
      CHANGES.take(caller.name);
      sensors.published.withdraw(params.name, params.sensor);
      return reply.code(204).send();
    },
  );

  server.get(
    '/metrics',
    { schema: { summary: 'OpenMetrics of the node, its clock and its slivers', tags } },
    async (_request, reply) => {
      const sources = METRICS.map(async ({ name, ...source }) => {
        const sensor = sensors.find(name);
        return { ...source, tuples: (await sensors.read(sensor)).tuples };
      });
      return reply.type(OPENMETRICS).send(toOpenMetrics(await Promise.all(sources)));
    },
  );
}

/** CSV, unless JSON alone is accepted, or named ahead of it. */
function formOf(accept = ''): 'csv' | 'json' {
  const [json, csv] = [accept.indexOf('application/json'), accept.indexOf('text/csv')];
  return json >= 0 && (csv < 0 || json < csv) ? 'json' : 'csv';
}

function filtersOf(query: Readonly<Record<string, string | string[]>>): Filters {
  return Object.fromEntries(Object.entries(query).map(([column, texts]) => [column, [texts].flat()]));
}
