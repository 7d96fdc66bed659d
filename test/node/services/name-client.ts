import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { framed, framesOf } from '../../../scripts/services/dns/messages.ts';

// A client of names for tests, on the host outside: node name-client.ts ADDRESS QUESTIONS, where these are JSON: {"name": …, "id": …, "tcp": …},
// or {"raw": [hexadecimal, …], "name": …}: packets that are sent ahead by the same socket. `wait` is for how many milliseconds, `all` for
// more than the first answer. All are asked at once. Prints what came for each.
interface Question {
  readonly name: string;
  readonly id?: number;
  readonly tcp?: boolean;
  readonly type?: number;
  readonly raw?: string[];
  readonly wait?: number;
  readonly all?: boolean;
}
const [server = '', questions = '[]'] = process.argv.slice(2);

function query({ name, id = 1, type = 1 }: Question): Buffer {
  const labels = name.split('.').map((label) => Buffer.from([label.length, ...Buffer.from(label)]));
  const header = Buffer.from([id >> 8, id & 0xff, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([header, ...labels, Buffer.from([0, 0, type, 0, 1])]);
}

function shown(message: Buffer) {
  const end = message.indexOf(0, 12);
  const labels: string[] = [];
  for (let at = 12; at < end; at += 1 + message[at]!)
    labels.push(message.toString('latin1', at + 1, at + 1 + message[at]!));
  const address = message.readUInt16BE(6) > 0 ? message.subarray(-4).join('.') : null;
  const [id, rcode, isCut] = [message.readUInt16BE(0), message[3]! & 15, (message[2]! & 2) !== 0];
  return { id, rcode, name: labels.join('.'), address, ...(isCut ? { isCut } : {}) };
}

async function asked(question: Question): Promise<object[]> {
  if (question.tcp) {
    const socket = connect(53, server);
    socket.setTimeout(question.wait ?? 20_000, () => socket.destroy());
    socket.write(framed(query(question)));
    for await (const message of framesOf(socket)) {
      socket.destroy();
      return [shown(message)];
    }
    return [];
  }
  const got: object[] = [];
  const socket = createSocket('udp4');
  socket.connect(53, server);
  await once(socket, 'connect');
  socket.on('error', (error) => got.push({ error: error.message }));
  const answered = new Promise<void>((resolve) => {
    socket.on('message', (message) => {
      got.push(shown(message));
      if (!question.all) resolve();
    });
  });
  for (const packet of question.raw ?? []) socket.send(Buffer.from(packet, 'hex'));
  socket.send(query(question));
  await Promise.race([answered, sleep(question.wait ?? 20_000, undefined, { ref: false })]);
  socket.close();
  return got;
}

console.log(JSON.stringify(await Promise.all((JSON.parse(questions) as Question[]).map(asked))));
