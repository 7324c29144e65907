// ws.cjs PORT: the ws library; every POST goes to every subscriber, nothing is stored.
const http = require('node:http');
const { WebSocketServer, WebSocket } = require('ws');
const server = http.createServer((request, response) => {
  if (request.method !== 'POST') return response.end('{}');
  const pieces = [];
  request.on('data', (piece) => pieces.push(piece));
  request.on('end', () => {
    const message = JSON.stringify({ type: 'task.created', id: '1', time: new Date().toISOString(), data: JSON.parse(Buffer.concat(pieces)) });
    for (const client of sockets.clients) if (client.readyState === WebSocket.OPEN) client.send(message);
    response.writeHead(201, { 'content-type': 'application/json' });
    response.end('{}');
  });
});
const sockets = new WebSocketServer({ server });
sockets.on('connection', (socket) => {
  socket.on('message', (message) => socket.send(JSON.stringify({ type: 'subscribed', event: JSON.parse(message).event })));
  socket.on('error', () => {});
});
server.listen(Number(process.argv[2]), '127.0.0.1');
