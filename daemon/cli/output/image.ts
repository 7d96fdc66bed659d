import type { Image } from '../../manager/schemas.ts';
import { formatSize } from '../values/size.ts';
import { formatAge, formatTime } from '../values/time.ts';
import { properties, table } from './table.ts';

export function imageTable(images: readonly Image[], colour: boolean): string {
  return table(
    ['NAME', 'SIZE', 'FILES', 'USED BY', 'AGE', 'SOURCE'],
    images.map((image) => [
      image.name,
      formatSize(image.bytes),
      String(image.files),
      image.usedBy.length === 0 ? '' : String(image.usedBy.length),
      formatAge(image.createdAt),
      image.source,
    ]),
    { colour, right: ['SIZE', 'FILES', 'USED BY'] },
  );
}

export function imageText(image: Image, colour: boolean): string {
  return properties(
    [
      ['Image', image.name],
      ['Digest', image.digest],
      ['Size', `${formatSize(image.bytes)} in ${image.files} files`],
      ['Source', image.source],
      ['Made', `${formatTime(image.createdAt)} (${formatAge(image.createdAt)} ago)`],
      ['Used by', image.usedBy.length === 0 ? 'no sliver' : image.usedBy],
    ],
    colour,
  );
}
