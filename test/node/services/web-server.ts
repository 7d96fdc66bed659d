import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';

// A web server for tests, on the host outside: node web-server.ts FOLDER, where its key, certificate and a list are.
const [folder = ''] = process.argv.slice(2);
const [key, cert] = ['key', 'pem'].map((name) => readFileSync(`${folder}/${name}`));
createServer({ key, cert }, ({ url }, response) => {
  response.on('error', () => {});
  if (url === '/list') response.end(readFileSync(`${folder}/list`));
  else if (url === '/elsewhere') response.writeHead(302, { location: '/list' }).end();
  else if (url === '/endless') {
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536, 'x')));
    };
    response.on('drain', more);
    more();
  } else response.writeHead(404).end();
}).listen(443, () => console.log('serves'));
