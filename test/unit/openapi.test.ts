import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { rightsPage } from '../../daemon/manager/callers/rights-page.ts';
import { openApi } from '../../daemon/manager/openapi.ts';
import { clientTypes } from '../../scripts/lib/client-types.ts';

it('docs/openapi.json is that of the routes (if not: scripts/openapi)', async () => {
  const committed = readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8');
  expect(JSON.parse(committed)).toEqual(JSON.parse(JSON.stringify(await openApi())));
});

it('docs/rights.md is the table of rights (if not: scripts/openapi)', () => {
  expect(readFileSync(new URL('../../docs/rights.md', import.meta.url), 'utf8')).toBe(rightsPage());
});

it("daemon/client/api.ts has the description's types (if not: scripts/openapi)", async () => {
  const committed = readFileSync(new URL('../../daemon/client/api.ts', import.meta.url), 'utf8');
  expect(committed).toBe(await clientTypes());
});
