#!/usr/bin/env node
import { useCompileCache } from './startup.ts';

// Before anything else is loaded: what is compiled now is not compiled at the next start.
useCompileCache();
const { run } = await import('./run.ts');
await run(process.argv.slice(2));
