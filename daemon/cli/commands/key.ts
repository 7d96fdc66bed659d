import type { Command } from 'commander';
import { Context } from '../context.ts';
import type { RevokeOptions } from '../keys.ts';

/** `key …`: who may log in to a sliver. What they do is in ../keys.ts. */
export function keyCommands(program: Command): void {
  const key = program.command('key').description('keys that may log in to a sliver, in force at once');
  key
    .command('list')
    .alias('ls')
    .argument('<sliver>', 'the name of the sliver')
    .description('list its keys by fingerprint, with their options')
    .action(async (sliver: string, _options, command: Command) => {
      const { list } = await import('../keys.ts');
      await list(Context.of(command), sliver);
    });
  for (const [word, description] of [
    ['add', 'let these keys log in too'],
    ['set', 'let these keys log in and no others'],
  ] as const)
    key
      .command(word)
      .argument('<sliver>', 'the name of the sliver')
      .argument('<file...>', 'of authorized_keys lines, such as ~/.ssh/id_ed25519.pub; - is standard input')
      .description(description)
      .action(async (sliver: string, files: string[], _options, command: Command) => {
        const { give } = await import('../keys.ts');
        await give(Context.of(command), word, sliver, files);
      });
  key
    .command('remove')
    .alias('rm')
    .argument('<sliver>', 'the name of the sliver')
    .argument('<fingerprint...>', "SHA256:…, as 'key list' has them")
    .description('take keys away')
    .action(async (sliver: string, fingerprints: string[], _options, command: Command) => {
      const { remove } = await import('../keys.ts');
      await remove(Context.of(command), sliver, fingerprints);
    });
  key
    .command('revoke')
    .argument('<sliver>', 'the name of the sliver')
    .argument('[what...]', 'serial=NUMBER or id=TEXT of a certificate, or a fingerprint (SHA256:…)')
    .description('let certificates or keys log in no more, of whomever they are vouched for')
    .option(
      '--authority <fingerprint>',
      'who signed the certificates, where the sliver has several authorities',
    )
    .option('--instead', 'instead of what is revoked already; of nothing: revoke nothing')
    .action(async (sliver: string, what: string[], options: RevokeOptions, command: Command) => {
      const { revoke } = await import('../keys.ts');
      await revoke(Context.of(command), sliver, what, options);
    });
  key
    .command('revoked')
    .argument('<sliver>', 'the name of the sliver')
    .description('list what is revoked')
    .action(async (sliver: string, _options, command: Command) => {
      const { revoked } = await import('../keys.ts');
      await revoked(Context.of(command), sliver);
    });
}
