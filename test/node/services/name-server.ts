import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { failed, framed, framesOf, queryOf } from '../../../scripts/services/dns/messages.ts';

// A server of names for tests, in a sliver: node name-server.ts PORT A.B.C.D. It answers every name with that address; the first label of
// some says how else.
const [port = '', address = ''] = process.argv.slice(2);

function answer(message: Buffer, isStream: boolean): Buffer[] {
  const query = queryOf(message);
  if (!query) return [];
  const [how = ''] = query.labels;
  const empty = failed(message, query, 0);
  const good = Buffer.concat([
    empty,
    Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4]),
    Buffer.from(address.split('.').map(Number)),
  ]);
  good[7] = 1;
  if (how === 'silent') return [];
  if (how === 'big' && !isStream) {
    empty[2] = empty[2]! | 2; // truncated: ask by TCP
    return [empty];
  }
  if (how === 'liar') {
    const otherId = Buffer.from(good);
    otherId.writeUInt16BE(good.readUInt16BE(0) ^ 1, 0);
    const otherName = Buffer.from(good);
    otherName[14] = 0x78;
    return [Buffer.from([1]), otherId, otherName, good];
  }
  return [good];
}

const datagrams = createSocket('udp4');
datagrams.on('message', (message, from) => {
  for (const one of answer(message, false)) datagrams.send(one, from.port, from.address);
});
datagrams.bind(Number(port));
createServer(async (socket) => {
  socket.on('error', () => {});
  try {
    for await (const message of framesOf(socket))
      for (const one of answer(message, true)) socket.write(framed(one));
  } catch {
    // The client had enough.
  }
}).listen(Number(port), () => console.log('serves'));
