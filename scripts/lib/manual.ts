import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { pages } from './manual/pages.ts';
import { render } from './manual/roff.ts';

// manual.ts DIRECTORY: writes the manual's pages below it, as man1/sliverctl.1, and prints their paths.
const [directory] = process.argv.slice(2);
if (!directory) throw new Error('usage: manual.ts DIRECTORY');
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
for (const page of pages()) {
  const path = `${directory}/man${page.section}/${page.name}.${page.section}`;
  mkdirSync(`${directory}/man${page.section}`, { recursive: true });
  writeFileSync(path, render(page, version, new Date().toISOString().slice(0, 10)));
  console.log(path);
}
