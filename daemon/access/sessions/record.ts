import { readFileSync } from 'node:fs';
import { type Credential, credentialOf } from './credential.ts';

/** Why a session ended. */
export type Ended = 'closed' | 'lost' | 'stopped' | 'key' | 'owner' | 'killed' | 'unknown';

/** A session as the PAM step recorded it (door/privileged/session.h). */
export interface Session {
  /** Never another's: the sliver's id and a random number. */
  readonly id: string;
  readonly sliver: number;
  readonly slice: string;
  /** sshd's privileged process, which lives as long as the session, and when it began, in the kernel's ticks. */
  readonly pid: number;
  readonly start: string;
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly address: string;
  readonly port: number;
  readonly credential: Credential | null;
  /** Why nothing was to be had: a session that only tells so. */
  readonly refused: string | null;
}

export interface Recorded {
  readonly session: Session;
  readonly ended: { readonly time: number; readonly how: Ended } | null;
}

/** The session's id in a file's name, and whether it is over; undefined for what is none of ours. */
export function sessionName(file: string): { id: string; ended: boolean } | undefined {
  const [, id, end] = /^([0-9]{1,4}-[0-9a-f]{8})(\.ended)?$/.exec(file) ?? [];
  return id === undefined ? undefined : { id, ended: end !== undefined };
}

/** Undefined when the file went meanwhile, or isn't whole. */
export function readRecord(path: string, id: string): Recorded | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
  const fields = new Map(
    text
      .split('\n')
      .map((line): [string, string] => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]),
  );
  const field = (name: string) => fields.get(name) ?? '';
  const session: Session = {
    id,
    sliver: Number(id.split('-')[0]),
    slice: field('slice'),
    pid: Number(field('pid')),
    start: field('start'),
    since: Number(field('since')),
    address: field('address'),
    port: Number(field('port')),
    credential: credentialOf(field('auth')) ?? null,
    refused: fields.get('refused') ?? null,
  };
  if (session.slice === '' || !(session.pid > 1) || !(session.since > 0)) return undefined;
  const [time = '', how = ''] = field('ended').split(' ');
  return { session, ended: time === '' ? null : { time: Number(time), how: how as Ended } };
}

/** Whether the process that was recorded is there: a pid alone may be another's by now. */
export function isAlive({ pid, start }: Pick<Session, 'pid' | 'start'>): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] !== 'Z' && fields[19] === start;
  } catch {
    return false;
  }
}
