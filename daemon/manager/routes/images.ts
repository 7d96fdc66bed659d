import { Type } from 'typebox';
import { explain } from '../../errors.ts';
import type { ImageRecord } from '../../images/store.ts';
import { ADMINISTRATOR, type Caller } from '../callers/caller.ts';
import { type Manager, respondAsync, type Server } from '../context.ts';
import { CreateImage, done, Image } from '../schemas.ts';

const Params = Type.Object({ name: Type.String({ maxLength: 128 }) });
const tags = ['images'];

export function imageRoutes(server: Server, { images, store, events, log }: Manager): void {
  const usedBy = (digest: string, caller: Caller = ADMINISTRATOR) =>
    store
      .list()
      .filter((sliver) => sliver.imageDigest === digest && caller.sees(sliver))
      .map((sliver) => sliver.name);
  const shown = (image: ImageRecord, caller: Caller): Image => ({
    ...image,
    createdAt: new Date(image.createdAt).toISOString(),
    // A path or an address of the owner's, which may say more than a slice should know.
    source: caller.name === null ? image.source : '',
    usedBy: usedBy(image.digest, caller),
  });
  const create = async ({ name, source }: CreateImage, caller: Caller): Promise<Image> => {
    try {
      const image = await images.create(name, source, {
        progress: (message, percent) =>
          events.progress('image.progress', name, { message, ...(percent === undefined ? {} : { percent }) }),
      });
      events.record('image.created', name, { digest: image.digest });
      return shown(image, caller);
    } catch (error) {
      events.record('image.failed', name, { reason: explain(error) });
      throw error;
    }
  };

  server.get(
    '/v1/images',
    { schema: { summary: 'All images', tags, response: { 200: Type.Object({ items: Type.Array(Image) }) } } },
    async ({ caller }) => ({ items: images.list().map((image) => shown(image, caller)) }),
  );

  server.get(
    '/v1/images/:name',
    { schema: { summary: 'One image', tags, params: Params, response: { 200: Image } } },
    async ({ params, caller }) => shown(images.get(params.name), caller),
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
    async ({ body, headers, caller }, reply) => {
      if (!respondAsync(headers)) return reply.code(201).send(await create(body, caller));
      void create(body, caller).catch((err) => log.warn({ err, image: body.name }, 'image failed'));
      return reply.code(202).send({ name: body.name });
    },
  );

  server.delete(
    '/v1/images/:name',
    {
      schema: {
        summary: 'Deletes an image that no sliver uses',
        tags,
        params: Params,
        response: { 204: done('It is gone.') },
      },
    },
    async ({ params }, reply) => {
      await images.delete(params.name, usedBy);
      events.record('image.deleted', params.name);
      return reply.code(204).send();
    },
  );
}
