import { readFileSync } from 'node:fs';
import type { Manager } from './context.ts';
import { managerServer } from './server.ts';

/** The OpenAPI document of this version's routes, as `/v1/openapi.json` gives it, from a server that serves nobody. */
export async function openApi(): Promise<object> {
  const { version } = JSON.parse(readFileSync(`${import.meta.dirname}/../../package.json`, 'utf8')) as {
    version: string;
  };
  // Routes look into the manager when they are called only.
  const server = await managerServer({} as Manager, version);
  await server.ready();
  const document = server.swagger();
  await server.close();
  return document;
}
