import { run } from '../kernel/run.ts';

/** Tells a supervisor that asked for it (systemd, Type=notify) that the daemon serves. */
export async function tellReady(): Promise<void> {
  const { NOTIFY_SOCKET: socket } = process.env;
  if (socket) await run('systemd-notify', ['--ready'], { env: { NOTIFY_SOCKET: socket } });
}
