import fc from 'fast-check';
import type { Schema } from './routes.ts';

/** Of a member's name: values that mean something on this node. The generic ones would never name a sliver. */
export type Known = Readonly<Record<string, readonly unknown[]>>;

/** Of what an object needn't have: with more, hardly any would be right in all at once. */
const MEMBERS = 3;

/** Values that a schema allows, its bounds among them. @param key the member's name, for `known`. */
export function valid(schema: Schema, known: Known, key = ''): fc.Arbitrary<unknown> {
  const meant = known[key];
  const any = generic(schema, known, key);
  return meant ? fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...meant) }, any) : any;
}

function generic(schema: Schema, known: Known, key: string): fc.Arbitrary<unknown> {
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map((one) => generic(one, known, key)));
  if (schema.enum) return fc.constantFrom(...schema.enum);
  switch (schema.type) {
    case 'object': {
      const members = Object.entries(schema.properties ?? {});
      const required = schema.required ?? [];
      const record = fc
        .subarray(
          members.filter(([name]) => !required.includes(name)),
          { maxLength: Math.min(MEMBERS, members.length - required.length) },
        )
        .chain((optional) =>
          fc.record(
            Object.fromEntries(
              [...optional, ...members.filter(([name]) => required.includes(name))].map(([name, one]) => [
                name,
                valid(one, known, name),
              ]),
            ),
          ),
        );
      const [pattern, one] = Object.entries(schema.patternProperties ?? {})[0] ?? [];
      return pattern && one
        ? fc.dictionary(fc.stringMatching(new RegExp(pattern)), valid(one, known), { maxKeys: 4 })
        : record;
    }
    case 'array':
      return fc.array(valid(schema.items ?? {}, known, key), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(schema.maxItems ?? 4, 4),
      });
    case 'integer':
      return number(schema, (min, max) => fc.integer({ min, max }));
    case 'number':
      return number(schema, (min, max) => fc.double({ min, max, noNaN: true }));
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    default:
      return text(schema);
  }
}

function number(schema: Schema, between: (min: number, max: number) => fc.Arbitrary<number>) {
  const min = schema.minimum ?? schema.exclusiveMinimum ?? -(2 ** 40);
  const max = schema.maximum ?? 2 ** 53 - 1;
  return fc.oneof(fc.constantFrom(min, max, Math.min(min + 1, max)), between(min, max));
}

function text({ pattern, format, minLength = 0, maxLength = 4096 }: Schema): fc.Arbitrary<string> {
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern), { maxLength: 300 });
  if (format === 'date-time')
    return fc
      .date({ min: new Date('1900-01-01'), max: new Date('2400-01-01'), noInvalidDate: true })
      .map((date) => date.toISOString());
  return fc.oneof(
    { weight: 6, arbitrary: fc.string({ unit: 'binary', minLength, maxLength: Math.min(maxLength, 40) }) },
    fc.constant('x'.repeat(maxLength)),
  );
}
