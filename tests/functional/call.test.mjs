// Personas as endpoints: JSON in, held against their schema; JSON out, in time or later.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Deployment, binary } from './lib/program.mjs';

const schema = {
  type: 'object', required: ['url'], additionalProperties: false,
  properties: {
    url: { type: 'string', pattern: '^https://', examples: ["https://example.com/it's"] },
    depth: { type: 'integer', minimum: 1, maximum: 3, default: 2 },
  },
};
// Says what it was given: the input stands in its prompt.
const echo = `input=$(cat)
case "$input" in
  *https://wrong*) echo "it broke" >&2; exit 7;;
  *https://*) seen=yes;;
  *) seen=no;;
esac
echo "I looked."
printf '%s\\n' "{\\"result\\": {\\"seen\\": \\"$seen\\"}}"`;

let deployment;
let api;
let reader;
let path;
const cleanups = [];
before(async () => {
  deployment = await Deployment.make({ after: (f) => cleanups.push(f), diagnostic: () => {} });
  await deployment.serve();
  await deployment.worker('one', { PERSONAS_SANDBOX: 'none' });
  api = deployment.api();
  reader = await api.shellPersona('reader', echo,
    { inputSchema: schema, retry: { maxAttempts: 1 } });
  path = `/api/personas/${reader.id}/call`;
});
after(async () => { for (const cleanup of cleanups) await cleanup(); });

const run = (command, args) => promisify(execFile)(command, args, { env: { ...process.env,
  PERSONAS_URL: deployment.url, TEAM_API_KEY: deployment.keys.TEAM_API_KEY } });
const wrongFields = (answer) => answer.body.fields.map((field) => `${field.path} ${field.message}`);

test('a call answers with the result in time', async () => {
  const answer = await api.request('POST', `${path}?wait=60s`, { url: 'https://example.com' });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  assert.equal(answer.body.status, 'completed');
  assert.deepEqual(answer.body.result, { seen: 'yes' });
  assert.match(answer.body.answer, /^I looked\.\n/);
  assert.equal(answer.headers.get('location'), null);
  const execution = await api.execution(answer.body.executionId);
  assert.deepEqual(execution.inputData, { url: 'https://example.com' });
  assert.equal(execution.personaId, reader.id);
});

test('without time to wait it says where to ask, and that answers in the same form', async () => {
  const first = await api.request('POST', path, { url: 'https://example.com' });
  assert.equal(first.status, 202);
  assert.equal(first.headers.get('location'), first.body.statusUrl);
  let later = await api.request('GET', `${first.body.statusUrl}?wait=60s`);
  assert.equal(later.status, 200);
  assert.deepEqual(Object.keys(later.body), Object.keys(first.body));
  assert.equal(later.body.executionId, first.body.executionId);
  assert.deepEqual(later.body.result, { seen: 'yes' });
  const other = await api.shellPersona('other', 'true');
  later = await api.request('GET', `/api/personas/${other.id}/call/${first.body.executionId}`);
  assert.equal(later.status, 404);
});

test('what does not fit the schema is refused with its place, and starts nothing', async () => {
  const count = async () => (await api.get(`/api/executions?personaId=${reader.id}`)).length;
  const before = await count();
  const answer = await api.request('POST', `${path}?wait=60s`,
    { url: 'http://example.com', depth: 4, dephts: 1 });
  assert.equal(answer.status, 400);
  assert.deepEqual(wrongFields(answer).sort(), ['/dephts unknown field, did you mean \'depth\'?',
    '/depth must be at most 3', '/url must match the pattern ^https://']);
  assert.deepEqual(wrongFields(await api.request('POST', path)), ['/url is required']);
  assert.equal((await api.request('POST', path, '[1]')).status, 400);
  assert.equal((await api.request('POST', path, '{')).status, 400);
  assert.equal((await api.request('POST', `${path}?wait=6m`, { url: 'https://a' })).status, 400);
  assert.equal((await api.request('POST', path,
    { url: `https://${'a'.repeat(600_000)}` })).status, 413);
  assert.equal(await count(), before);
});

test('a schema is checked when it is saved', async () => {
  const save = (inputSchema) => api.request('PATCH', `/api/personas/${reader.id}`, { inputSchema });
  const refused = async (inputSchema) => {
    const answer = await save(inputSchema);
    assert.equal(answer.status, 400, JSON.stringify(answer.body));
    return wrongFields(answer);
  };
  assert.deepEqual(await refused({ properties: { a: { type: 'strin' } } }),
    ['/inputSchema/properties/a/type must be one of: array, boolean, integer, null, number, '
      + 'object, string']);
  assert.match((await refused({ properties: { a: { $ref: 'https://example.com/a.json' } } }))[0],
    /^\/inputSchema\/properties\/a\/\$ref must point into this schema/);
  assert.match((await refused({ properties: { a: { pattern: '(a+)+(?=b)' } } }))[0],
    /^\/inputSchema\/properties\/a\/pattern the pattern is wrong at its character/);
  assert.match((await refused({ type: 'object', title: 'x'.repeat(70_000) }))[0],
    /^\/inputSchema is larger than 65536 bytes/);
  assert.deepEqual(await refused({ type: 'array' }), ['/inputSchema/type must be object']);
  assert.deepEqual(await refused('{"type":"object"}'), ['/inputSchema expected an object']);
  assert.deepEqual((await api.get(`/api/personas/${reader.id}`)).inputSchema, schema);
  const made = await api.request('POST', '/api/personas',
    { name: 'wrong', inputSchema: { minimum: 'x' } });
  assert.deepEqual(wrongFields(made), ['/inputSchema/minimum expected a number']);
});

test('a repeated call under one key is one execution', async () => {
  const headers = { 'idempotency-key': 'call-1' };
  const answers = await Promise.all(Array.from({ length: 20 }, () =>
    api.request('POST', `${path}?wait=60s`, { url: 'https://example.com/1' }, headers)));
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
  assert.equal(new Set(answers.map(({ body }) => body.executionId)).size, 1);
  const other = await api.request('POST', path, { url: 'https://example.com/2' }, headers);
  assert.equal(other.status, 422);
});

test('a run that fails answers with its reason, a persona that is off is refused', async () => {
  const failed = await api.request('POST', `${path}?wait=60s`, { url: 'https://wrong' });
  assert.equal(failed.status, 200);
  assert.equal(failed.body.status, 'failed');
  assert.ok(failed.body.failureReason);
  assert.ok(failed.body.whatToDo);
  assert.equal(failed.body.result, null);
  const off = await api.shellPersona('off', 'true', { enabled: false });
  assert.equal((await api.request('POST', `/api/personas/${off.id}/call`, {})).status, 422);
  assert.equal((await api.request('POST', '/api/personas/per_none/call', {})).status, 404);
});

test('the line for curl works as it is printed', async () => {
  const form = await api.get(path);
  assert.deepEqual(form.inputSchema, schema);
  assert.deepEqual(form.example, { url: "https://example.com/it's", depth: 2 });
  const { stdout } = await run('sh', ['-c', form.curl]);
  assert.deepEqual(JSON.parse(stdout).result, { seen: 'yes' });
});

test('the command line calls it, and tells the result from what is said about it', async () => {
  const good = await run(binary, ['call', 'reader', '--input', '{"url":"https://a"}']);
  assert.deepEqual(JSON.parse(good.stdout), { seen: 'yes' });
  assert.match(good.stderr, /completed/);
  const json = await run(binary, ['call', 'reader', '--input', '{"url":"https://a"}', '--json']);
  assert.equal(JSON.parse(json.stdout).status, 'completed');
  const form = await run(binary, ['call', 'reader', '--form']);
  assert.match(form.stdout, /"pattern": "\^https:\/\/"[^]*curl -sS/);
  await assert.rejects(run(binary, ['call', 'reader', '--input', '{"url":1}']), (error) => {
    assert.equal(error.code, 64);
    assert.match(error.stderr, /\/url: expected string/);
    return true;
  });
  await assert.rejects(run(binary, ['call', 'reader', '--input', '{"url":"https://wrong"}']),
    { code: 1 });
  await assert.rejects(run(binary, ['call', 'reader', '--wait', '0s', '--input',
    '{"url":"https://a"}']), { code: 75 });
});

test('a schema is part of the persona: in its versions, in its file', async () => {
  const versions = await api.get(`/api/personas/${reader.id}/versions`);
  const version = await api.get(`/api/personas/${reader.id}/versions/${versions[0].version}`);
  assert.deepEqual(version.snapshot.inputSchema, schema);
  const file = await api.request('GET', `/api/personas/${reader.id}/export`);
  assert.match(file.body, /inputSchema:\n {2}type: object/);
});
