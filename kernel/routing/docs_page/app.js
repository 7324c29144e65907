// Reads the description this server gives of itself and shows it; everything is put in as text, never as markup.
'use strict';

const methods = ['get', 'post', 'put', 'patch', 'delete'];

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === 'onclick') node.addEventListener('click', value);
    else node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

function resolve(description, value) {
  if (!value || !value.$ref) return value;
  return value.$ref.slice(2).split('/').reduce((at, key) => at?.[key], description);
}

// A value of the shape that a schema asks for, to start from.
function example(description, schema, depth = 0) {
  schema = resolve(description, schema) ?? {};
  if (schema.default !== undefined) return schema.default;
  if (schema.enum) return schema.enum[0];
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (type === 'object' && depth < 4) {
    const entries = Object.entries(schema.properties ?? {}).filter(([, property]) => !property.readOnly);
    return Object.fromEntries(entries.map(([name, property]) => [name, example(description, property, depth + 1)]));
  }
  return { string: '', integer: schema.minimum ?? 0, number: schema.minimum ?? 0, boolean: false, array: [] }[type] ?? null;
}

function operationsOf(description) {
  const list = [];
  for (const [path, item] of Object.entries(description.paths)) {
    for (const method of methods) {
      if (!item[method]) continue;
      const operation = item[method];
      list.push({ path, method, operation, tag: operation.tags?.[0] ?? 'other',
        base: (item.servers ?? description.servers)[0].url.replace(/\/$/, '') });
    }
  }
  return list;
}

function schemaBlock(title, schema) {
  if (!schema) return null;
  return element('div', {}, element('h3', {}, title), element('pre', { tabindex: '0' }, JSON.stringify(schema, null, 2)));
}

async function send(entry, fields, bodyField, output) {
  let path = entry.base + entry.path;
  const query = new URLSearchParams();
  const headers = {};
  for (const [parameter, input] of fields) {
    if (parameter.in === 'path') path = path.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
    else if (input.value && parameter.in === 'query') query.append(parameter.name, input.value);
    else if (input.value && parameter.in === 'header') headers[parameter.name] = input.value;
  }
  const token = document.getElementById('token').value;
  if (token) headers.Authorization = `Bearer ${token}`;
  const request = { method: entry.method.toUpperCase(), headers };
  if (bodyField && bodyField.value) {
    headers['Content-Type'] = 'application/json';
    request.body = bodyField.value;
  }
  output.textContent = 'Waiting for the answer.';
  try {
    const response = await fetch(path + (query.size ? `?${query}` : ''), request);
    let text = await response.text();
    try { text = JSON.stringify(JSON.parse(text), null, 2); } catch { /* shown as it came */ }
    output.textContent = `${response.status} ${response.statusText}\n\n${text}`;
  } catch (fault) {
    output.textContent = `The request failed: ${fault.message}`;
  }
}

function tryForm(description, entry) {
  const fields = (entry.operation.parameters ?? []).map((parameter) => resolve(description, parameter))
    .map((parameter) => [parameter, element('input', { placeholder: parameter.description ?? '' })]);
  const schema = entry.operation.requestBody?.content?.['application/json']?.schema;
  const bodyField = schema ? element('textarea', { spellcheck: 'false', 'aria-label': 'Body' }) : null;
  if (bodyField) bodyField.value = JSON.stringify(example(description, schema), null, 2);
  const output = element('pre', { tabindex: '0', 'aria-live': 'polite' }, 'No answer yet.');
  return element('div', {}, element('h3', {}, 'Try it'),
    ...fields.map(([parameter, input]) => element('label', {}, `${parameter.name} (${parameter.in})`, input)),
    bodyField, element('button', { type: 'button', onclick: () => send(entry, fields, bodyField, output) }, 'Send'), output);
}

function operationBlock(description, entry) {
  const { operation } = entry;
  const block = element('details', {}, element('summary', {},
    element('span', { class: 'method' }, entry.method.toUpperCase()), element('span', { class: 'path' }, entry.path),
    element('span', {}, operation.summary ?? ''), element('span', { class: 'access' }, (operation['x-access'] ?? []).join(', '))));
  // Filled when it is opened first: there are many.
  block.addEventListener('toggle', () => {
    if (!block.open || block.childElementCount > 1) return;
    const answers = Object.entries(operation.responses).filter(([status]) => status.startsWith('2'));
    block.append(element('div', { class: 'body' }, element('p', {}, operation.description ?? ''),
      schemaBlock('Body', Object.values(operation.requestBody?.content ?? {})[0]?.schema),
      ...answers.map(([status, answer]) => schemaBlock(`Answer ${status}`, Object.values(answer.content ?? {})[0]?.schema)),
      tryForm(description, entry)));
  });
  return block;
}

function show(description, words) {
  const wanted = operationsOf(description).filter(({ path, method, operation, tag }) => {
    const text = `${method} ${path} ${operation.summary} ${tag}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  const tags = [...new Set(wanted.map(({ tag }) => tag))].sort();
  const main = document.getElementById('operations');
  main.replaceChildren(...tags.flatMap((tag) => [element('h2', {}, tag),
    ...wanted.filter((entry) => entry.tag === tag).map((entry) => operationBlock(description, entry))]));
  if (!wanted.length) main.append(element('p', {}, 'No operation matches the search.'));
}

async function start() {
  const description = await (await fetch('/openapi.json')).json();
  const search = document.getElementById('search');
  const refresh = () => show(description, search.value.toLowerCase().split(/\s+/).filter(Boolean));
  search.addEventListener('input', refresh);
  refresh();
}

start().catch((fault) => {
  document.getElementById('operations').textContent = `The description cannot be read: ${fault.message}`;
});
