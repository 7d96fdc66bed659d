import { openApi } from '../../daemon/manager/openapi.ts';

process.stdout.write(`${JSON.stringify(await openApi(), null, 2)}\n`);
