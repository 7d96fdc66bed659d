import { existsSync } from 'node:fs';
import module from 'node:module';
import os from 'node:os';
import path from 'node:path';

/**
 * Keeps compiled code between runs. Not in /tmp, which is Node's default: whoever makes that folder first could
 * feed code to root. For root it is under /run, which is root's own and gone with the boot.
 */
export function useCompileCache(): void {
  const folder =
    process.getuid?.() === 0
      ? existsSync('/run/sliverd') && '/run/sliverd/compile-cache'
      : path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'sliverctl');
  if (folder) module.enableCompileCache(folder);
}
