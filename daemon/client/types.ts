import type { paths } from './api.ts';

/** What the description says of each operation, as the types of a call. */
export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Paths that have that method, as in `/v1/slivers/{name}`. */
export type Path<M extends Method> = {
  [P in keyof paths]: paths[P] extends Record<Lowercase<M>, unknown> ? P : never;
}[keyof paths];

type Operation<M extends Method, P extends Path<M>> =
  paths[P] extends Record<Lowercase<M>, infer O> ? O : never;
type Parameters<O> = O extends { parameters: infer Q } ? Q : unknown;
type Body<O> = O extends { requestBody: { content: { 'application/json': infer B } } }
  ? { body: B }
  : unknown;

/** `path`, `query` and `body` of a request, those that it has. */
export type Arguments<M extends Method, P extends Path<M>> = Parameters<Operation<M, P>> &
  Body<Operation<M, P>>;

type Content<R> = R extends { content: infer C } ? ([C] extends [never] ? undefined : C[keyof C]) : undefined;
type Declared<R> = { [S in Exclude<keyof R, 'default'>]: Content<R[S]> }[Exclude<keyof R, 'default'>];

/** What it is answered with when all is well: JSON as a value, text as a string, nothing as undefined. */
export type Answer<M extends Method, P extends Path<M>> =
  Operation<M, P> extends { responses: infer R } ? Declared<R> : never;
