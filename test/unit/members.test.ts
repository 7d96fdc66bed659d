import { expect, it } from 'vitest';
import { Members, namespaceOf } from '../../netns/members.ts';
import { NO_LIMITS } from '../../netns/network-limits.ts';

const own = `/proc/${process.pid}/ns/net`;

it('who is being connected has a network namespace, so that nobody takes what he holds for a ghost’s', async () => {
  const members = new Members();
  const seen: unknown[] = [];
  await members.connecting(7, process.pid, async () => void seen.push(members.namespaces()));
  await members.connecting(8, process.pid, () => Promise.reject(new Error('it failed'))).catch(() => {});
  expect([...seen, members.namespaces()]).toEqual([new Map([[7, own]]), new Map()]);
});

it('as long as one isn’t known that an earlier daemon connected, nobody’s are told', () => {
  const members = new Members();
  members.follow(new Set([1]));
  expect(members.namespaces()).toBeUndefined();
  members.set(1, { pid: process.pid, namespace: namespaceOf(process.pid), limits: NO_LIMITS });
  expect(members.namespaces()).toEqual(new Map([[1, own]]));
});
