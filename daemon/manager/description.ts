import { Problem } from './schemas.ts';

type Responses = Record<string, object>;
interface Description {
  components?: { schemas?: Record<string, object> };
  paths?: Record<string, Record<string, { responses?: Responses }>>;
}

/** What every route may answer beside its own: named once, as clients' types are made of the description. */
export function withProblems(openapiObject: object): object {
  const description = openapiObject as Description;
  description.components = { schemas: { ...description.components?.schemas, Problem } };
  for (const operations of Object.values(description.paths ?? {}))
    for (const { responses } of Object.values(operations))
      if (responses)
        responses.default = {
          description: 'What went wrong (docs/errors.md)',
          content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        };
  return openapiObject;
}
