import { rightsPage } from '../../daemon/manager/callers/rights-page.ts';

process.stdout.write(rightsPage());
