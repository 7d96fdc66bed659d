import { Type } from 'typebox';
import { explain } from '../../errors.ts';
import type { ImageRecord } from '../../images/store.ts';
import { type Manager, respondAsync, type Server } from '../context.ts';
import { CreateImage, Image } from '../schemas.ts';

const Params = Type.Object({ name: Type.String({ maxLength: 128 }) });
const tags = ['images'];

export function imageRoutes(server: Server, { images, store, events, log }: Manager): void {
  const usedBy = (digest: string) =>
    store
      .list()
      .filter((sliver) => sliver.imageDigest === digest)
      .map((sliver) => sliver.name);
  const shown = (image: ImageRecord): Image => ({
    ...image,
    createdAt: new Date(image.createdAt).toISOString(),
    usedBy: usedBy(image.digest),
  });
  const create = async ({ name, source }: CreateImage): Promise<Image> => {
    try {
      const image = await images.create(name, source, {
        progress: (message, percent) =>
          events.progress('image.progress', name, { message, ...(percent === undefined ? {} : { percent }) }),
      });
      events.record('image.created', name, { digest: image.digest });
      return shown(image);
    } catch (error) {
      events.record('image.failed', name, { reason: explain(error) });
      throw error;
    }
  };

  server.get(
    '/v1/images',
    { schema: { summary: 'All images', tags, response: { 200: Type.Object({ items: Type.Array(Image) }) } } },
    async () => ({ items: images.list().map(shown) }),
  );

  server.get(
    '/v1/images/:name',
    { schema: { summary: 'One image', tags, params: Params, response: { 200: Image } } },
    async ({ params }) => shown(images.get(params.name)),
  );

  server.post(
    '/v1/images',
    {
      schema: {
        summary: 'Makes an image; waits until it is there, or answers 202 at once (Prefer: respond-async)',
        tags,
        body: CreateImage,
        response: { 201: Image, 202: Type.Object({ name: Type.String() }) },
      },
    },
    async ({ body, headers }, reply) => {
      if (!respondAsync(headers)) return reply.code(201).send(await create(body));
      void create(body).catch((err) => log.warn({ err, image: body.name }, 'image failed'));
      return reply.code(202).send({ name: body.name });
    },
  );

  server.delete(
    '/v1/images/:name',
    { schema: { summary: 'Deletes an image that no sliver uses', tags, params: Params } },
    async ({ params }, reply) => {
      await images.delete(params.name, usedBy);
      events.record('image.deleted', params.name);
      return reply.code(204).send();
    },
  );
}
