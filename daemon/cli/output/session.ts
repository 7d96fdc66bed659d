import type { SessionList } from '../../manager/schemas.ts';
import { formatAge } from '../values/time.ts';
import { table } from './table.ts';

export function sessionTable({ items }: SessionList, colour: boolean): string {
  return table(
    ['SESSION', 'SLIVER', 'AGE', 'FROM', 'KEY', 'CERTIFICATE'],
    items.map(({ id, sliver, since, address, port, fingerprint, certificate }) => [
      id,
      sliver,
      formatAge(since),
      address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`,
      fingerprint,
      certificate ? `${certificate.keyId} (serial ${certificate.serial})` : '',
    ]),
    { colour },
  );
}
