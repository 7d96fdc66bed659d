import path from 'node:path';
import type { Command } from 'commander';
import type { CreateImage, Image } from '../../manager/schemas.ts';
import { Context, pathOf } from '../context.ts';
import { usage } from '../exit.ts';

/** `image …`: what slivers are made from. */
export function imageCommands(program: Command): void {
  const image = program.command('image').description('what slivers are made from');
  image
    .command('build')
    .argument('<recipe>', 'such as debian-12')
    .description("build an image from a distribution's own packages (takes a minute or two)")
    .option('--name <name>', 'the name of the image, if not that of the recipe')
    .option('--no-wait', 'return as soon as the work has begun')
    .addHelpText('after', '\nExample:\n  sliverctl image build debian-12')
    .action(async (recipe: string, options: { name?: string; wait: boolean }, command: Command) => {
      const body = { name: options.name ?? recipe, source: { build: recipe } };
      await makeImage(Context.of(command), body, options.wait);
    });
  image
    .command('import')
    .argument('<name>', 'the name of the image')
    .argument('<source>', 'PATH of a tar archive (also gz, xz, zst) or a directory, or docker://REF')
    .description('make an image from an archive, a directory or an image of a Docker engine')
    .option('--no-wait', 'return as soon as the work has begun')
    .addHelpText(
      'after',
      '\nExamples:\n  sliverctl image import lab-1 ./rootfs.tar.xz\n  sliverctl image import alpine docker://alpine:3.20',
    )
    .action(async (name: string, source: string, options: { wait: boolean }, command: Command) => {
      await makeImage(Context.of(command), { name, source: imageSource(source) }, options.wait);
    });
  image
    .command('list')
    .alias('ls')
    .description('list the images')
    .action(async (_options, command: Command) => {
      const context = Context.of(command);
      const answer = await context.client.get<{ items: Image[] }>('/v1/images');
      const { imageTable } = await import('../output/image.ts');
      context.print(answer, ({ items }, colour) => imageTable(items, colour));
    });
  image
    .command('show')
    .argument('<image>', 'the name of the image')
    .description('tell everything about an image')
    .action(async (name: string, _options, command: Command) => {
      const context = Context.of(command);
      const answer = await context.client.get<Image>(pathOf('images', name));
      const { imageText } = await import('../output/image.ts');
      context.print(answer, imageText);
    });
  image
    .command('delete')
    .alias('rm')
    .argument('<image...>', 'names of images')
    .description('delete images that no sliver uses')
    .action(async (names: string[], _options, command: Command) => {
      const { client } = Context.of(command);
      for (const name of names) await client.request('DELETE', pathOf('images', name));
    });
}

/** `docker://REF`, or a path on this machine: absolute, because the daemon works elsewhere. */
export function imageSource(source: string): CreateImage['source'] {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/i.exec(source);
  if (!scheme) return { path: path.resolve(source) };
  if (scheme[1]!.toLowerCase() !== 'docker')
    throw usage(`'${source}': an image comes from a path or from docker://REF`);
  if (scheme[2] === '') throw usage(`'${source}': the reference is missing, as in docker://debian:12`);
  return { docker: scheme[2]! };
}

async function makeImage(context: Context, body: CreateImage, wait: boolean): Promise<void> {
  const { client } = context;
  const create = () => client.request<Image>('POST', '/v1/images', { body, noWait: !wait });
  const { whileWaiting } = await import('../output/progress.ts');
  const image = wait ? await whileWaiting(client, body.name, create, { lines: true }) : await create();
  const { formatSize } = await import('../values/size.ts');
  context.print(image, () =>
    wait
      ? `${image.name}: ${formatSize(image.bytes)} in ${image.files} files, ${image.digest.slice(0, 19)}\n`
      : `${body.name}: begun; 'sliverctl events -f --subject ${body.name}' follows it\n`,
  );
}
