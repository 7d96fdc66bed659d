import { Ajv2020 } from 'ajv/dist/2020.js';
import { ERRORS, type ErrorCode } from '../../../daemon/errors.ts';
import type { Request } from './requests.ts';
import { schemas } from './routes.ts';
import type { Reply } from './wire.ts';

const ajv = new Ajv2020({ strict: false, validateFormats: false });
ajv.addSchema({ $id: 'description', components: { schemas } });

/** What may be answered with 5xx and is no fault of the daemon's. */
const HONEST: readonly string[] = ['not-settled', 'busy', 'no-capacity', 'unsupported'];

/** What is wrong with an answer, whoever asked whatever; nothing where it is as it must be. */
export function wrong({ method, route }: Request, { status, type, text }: Reply): string | undefined {
  if (status >= 400) return method === 'HEAD' ? undefined : wrongProblem(status, type, text);
  if (method !== route.method) return undefined; // another route's, or HEAD
  const declared = route.responses[status];
  if (!declared) return `status ${status} is not declared`;
  const schema = declared.content?.['application/json']?.schema;
  if (!schema || !/json/.test(type)) return undefined;
  let check = compiled.get(schema);
  if (!check) {
    check = ajv.compile(
      JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"description#/components')),
    );
    compiled.set(schema, check);
  }
  return check(JSON.parse(text)) ? undefined : `not as declared: ${ajv.errorsText(check.errors)}`;
}
const compiled = new Map<object, ReturnType<typeof ajv.compile>>();

function wrongProblem(status: number, type: string, text: string): string | undefined {
  if (!/^application\/problem\+json/.test(type)) return `an error that is no problem document (${type})`;
  const problem = JSON.parse(text) as Record<string, unknown>;
  const code = problem.code as ErrorCode;
  const known = Object.hasOwn(ERRORS, code) ? ERRORS[code] : undefined;
  if (!known) return `the code ${code} is not known`;
  if (known.status !== status || problem.status !== status) return `${code} is not ${status}`;
  if (problem.type !== `urn:sliverd:problem:${code}` || problem.title !== known.title || !problem.detail)
    return 'a problem document that is not whole';
  return status < 500 || HONEST.includes(code) ? undefined : `${code}`;
}
