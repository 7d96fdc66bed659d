import { readFileSync } from 'node:fs';
import openapiTypes, { type OpenAPI3 } from 'openapi-typescript';

/** The types of daemon/client/api.ts, of docs/openapi.json as it is. */
export async function clientTypes(): Promise<string> {
  const file = new URL('../../docs/openapi.json', import.meta.url);
  const types = await openapiTypes(JSON.parse(readFileSync(file, 'utf8')) as OpenAPI3, { commentHeader: '' });
  return `/** Made by scripts/openapi of docs/openapi.json. */\n${types.trim()}\n`;
}

if (import.meta.main) process.stdout.write(await clientTypes());
