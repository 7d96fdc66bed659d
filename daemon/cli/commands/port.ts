import type { Command } from 'commander';
import type { Port, Ports } from '../../manager/schemas.ts';
import { Context, pathOf } from '../context.ts';
import { usage } from '../exit.ts';

/** `port …`: who owns which port of the node's public address. */
export function portCommands(program: Command): void {
  const port = program.command('port').description("ports of the node's public address");
  port
    .command('list')
    .alias('ls')
    .description('list who owns which port, since when, by bind or by reservation')
    .option('--sliver <sliver>', 'only those of this sliver')
    .action(async (options: { sliver?: string }, command: Command) => {
      const context = Context.of(command);
      const query = options.sliver === undefined ? '' : `?sliver=${encodeURIComponent(options.sliver)}`;
      const answer = await context.client.get<Ports>(`/v1/ports${query}`);
      const { portsText } = await import('../output/port.ts');
      context.print(answer, (ports, colour) => portsText(ports, colour));
    });
  port
    .command('reserve')
    .argument('<sliver>', 'who it is held for')
    .argument('<port>', 'such as 80/tcp, 53/udp, or 47/ip for an IP protocol')
    .description('hold a port for a sliver, whether it runs or not')
    .action(async (sliver: string, text: string, _options, command: Command) => {
      const context = Context.of(command);
      const body = { sliver, ...parsePort(text) };
      const answer = await context.client.request<Port>('POST', '/v1/ports', { body });
      context.print(answer, () => `${text} is held for ${sliver}\n`);
    });
  port
    .command('release')
    .argument('<port>', 'such as 80/tcp')
    .description('end a reservation; sockets that hold the port go on')
    .action(async (text: string, _options, command: Command) => {
      const { protocol, port: number } = parsePort(text);
      await Context.of(command).client.request('DELETE', pathOf('ports', protocol, String(number)));
    });
  port
    .command('revoke')
    .argument('<port>', 'such as 80/tcp')
    .description('take a port from whoever has it, and end the sockets on it')
    .action(async (text: string, _options, command: Command) => {
      const context = Context.of(command);
      const { protocol, port: number } = parsePort(text);
      const path = `${pathOf('ports', protocol, String(number))}/revoke`;
      const answer = await context.client.request<{ revoked: Port | null }>('POST', path, {});
      context.print(answer, ({ revoked }) =>
        revoked ? `${text} is taken from ${revoked.sliver ?? 'the node'}\n` : `${text} was nobody's\n`,
      );
    });
}

/** `80/tcp` as services(5) has it; `47/ip` is an IP protocol, which has no ports. */
export function parsePort(text: string): { protocol: string; port: number } {
  const [, number, protocol] = /^([0-9]{1,5})\/(tcp|udp|ip)$/.exec(text) ?? [];
  if (number === undefined) throw usage(`'${text}': a port is written as 80/tcp, 53/udp or 47/ip`);
  return protocol === 'ip' ? { protocol: number, port: 0 } : { protocol: protocol!, port: Number(number) };
}
