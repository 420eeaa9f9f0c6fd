// The HTTP API as clients of the first generation use it, with their own curl lines.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Deployment } from './lib/program.mjs';

// As printed in the deployment guide of the first generation: curls/<name>.curl.
const folder = new URL('curls/', import.meta.url);

test('the curl lines of the first generation work as printed', async (t) => {
  const deployment = await Deployment.make(t);
  await deployment.serve();
  const curl = (name, values = {}) => {
    let command = readFileSync(new URL(`${name}.curl`, folder), 'utf8').trim()
      .replaceAll('localhost:3001', `localhost:${deployment.httpPort}`);
    const all = { TEAM_API_KEY: deployment.keys.TEAM_API_KEY, ...values };
    for (const [word, value] of Object.entries(all)) {
      command = command.replaceAll(`<${word}>`, value);
    }
    return JSON.parse(execFileSync('bash', ['-c', `${command} --silent --max-time 10`],
      { encoding: 'utf8' }));
  };

  const persona = curl('create_persona');
  assert.ok(persona.id);
  assert.equal(persona.maxConcurrent, 2);
  assert.equal(typeof persona.structuredPrompt, 'string');
  assert.equal(JSON.parse(persona.structuredPrompt).identity, 'Expert code reviewer');
  const tool = curl('create_tool');
  curl('link_tool', { 'persona-id': persona.id, 'tool-id': tool.id });
  const tools = await deployment.api().get(`/api/personas/${persona.id}/tools`);
  assert.deepEqual(tools.map(({ name }) => name), ['gitlab_api']);
  const { executionId, status } = curl('execute', { 'persona-id': persona.id });
  assert.equal(status, 'queued');
  assert.equal(curl('poll', { 'execution-id': executionId }).status, 'queued');
  assert.deepEqual(curl('list_recent').map(({ id }) => id), [executionId]);
  assert.deepEqual(curl('list_filtered', { id: persona.id }), [], 'none is completed yet');
});

test('the common rules of the API', async (t) => {
  const deployment = await Deployment.make(t);
  await deployment.serve();
  const api = deployment.api();

  await t.test('health needs no key, everything else does', async () => {
    assert.equal((await deployment.api(null).request('GET', '/health')).status, 200);
    for (const key of [null, 'wrong', `${deployment.keys.TEAM_API_KEY}x`]) {
      const answer = await deployment.api(key).request('GET', '/api/personas');
      assert.equal(answer.status, 401);
      assert.equal(typeof answer.body.error, 'string');
    }
  });

  await t.test('errors are problem documents with an error string', async () => {
    const answer = await api.request('GET', '/api/personas/per_none');
    assert.equal(answer.status, 404);
    assert.match(answer.headers.get('content-type'), /^application\/problem\+json/);
    assert.equal(answer.body.status, 404);
    assert.equal(typeof answer.body.error, 'string');
    assert.ok(answer.headers.get('x-request-id'));
    assert.equal((await api.request('GET', '/api/nothing')).status, 404);
    assert.equal((await api.request('DELETE', '/api/execute')).status, 405);
  });

  await t.test('all mistakes of a body are named at once, with their paths', async () => {
    const answer = await api.request('POST', '/api/personas',
      { maxConcurrent: 'two', nonsense: 1, retry: { maxAttempts: 0 } });
    assert.equal(answer.status, 400);
    const text = JSON.stringify(answer.body);
    for (const path of ['name', 'maxConcurrent', 'nonsense', 'retry.maxAttempts']) {
      assert.ok(text.includes(path), `${path} in ${text}`);
    }
  });

  await t.test('personas: create, update, replace, patch, list in pages, delete', async () => {
    const made = await api.post('/api/personas', { name: 'first' });
    const same = await api.post('/api/personas', { id: made.id, name: 'renamed' });
    assert.equal(same.id, made.id);
    assert.equal((await api.patch(`/api/personas/${made.id}`, { color: 'red' })).name, 'renamed');
    assert.equal((await api.put(`/api/personas/${made.id}`, { name: 'put' })).name, 'put');
    const twin = await api.request('POST', '/api/personas', { name: 'put' });
    assert.equal(twin.status, 409);
    for (let n = 0; n < 4; n++) await api.post('/api/personas', { name: `p${n}` });
    const names = [];
    for (let path = '/api/personas?limit=2'; path;) {
      const page = await api.request('GET', path);
      assert.ok(page.body.length <= 2);
      names.push(...page.body.map(({ name }) => name));
      const cursor = page.headers.get('x-next-cursor');
      path = cursor && `/api/personas?limit=2&cursor=${encodeURIComponent(cursor)}`;
    }
    assert.deepEqual(names.filter((name) => /^p(ut|\d)$/.test(name)),
      ['put', 'p0', 'p1', 'p2', 'p3']);
    await api.delete(`/api/personas/${made.id}`);
    assert.equal((await api.request('GET', `/api/personas/${made.id}`)).status, 404);
  });

  await t.test('a body is JSON whatever its content type says', async () => {
    const answer = await api.request('POST', '/api/personas', '{"name": "plain"}',
      { 'content-type': 'application/x-www-form-urlencoded' });
    assert.ok(answer.status < 300, JSON.stringify(answer.body));
  });

  await t.test('status tells of workers and queue', async () => {
    const status = await api.get('/api/status');
    assert.deepEqual(status.workers, []);
    assert.ok(status.version);
  });

  await t.test('the description of the API lists what it offers', async () => {
    const description = await api.get('/openapi.json');
    assert.match(description.openapi, /^3\.1/);
    assert.ok(description.paths['/api/execute'].post);
  });

  await t.test('and is a page that fetches nothing, for who is here or has a key', async () => {
    const get = (headers = {}) => fetch(`${deployment.url}/docs`, { headers });
    const page = await get();
    assert.equal(page.status, 200);
    assert.match(page.headers.get('content-type'), /^text\/html/);
    assert.match(page.headers.get('content-security-policy'),
      /^default-src 'none'; style-src 'sha256-/);
    const html = await page.text();
    assert.match(html, /id="publishEvent"[^]*<code>\/api\/events<\/code>/);
    assert.doesNotMatch(html, /<script|src=|https?:\/\/(?!receiver\.invalid)[^\s"<]+"/);
    assert.equal((await get({ 'if-none-match': page.headers.get('etag') })).status, 304);
    assert.equal((await get({ 'x-forwarded-for': '192.0.2.1' })).status, 401);
    assert.equal((await get({ 'x-forwarded-for': '192.0.2.1',
      authorization: `Bearer ${deployment.keys.TEAM_API_KEY}` })).status, 200);
  });
});
