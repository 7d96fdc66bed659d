import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

/** Which folder may know of which: upwards only. What a folder may import beside itself. */
const MAY: Record<string, string[]> = {
  'daemon/kernel': [],
  'daemon/store': [],
  'daemon/resources': ['daemon/store', 'daemon/events'],
  netns: ['daemon/kernel', 'daemon/cgroups'],
  'daemon/cgroups': ['daemon/resources', 'daemon/environments'],
  'daemon/images': ['daemon/kernel', 'daemon/store'],
  'daemon/events': ['daemon/store'],
  // It is installed without the rest.
  'daemon/client': [],
};
/** Nothing below knows of HTTP or ssh. */
const BELOW = [
  'daemon/kernel',
  'daemon/store',
  'daemon/events',
  'daemon/resources',
  'daemon/cgroups',
  'daemon/images',
  'daemon/environments',
  'netns',
];

function sources(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory()
      ? sources(`${folder}/${entry.name}`)
      : entry.name.endsWith('.ts')
        ? [`${folder}/${entry.name}`]
        : [],
  );
}

function imports(file: string): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  return [...text.matchAll(/from '([^']+)'|import\('([^']+)'\)/g)]
    .map((match) => match[1] ?? match[2] ?? '')
    .map((target) => (target.startsWith('.') ? normalize(join(dirname(file), target)) : target));
}

it.each(Object.entries(MAY))('%s knows of nothing above it', (folder, allowed) => {
  for (const file of sources(folder))
    for (const target of imports(file).filter((path) => path.endsWith('.ts'))) {
      const fine = [folder, 'daemon/errors.ts', ...allowed].some((prefix) => target.startsWith(prefix));
      expect(fine, `${file} imports ${target}`).toBe(true);
    }
});

it.each(BELOW)('%s knows neither of HTTP nor of ssh', (folder) => {
  for (const file of sources(folder))
    for (const target of imports(file))
      expect(
        /^(fastify|@fastify|ws$|daemon\/(manager|access|cli)\/)/.test(target),
        `${file} imports ${target}`,
      ).toBe(false);
});

it('everything that runs is started with a fixed environment', () => {
  for (const file of sources('daemon').filter((name) => !/^daemon\/(cli|client)\//.test(name))) {
    const text = readFileSync(join(ROOT, file), 'utf8');
    if (/\bspawn\(/.test(text)) expect(text, file).toMatch(/HOST_ENV|options\.env/);
  }
});
