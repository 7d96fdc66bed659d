import type { SliverRecord } from '../../slivers/record.ts';
import { configurationOf, createContainer, inspect, removeContainer, wantedContainer } from './containers.ts';
import type { Context } from './index.ts';
import { containerName, diskReference, IMAGE_LABEL, LABEL, NEXT } from './names.ts';

/**
 * Gives a stopped sliver the configuration of its record now: what an engine never changes on a container (the
 * profile's rights) takes a new one. Its files go along by a commit, which stacks a layer; so this
 * is done only when something changed. They lie below the new layer's quota then, and no longer count. Two containers of one layer exist for a moment: the new one counts as debris
 * until the old one is gone, and as the sliver's disk from then on.
 */
export async function adoptConfiguration(context: Context, sliver: SliverRecord): Promise<void> {
  const { engine } = context;
  const name = containerName(context.node, sliver.id, sliver.disk);
  const rename = (container: string) =>
    engine.call(`naming the container ${name}`, (docker) => docker.getContainer(container).rename({ name }));
  const found = await wantedContainer(context, sliver);
  if (found.name.endsWith(NEXT)) await rename(found.container); // cut short just before it
  const labels = (await inspect(context, found.container))?.Config.Labels ?? {};
  if (found.active || labels[LABEL.configuration] === (await configurationOf(context, sliver))) return;

  await engine.call(
    `removing an unfinished ${name}`,
    (docker) => docker.getContainer(name + NEXT).remove({ force: true, v: true }),
    [404],
  );
  const image = diskReference(context.node, sliver.id, sliver.disk);
  const [repo, tag] = image.split(':');
  await engine.call(`keeping the files of ${sliver.name}`, (docker) =>
    docker
      .getContainer(found.container)
      .commit({ repo, tag, changes: `LABEL ${IMAGE_LABEL}=${context.node}` }),
  );
  const next = await createContainer(context, sliver, { name: name + NEXT, image });
  await removeContainer(context, found.container);
  await rename(next);
}
