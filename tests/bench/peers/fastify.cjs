// fastify.cjs PORT DATABASE SECRET: Fastify with @fastify/jwt, on better-sqlite3 or pg, schemas given so that it is at its best.
const crypto = require('node:crypto');
const [port, path, secret] = process.argv.slice(2);
const columns = 'id, title, status, priority, description, created_at, updated_at';

function sqlite() {
  const database = require('better-sqlite3')(path);
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  const find = database.prepare(`SELECT ${columns} FROM tasks WHERE id = ?`);
  const insert = database.prepare(`INSERT INTO tasks (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?)`);
  return { find: async (id) => find.get(id), insert: async (task) => insert.run(...Object.values(task)) };
}

function postgresql() {
  const pool = new (require('pg').Pool)({ connectionString: path, max: 16 });
  const find = { name: 'find', text: `SELECT ${columns} FROM tasks WHERE id = $1` };
  const insert = { name: 'insert', text: `INSERT INTO tasks (${columns}) VALUES ($1, $2, $3, $4, $5, $6, $7)` };
  return {
    find: async (id) => (await pool.query({ ...find, values: [id] })).rows[0],
    insert: (task) => pool.query({ ...insert, values: Object.values(task) }),
  };
}

const tasks = path.startsWith('postgresql:') ? postgresql() : sqlite();
const text = { type: 'string' };
const task = { type: 'object', properties: Object.fromEntries(columns.split(', ').map((name) => [name, text])) };
const health = { type: 'object', properties: { status: text, service: text, version: text, uptime_seconds: { type: 'number' } } };
const creation = {
  type: 'object', required: ['title'], additionalProperties: false,
  properties: { title: { ...text, minLength: 1, maxLength: 200 }, description: text, priority: { enum: ['low', 'medium', 'high', 'critical'] } },
};

const server = require('fastify')({ logger: false });
server.register(require('@fastify/jwt'), { secret, verify: { algorithms: ['HS256'] } });
const preHandler = async (request, reply) => {
  try { await request.jwtVerify(); } catch { reply.code(401).send({}); }
};
server.get('/health', { schema: { response: { 200: health } } },
  async () => ({ status: 'healthy', service: 'peer', version: '0.1.0', uptime_seconds: 1 }));
server.get('/tasks/:id', { preHandler, schema: { response: { 200: task } } },
  async (request, reply) => (await tasks.find(request.params.id)) ?? reply.code(404).send({}));
server.post('/tasks', { preHandler, schema: { body: creation, response: { 201: task } } }, async (request, reply) => {
  const now = new Date().toISOString();
  const { title, description = '', priority = 'medium' } = request.body;
  const made = { id: crypto.randomUUID(), title, status: 'pending', priority, description, created_at: now, updated_at: now };
  await tasks.insert(made);
  return reply.code(201).send(made);
});
server.listen({ port: Number(port), host: '127.0.0.1' });
