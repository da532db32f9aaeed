// A file server on Node's own module: node_server.js PORT FOLDER [CERTIFICATE KEY]
const fs = require('fs');
const http = require('http');
const https = require('https');
const path = require('path');
const zlib = require('zlib');
const [port, folder, certificate, key] = process.argv.slice(2);

function answer(request, response) {
  const name = request.url.split('?')[0];
  if (request.method === 'POST') {
    request.on('data', () => {});
    request.on('end', () => response.end('taken'));
    return;
  }
  if (name === '/chunked') {
    for (let n = 0; n < 1000; n++) response.write('Hello, world!');
    response.end();
    return;
  }
  const file = path.join(folder, name);
  if (!fs.existsSync(file) || !fs.statSync(file).isFile()) {
    response.writeHead(404);
    response.end('no');
    return;
  }
  if (name === '/page.html') {
    response.setHeader('Content-Encoding', 'gzip');
    fs.createReadStream(file).pipe(zlib.createGzip()).pipe(response);
    return;
  }
  response.setHeader('Content-Length', fs.statSync(file).size);
  fs.createReadStream(file).pipe(response);
}

const server = certificate
  ? https.createServer({ cert: fs.readFileSync(certificate), key: fs.readFileSync(key) }, answer)
  : http.createServer(answer);
server.listen(Number(port), '127.0.0.1');
