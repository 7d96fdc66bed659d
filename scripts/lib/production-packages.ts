import { existsSync, readFileSync } from 'node:fs';

/**
 * Prints the npm packages of this project that the product needs, by its lock file, one folder a line: all but those
 * that only its development needs. What `npm ci --omit=dev` would install, without npm and without a network.
 */
const project = `${import.meta.dirname}/../..`;
const lock = JSON.parse(readFileSync(`${project}/package-lock.json`, 'utf8')) as {
  packages: Record<string, { dev?: boolean }>;
};
for (const [path, { dev }] of Object.entries(lock.packages)) {
  const whole = /^node_modules\/(@[^/]+\/)?[^/]+$/.test(path); // what is nested in one comes with it
  if (whole && !dev && existsSync(`${project}/${path}`)) console.log(path);
}
