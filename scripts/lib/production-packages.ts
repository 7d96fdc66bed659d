import { existsSync, lstatSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';

/**
 * Removes from a copy of the project the npm packages that only its development needs, by its lock file: what
 * `npm prune --omit=dev` does, without npm and without a network.
 */
const product = process.argv[2];
if (!product) throw new Error('usage: without-dev.ts FOLDER');
const lock = JSON.parse(readFileSync(`${product}/package-lock.json`, 'utf8')) as {
  packages: Record<string, { dev?: boolean }>;
};
for (const [path, { dev }] of Object.entries(lock.packages))
  if (dev) rmSync(`${product}/${path}`, { recursive: true, force: true });

const modules = `${product}/node_modules`;
for (const scope of readdirSync(modules).filter((name) => name.startsWith('@')))
  if (readdirSync(`${modules}/${scope}`).length === 0) rmdirSync(`${modules}/${scope}`);

// Commands of packages that are gone.
const commands = `${modules}/.bin`;
for (const name of readdirSync(commands)) {
  const path = `${commands}/${name}`;
  if (lstatSync(path).isSymbolicLink() && !existsSync(path)) rmSync(path);
}
for (const cache of ['.cache', '.vite', '.vite-temp'])
  rmSync(`${modules}/${cache}`, { recursive: true, force: true });
