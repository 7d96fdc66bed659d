/** What a multiplexer must know of DNS messages (RFC 1035): whom a query asks about, and to make short answers. */
export const SERVFAIL = 2;
export const NOTIMP = 4;
export const REFUSED = 5;
const HEADER = 12;
/** Zone transfers: many messages on end, and whole zones to whoever asks. */
const TRANSFERS = [251, 252];

export interface Query {
  /** In lower case, the outermost last; none: the root. A dot within one is written `\\.`. */
  readonly labels: readonly string[];
  /** The question as it was sent: name, type and class. */
  readonly question: Buffer;
  /** Whether it is one that may be passed on, and no transfer, update or notification. */
  readonly isPlain: boolean;
}

/** Of a message that asks one question; undefined for everything else. */
export function queryOf(message: Buffer): Query | undefined {
  if (message.length < HEADER || (message[2]! & 0x80) !== 0) return undefined;
  const read = questionOf(message);
  if (!read) return undefined;
  const type = read.question.readUInt16BE(read.question.length - 4);
  return { ...read, isPlain: (message[2]! & 0x78) === 0 && !TRANSFERS.includes(type) };
}

/** Whether it answers that question, and no other. */
export function answers(message: Buffer, { question }: Query): boolean {
  if (message.length < HEADER || (message[2]! & 0x80) === 0) return false;
  return questionOf(message)?.question.equals(question) ?? false;
}

function questionOf(message: Buffer): Pick<Query, 'labels' | 'question'> | undefined {
  if (message.readUInt16BE(4) !== 1) return undefined;
  const labels: string[] = [];
  let at = HEADER;
  for (;;) {
    const length = message[at++];
    // 64 and more is a reference to a name elsewhere, which the first name of a message has no use for.
    if (length === undefined || length > 63 || at - HEADER + length > 255) return undefined;
    if (length === 0) break;
    labels.push(
      message
        .toString('latin1', at, at + length)
        .toLowerCase()
        .replaceAll('.', '\\.'),
    );
    at += length;
  }
  if (at + 4 > message.length) return undefined;
  return { labels, question: message.subarray(HEADER, at + 4) };
}

/** An answer that has none: the query's header and question, and the code that says why. */
export function failed(query: Buffer, { question }: Query, code: number): Buffer {
  const header = Buffer.alloc(HEADER);
  query.copy(header, 0, 0, 4);
  header[2] = 0x80 | (header[2]! & 0x79);
  header[3] = code;
  header[5] = 1;
  return Buffer.concat([header, question]);
}

/** The same message by another id. */
export function withId(message: Buffer, id: number): Buffer {
  const copy = Buffer.from(message);
  copy.writeUInt16BE(id, 0);
  return copy;
}

/** As it goes by TCP: its length, and then itself. */
export function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}

/** The messages that come by TCP. Ends with one that has fewer bytes than any, or more than so many. */
export async function* framesOf(chunks: AsyncIterable<Buffer>, most = 65_535): AsyncGenerator<Buffer> {
  let read: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    read = Buffer.concat([read, chunk]);
    while (read.length >= 2) {
      const end = 2 + read.readUInt16BE(0);
      if (end < 2 + HEADER || end > 2 + most) return;
      if (read.length < end) break;
      yield read.subarray(2, end);
      read = read.subarray(end);
    }
  }
}
