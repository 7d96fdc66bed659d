import { type Found, inspect } from './containers.ts';
import type { Context } from './index.ts';
import { unframe } from './streams.ts';

const KEPT = 64 * 1024;

/** The end of what the init and the initscript of the container's last start wrote. */
export async function containerLog(context: Context, found: Found): Promise<string> {
  const started = Date.parse((await inspect(context, found.container))?.State.StartedAt ?? '') / 1000;
  const logs = await context.engine.call(
    `reading the log of ${found.name}`,
    (docker) =>
      docker.getContainer(found.container).logs({
        stdout: true,
        stderr: true,
        follow: false,
        // At most a line a byte; the engine keeps 1 MiB at most (containers.ts).
        tail: KEPT,
        ...(started > 0 ? { since: Math.floor(started) } : {}),
      }),
    [404],
  );
  const frames = logs ? unframe(Buffer.from(logs)) : [];
  const whole = Buffer.concat(frames.map((frame) => frame.data));
  return whole.subarray(Math.max(0, whole.length - KEPT)).toString('utf8');
}
