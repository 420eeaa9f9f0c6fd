// A client of the HTTP API.
import assert from 'node:assert/strict';
import { waitFor } from './wait.mjs';

const finalStatuses = ['completed', 'failed', 'cancelled'];

export class Api {
  constructor(url, key) {
    this.url = url;
    this.key = key;
  }

  // {status, headers, body}; the body is parsed if it is JSON.
  async request(method, path, body, headers = {}) {
    const response = await fetch(this.url + path, {
      method,
      headers: { ...(this.key ? { authorization: `Bearer ${this.key}` } : {}),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, headers: response.headers,
      body: isJson && text ? JSON.parse(text) : text };
  }

  async #good(method, path, body, headers) {
    const answer = await this.request(method, path, body, headers);
    assert.ok(answer.status >= 200 && answer.status < 300,
      `${method} ${path} → ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  get(path) { return this.#good('GET', path); }
  post(path, body, headers) { return this.#good('POST', path, body, headers); }
  put(path, body) { return this.#good('PUT', path, body); }
  patch(path, body) { return this.#good('PATCH', path, body); }
  delete(path) { return this.#good('DELETE', path); }

  // A persona whose agent is a shell script; without network or model.
  shellPersona(name, script, fields = {}) {
    return this.post('/api/personas', { name, backend: 'command',
      permissionPolicy: { command: ['/bin/sh', '-c', script] }, ...fields });
  }

  async execute(personaId, fields = {}) {
    const answer = await this.post('/api/execute', { prompt: 'Do it.', personaId, ...fields });
    assert.equal(answer.status, 'queued');
    return answer.executionId;
  }

  execution(id) { return this.get(`/api/executions/${id}?output=full`); }

  reached(id, what, predicate, timeoutMs) {
    return waitFor(`${id} to be ${what}`, async () => {
      const execution = await this.execution(id);
      if (predicate(execution)) return execution;
      if (finalStatuses.includes(execution.status)) {
        throw Object.assign(new Error(`${id} ended: ${JSON.stringify(execution)}`),
          { final: true });
      }
      return null;
    }, timeoutMs);
  }

  finished(id, timeoutMs = 60_000) {
    return this.reached(id, 'finished', ({ status }) => finalStatuses.includes(status), timeoutMs);
  }

  running(id, timeoutMs) {
    return this.reached(id, 'running', ({ status }) => status === 'running', timeoutMs);
  }

  // Runs to the end and expects it to have worked.
  async completed(id, timeoutMs) {
    const execution = await this.finished(id, timeoutMs);
    assert.equal(execution.status, 'completed', JSON.stringify(execution));
    return execution;
  }

  // Server-sent events, one by one: {id, event, data}. `break` ends the request.
  async* stream(path, lastEventId) {
    const controller = new AbortController();
    const response = await fetch(this.url + path, { signal: controller.signal,
      headers: { authorization: `Bearer ${this.key}`, accept: 'text/event-stream',
        ...(lastEventId ? { 'last-event-id': lastEventId } : {}) } });
    try {
      assert.equal(response.status, 200);
      assert.match(response.headers.get('content-type'), /^text\/event-stream/);
      let rest = '';
      const decoder = new TextDecoder();
      for await (const chunk of response.body) {
        rest += decoder.decode(chunk, { stream: true });
        const blocks = rest.split('\n\n');
        rest = blocks.pop();
        yield* blocks.map(parseEvent).filter((event) => event.data !== undefined);
      }
    } finally {
      controller.abort();
    }
  }
}

function parseEvent(block) {
  const event = {};
  for (const line of block.split('\n')) {
    const [, name, value] = line.match(/^(\w+): ?(.*)$/) ?? [];
    if (name === 'data') event.data = event.data === undefined ? value : `${event.data}\n${value}`;
    else if (name) event[name] = value;
  }
  if (event.data !== undefined) event.data = JSON.parse(event.data);
  return event;
}
