import { run } from '../../daemon/kernel/run.ts';

/**
 * Destroys the sockets of a network namespace whose own port this is, connections included: their programs are told
 * ECONNABORTED. Where the kernel can't (CONFIG_INET_DIAG_DESTROY), ss says so and the sockets stay, with no claim.
 */
export async function destroySockets(
  namespace: string,
  protocol: 'tcp' | 'udp',
  port: number,
): Promise<void> {
  await run('nsenter', [`--net=${namespace}`, 'ss', '-K', '-a', `--${protocol}`, `sport = :${port}`]);
}
