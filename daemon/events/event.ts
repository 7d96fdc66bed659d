import { type Static, Type } from 'typebox';

/** One thing that happened, as it is kept and told. */
export const Event = Type.Object({
  id: Type.Integer({
    description: 'Grows; resume a stream with Last-Event-ID. 0: told once, not kept (progress).',
  }),
  time: Type.String({ format: 'date-time', description: 'When (RFC 3339, UTC).' }),
  type: Type.String({ description: 'As in sliver.started, sliver.failed, image.created, node.started.' }),
  subject: Type.String({ description: 'The sliver or image by name, or the node.' }),
  data: Type.Record(Type.String(), Type.Unknown()),
});
export type Event = Static<typeof Event>;
