// server.mjs MODEL.gguf: a real model behind OpenAI's chat protocol, streamed, one answer at a time.
import http from 'node:http';
import { text } from 'node:stream/consumers';
import { getLlama } from 'node-llama-cpp';

const llama = await getLlama({ gpu: false, build: 'never', logLevel: 'error' });
const model = await llama.loadModel({ modelPath: process.argv[2] });
const context = await model.createContext({ contextSize: 512, threads: 2, sequences: 1 });
const sequence = context.getSequence();

async function* completion(prompt, most) {
  await sequence.clearHistory();
  const said = [];
  let length = 0;
  for await (const token of sequence.evaluate([model.tokens.bos, ...prompt], { temperature: 0 })) {
    if (token === model.tokens.bos || token === model.tokens.eos) return;
    said.push(token);
    const whole = model.detokenize([...prompt, ...said]).slice(model.detokenize(prompt).length);
    yield whole.slice(length);
    length = whole.length;
    if (said.length >= most) return;
  }
}

async function answer(request, reply) {
  const asked = JSON.parse(await text(request));
  const prompt = model.tokenize(asked.messages.map((message) => message.content).join(' '));
  const send = (choices, usage) => reply.write(`data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 0, model: asked.model, choices, usage })}\n\n`);
  reply.writeHead(200, { 'content-type': 'text/event-stream' });
  let said = 0;
  for await (const content of completion(prompt, asked.max_tokens ?? asked.max_completion_tokens ?? 64)) {
    send([{ index: 0, delta: { content }, finish_reason: null }]);
    said += 1;
    if (reply.destroyed) break;
  }
  send([{ index: 0, delta: {}, finish_reason: 'stop' }]);
  send([], { prompt_tokens: prompt.length, completion_tokens: said, total_tokens: prompt.length + said });
  reply.end('data: [DONE]\n\n');
}

let turn = Promise.resolve();
const server = http.createServer((request, reply) => {
  turn = turn.then(() => answer(request, reply)).catch((error) => reply.destroy(error));
});
server.listen(0, '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
