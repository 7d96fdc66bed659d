import description from '../../../docs/openapi.json' with { type: 'json' };

/** As far as the manager's description uses JSON Schema. */
export interface Schema {
  readonly type?: string;
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
}

type Content = Readonly<Record<string, { readonly schema: Schema }>>;
interface Operation {
  readonly parameters?: readonly { name: string; in: string; schema: Schema }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
}

export interface Route extends Operation {
  readonly method: string;
  /** As in `/v1/slivers/{name}`. */
  readonly path: string;
  readonly body: Schema | undefined;
}

/** They end the node; what they do has tests of its own (lifecycle.test.ts, and each test's end). */
const ENDS = ['POST /v1/node/down'];

/** Every route that the description has, and the WebSocket's, which it can't describe, asked as HTTP. */
export const ROUTES: readonly Route[] = [
  ...Object.entries(description.paths as Record<string, Record<string, Operation>>).flatMap(
    ([path, operations]) =>
      Object.entries(operations).map(([method, operation]) => ({
        ...operation,
        method: method.toUpperCase(),
        path,
        body: operation.requestBody?.content['application/json']?.schema,
      })),
  ),
  { method: 'GET', path: '/v1/openapi.json', body: undefined, responses: { 200: {} } },
  {
    method: 'GET',
    path: '/v1/slivers/{name}/exec/stream',
    parameters: [{ name: 'name', in: 'path', schema: { type: 'string' } }],
    body: undefined,
    responses: {},
  },
].filter(({ method, path }) => !ENDS.includes(`${method} ${path}`));

export const schemas = (description as { components?: { schemas?: object } }).components?.schemas ?? {};
