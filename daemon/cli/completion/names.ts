import { readdirSync } from 'node:fs';
import type { ShownLease } from '../../manager/routes/leases.ts';
import type { ShownLoan } from '../../manager/routes/loans.ts';
import type { Image, SensorList, SessionList, Sliver } from '../../manager/schemas.ts';
import { listAll } from '../connection/client.ts';
import { listNodes } from '../connection/endpoint.ts';
import type { Context } from '../context.ts';

/** A person waits with a finger on Tab: no answer is better than a late one. */
const PATIENCE = 1000;

/** Names of a kind, one a line; nothing at all when they can't be had. */
export async function printNames(context: Context, kind: string): Promise<void> {
  const late = setTimeout(() => process.exit(0), PATIENCE);
  try {
    const names = await namesOf(context, kind);
    process.stdout.write(names.map((name) => `${name}\n`).join(''));
  } catch {
    // Quiet: the shell would print a message in the middle of what is being typed.
  }
  clearTimeout(late);
}

async function namesOf(context: Context, kind: string): Promise<string[]> {
  switch (kind) {
    case 'sliver':
      return (await listAll<Sliver>(context.client, '/v1/slivers')).map(({ name }) => name);
    case 'image':
      return (await listAll<Image>(context.client, '/v1/images')).map(({ name }) => name);
    case 'session':
      return (await context.client.get<SessionList>('/v1/sessions')).items.map(({ id }) => id);
    case 'lease':
      return (await context.client.get<{ items: ShownLease[] }>('/v1/leases')).items.map(({ id }) => id);
    case 'loan':
      return (await context.client.get<{ items: ShownLoan[] }>('/v1/loans')).items.map(({ id }) => id);
    case 'sensor':
      return (await context.client.get<SensorList>('/v1/sensors')).items.map(({ name }) => name);
    case 'node':
      return listNodes();
    case 'profile':
      return readdirSync(new URL('../../../kernel-profiles', import.meta.url))
        .filter((file) => file.endsWith('.json') && !/^(requirements|schema)\b/.test(file))
        .map((file) => file.slice(0, -'.json'.length));
    default:
      return [];
  }
}
