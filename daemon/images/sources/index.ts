import type { ImageSource } from '../store.ts';
import { buildArchive } from './build.ts';
import { dockerArchive } from './docker.ts';
import { pathArchive } from './path.ts';
import type { SourceOptions } from './source.ts';

/** The stream of uncompressed tar that a source gives; nothing is started before it is read. */
export function openSource(
  source: ImageSource,
  options: SourceOptions & { dockerSocket?: string },
): AsyncIterable<Buffer> {
  if ('path' in source) return pathArchive(source.path, options);
  if ('build' in source) return buildArchive(source.build, options);
  return dockerArchive(source.docker, options.dockerSocket ?? '/var/run/docker.sock', options);
}
