import type { ImageRecord, ImageStore } from '../../images/store.ts';
import type { SliverStore } from '../../slivers/store.ts';
import { type Field, nodeSensor, type Sensor } from '../sensor.ts';

type Seen = ImageRecord & { readonly slivers: number };
const FIELDS: readonly Field<Seen>[] = [
  { name: 'name', type: 'text', description: 'as slivers ask for it', of: ({ name }) => name },
  { name: 'digest', type: 'text', description: 'sha256 of its archive', of: ({ digest }) => digest },
  {
    name: 'size_bytes',
    type: 'number',
    unit: 'bytes',
    description: 'of its files',
    of: ({ bytes }) => bytes,
  },
  { name: 'files', type: 'number', description: 'how many', of: ({ files }) => files },
  {
    name: 'created_at',
    type: 'time',
    description: 'when it was made here',
    of: ({ createdAt }) => new Date(createdAt).toISOString(),
  },
  { name: 'slivers', type: 'number', description: 'made from it', of: ({ slivers }) => slivers },
];

/** What slivers can be made from; not where it came from, which may be a path or an address of the owner's. */
export function storedImages(images: Pick<ImageStore, 'list'>, store: Pick<SliverStore, 'list'>): Sensor {
  const about = { name: 'images', description: 'What slivers can be made from', maxAge: 10 };
  return nodeSensor(about, FIELDS, async () => {
    const used = Map.groupBy(store.list(), ({ imageDigest }) => imageDigest);
    return images.list().map((image) => ({ ...image, slivers: used.get(image.digest)?.length ?? 0 }));
  });
}
