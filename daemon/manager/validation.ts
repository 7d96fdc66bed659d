import { SliverdError } from '../errors.ts';
import { RSPEC_KEYS } from '../resources/rspec.ts';

/** An error of ajv, as far as words are made of it. */
export interface Invalid {
  readonly keyword: string;
  readonly instancePath: string;
  readonly params: Record<string, unknown>;
  readonly message?: string;
}

/** Of an `anyOf` ajv tells every branch that failed; these say the least about what is wrong. */
const VAGUE = ['anyOf', 'oneOf', 'const', 'type'];

/**
 * ajv's errors in words that name the culprit: a person reads them, who knows keys and values but no schema.
 * @param where the part of the request: body, querystring, params.
 */
export function invalidRequest(errors: readonly Invalid[], where: string): SliverdError {
  const first = errors.find(({ keyword }) => !VAGUE.includes(keyword)) ?? errors[0];
  const path = (first?.instancePath ?? '').split('/').slice(1).map(pointerPart);
  const inRSpec = where === 'body' && path[0] === 'rspec';
  const code = inRSpec ? 'bad-rspec' : 'bad-request';
  const name = inRSpec ? (path[1] ?? 'rspec') : path.join('.') || where;
  if (first?.keyword === 'additionalProperties') {
    const culprit = String(first.params.additionalProperty).slice(0, 60);
    return inRSpec
      ? new SliverdError(code, `there is no RSpec key '${culprit}' (keys: ${RSPEC_KEYS.join(', ')})`)
      : new SliverdError(code, `${name} has no member '${culprit}'`);
  }
  const literal = errors.some(({ keyword }) => keyword === 'const');
  const messages = errors
    .filter(
      ({ instancePath, keyword, params }) =>
        instancePath === first?.instancePath &&
        keyword !== 'anyOf' &&
        // That a literal is a string goes without saying once it is told.
        !(keyword === 'type' && params.type === 'string' && literal),
    )
    .map(({ keyword, params, message }) =>
      keyword === 'const' ? `must be "${params.allowedValue}"` : (message ?? 'is not valid'),
    );
  return new SliverdError(code, `${name} ${[...new Set(messages)].join(', or ') || 'is not valid'}`);
}

/** The part of ajv that a format takes. */
interface Formats {
  readonly formats: Readonly<Record<string, unknown>>;
  addFormat(name: string, check: (text: string) => boolean): unknown;
}

/**
 * Times are those that are a number here: RFC 3339 has leap seconds, and JavaScript hasn't. What is before and after nothing (`NaN`) would pass
 * all that is checked by it, as how much somebody may have from then on.
 */
export function onlyKnownTimes(ajv: Formats): void {
  const { validate } = ajv.formats['date-time'] as { validate(text: string): boolean };
  ajv.addFormat('date-time', (text) => validate(text) && !Number.isNaN(Date.parse(text)));
}

/** Of a JSON pointer (RFC 6901). */
function pointerPart(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~');
}
