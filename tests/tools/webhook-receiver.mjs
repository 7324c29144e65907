// Says for each delivery, as a line of JSON, which of the secrets given as arguments verifies it.
import http from "node:http";
import { Webhook } from "standardwebhooks";

const verifiers = process.argv.slice(2).map((secret) => new Webhook(secret));

const verifies = (webhook, body, headers) => {
  try {
    webhook.verify(body, headers);
    return true;
  } catch {
    return false;
  }
};

const server = http.createServer((request, response) => {
  const pieces = [];
  request.on("data", (piece) => pieces.push(piece));
  request.on("end", () => {
    const body = Buffer.concat(pieces).toString();
    const verified = verifiers.map((webhook) => verifies(webhook, body, request.headers));
    const tampered = verifiers.some((webhook) => verifies(webhook, body + " ", request.headers));
    console.log(JSON.stringify({ id: request.headers["webhook-id"], payload: JSON.parse(body), verified, tampered }));
    response.writeHead(verified.some(Boolean) ? 200 : 401).end();
  });
});
server.listen(0, "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
