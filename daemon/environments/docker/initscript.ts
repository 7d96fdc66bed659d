import type { Logger } from 'pino';
import { LOGIN_ENV } from './containers.ts';
import type { Context } from './index.ts';

/**
 * Runs the slice's own start-up script inside, and leaves it there: its output goes to the init's, which the engine
 * keeps and bounds, so that no daemon need be there to read it. The script travels as a variable, at most 64 KiB
 * (an argument may have 128), since the engine can't put files on a tmpfs.
 */
const RUNNER = `exec >/proc/1/fd/1 2>&1
umask 077
printf %s "$SLIVERD_INITSCRIPT" >/run/sliverd-initscript && chmod 700 /run/sliverd-initscript
unset SLIVERD_INITSCRIPT
umask 022
cd
(exec /run/sliverd-initscript)
echo "[initscript: exit status $?]"`;

export async function runInitscript(
  context: Context,
  container: string,
  script: string,
  log: Logger,
): Promise<void> {
  const { engine } = context;
  const env = { ...LOGIN_ENV, SLIVERD_INITSCRIPT: script };
  await engine.call(`running the initscript in ${container}`, async (docker) => {
    const exec = await docker.getContainer(container).exec({
      Cmd: ['/bin/sh', '-c', RUNNER],
      User: '0:0',
      WorkingDir: '/',
      Env: Object.entries(env).map(([key, value]) => `${key}=${value}`),
    });
    await exec.start({ Detach: true });
  });
  log.debug('initscript started');
}
