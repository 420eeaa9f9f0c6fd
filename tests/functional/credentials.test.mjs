// Credentials from the upload to the agent's environment, and nowhere else: the real agent CLI
// prints, encodes and says all it has, and no form of a value is found in what is kept.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createCipheriv, randomBytes } from 'node:crypto';
import { startMessagesApi } from '../messages_api/server.mjs';
import { contentsOf, formsOf } from './lib/canary.mjs';
import { claudePath } from './lib/claude.mjs';
import { Deployment } from './lib/program.mjs';

const values = {
  token: 'glpat-CANARY/"one"&one+0123456789',
  plain: `xoxb-CANARY-two-${randomBytes(60).toString('base64url')}`,
  provider: `sk-ant-oat01-CANARY-three-${randomBytes(40).toString('base64url')}`,
};
const forms = Object.entries(values).flatMap(([name, value]) => formsOf(name, value));
const url = 'https://git.example.org';

// Everything it has, in every way that is at hand. The CLI keeps its own token from its tools, but
// not out of their reach.
const reveal = `own=$(tr '\\0' '\\n' < /proc/$PPID/environ |
sed -n 's/^CLAUDE_CODE_OAUTH_TOKEN=//p');
echo "$own"; env | grep -E 'CONNECTOR_|TOKEN|KEY' ; env | base64; env | base64 -w0; echo;
for v in "$CONNECTOR_GIT_LAB_TOKEN" "$CONNECTOR_SLACK" "$own"; do
printf %s "$v" | base64; printf %s "$v" | base64 -w0 | tr +/ -_; echo;
printf x%s "$v" | base64; printf xy%s "$v" | base64 -w 20;
printf %s "$v" | od -An -v -tx1 | tr -d ' \\n'; echo;
printf %s "$v" | od -An -v -tx1 | tr -d ' \\n' | tr a-f A-F; echo;
printf %s "$v" | od -An -v -tx1 | tr -d '\\n' | sed 's/ /%/g' | tr a-f A-F; echo;
printf '%s\\n' "{\\"k\\":\\"$(printf %s "$v" | sed 's/"/\\\\"/g')\\"}";
done; printf '%s' "$CONNECTOR_SLACK" > kept-in-workspace; printf %s "$CONNECTOR_GIT_LAB_TOKEN" >&2`;

function sealUnderMasterKey(masterKey, text) {
  const iv = randomBytes(16);
  const cipher = createCipheriv('aes-256-gcm', Buffer.from(masterKey, 'hex'), iv);
  const data = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return { encryptedData: data.toString('hex'), iv: iv.toString('hex'),
    tag: cipher.getAuthTag().toString('hex') };
}

async function eventsUntil(api, path, last) {
  const events = [];
  for await (const event of api.stream(path)) {
    events.push(event);
    if (last(event)) return events;
  }
  return events;
}

function assertClean(places) {
  for (const [place, contents] of places) {
    for (const [form, bytes] of forms) {
      assert.ok(!contents.includes(bytes), `${form} in ${place}`);
    }
  }
}

test('credentials reach the agent and nothing else', { timeout: 240_000 }, async (t) => {
  const model = await startMessagesApi();
  t.after(() => model.stop());
  const deployment = await Deployment.make(t);
  const server = await deployment.serve({ PERSONAS_LOG_LEVEL: 'debug' });
  const worker = await deployment.worker('w1', { CLAUDE_PATH: claudePath(),
    PERSONAS_SANDBOX: 'auto', ANTHROPIC_BASE_URL: model.url, CLAUDE_CODE_MAX_RETRIES: '0',
    PERSONAS_LOG_LEVEL: 'debug' });
  const api = deployment.api();

  const gitlab = await api.post('/api/credentials', { name: 'git-lab', serviceType: 'gitlab',
    ...sealUnderMasterKey(deployment.keys.MASTER_KEY, JSON.stringify({ url, token: values.token })),
    metadata: '{"plainFields":["url"]}' });
  assert.deepEqual(gitlab.fields, ['url', 'token']);
  assert.deepEqual(gitlab.unmaskedFields, ['url']);
  const slack = await api.post('/api/credentials', { name: 'slack', value: values.plain });
  await api.post('/api/token', { token: values.provider });
  const persona = await api.post('/api/personas', { name: 'Teller', backend: 'claude' });
  await api.post(`/api/personas/${persona.id}/credentials`, { credentialId: gitlab.id });

  const execution = await api.finished(await api.execute(persona.id, {
    prompt: `SCENARIO:tell?command=${encodeURIComponent(reveal)}`, credentialIds: [slack.id] }));
  assert.equal(execution.status, 'completed', JSON.stringify(execution));

  await t.test('the agent had them', () => {
    const asked = model.requests.filter(({ scenario }) => scenario === 'tell').at(-1);
    assert.equal(asked.key, `Bearer ${values.provider}`);
    const seen = asked.messages.flatMap(({ content }) => Array.isArray(content) ? content : [])
      .filter(({ type }) => type === 'tool_result').map(({ content }) => JSON.stringify(content));
    for (const [form, bytes] of formsOf('token', values.token)) {
      if (/ as (value|JSON)$|hexadecimal|whole|base64 at/.test(form)) {
        const text = JSON.parse(`[${seen.join(',')}]`).flat()
          .map((part) => typeof part === 'string' ? part : part.text).join('\n');
        assert.ok(text.replaceAll('\n', '').includes(bytes), `${form} was not printed at all`);
      }
    }
  });

  await t.test('output, messages, memories, events, reviews and outcome are masked', async () => {
    assert.match(execution.output, /\[redacted:CONNECTOR_GIT_LAB_TOKEN\]/);
    assert.match(execution.output, /\[redacted:CONNECTOR_SLACK\]/);
    assert.ok(execution.output.includes(`CONNECTOR_GIT_LAB_URL=${url}`));
    const [message] = await api.get('/api/messages');
    assert.match(message.content, /CONNECTOR_SLACK=\[redacted:CONNECTOR_SLACK\]/);
    const [memory] = await api.get(`/api/personas/${persona.id}/memories`);
    assert.match(memory.content, /\[redacted:CONNECTOR_GIT_LAB_TOKEN\]/);
    const [review] = await api.get(`/api/executions/${execution.id}/reviews`);
    assert.match(review.description, /\[redacted:CONNECTOR_SLACK\]/);
  });

  await t.test('no form of a value is in answers, streams, logs or files', async () => {
    const answers = [];
    for (const path of ['/api/messages', '/api/events', '/api/credentials', '/api/executions',
      '/api/status', '/openapi.json', `/api/personas/${persona.id}/memories`,
      `/api/personas/${persona.id}/credentials`, `/api/executions/${execution.id}/reviews`,
      `/api/executions/${execution.id}?output=full`, `/api/credentials/${slack.id}`]) {
      answers.push([path, Buffer.from(JSON.stringify(await api.get(path)))]);
    }
    const isEnd = ({ data }) => data.executionId === execution.id && data.status === 'completed';
    for (const path of [`/api/executions/${execution.id}/stream`, '/v1/events?cursor=start']) {
      const events = await eventsUntil(api, path, isEnd);
      assert.ok(events.length > 3);
      answers.push([path, Buffer.from(JSON.stringify(events))]);
    }
    assertClean(answers);
    assertClean([['log of the server', Buffer.from(server.log)],
      ['log of the worker', Buffer.from(worker.log)]]);
    assertClean(contentsOf(deployment.folder));
    const lastUsed = await api.get(`/api/credentials/${slack.id}`);
    assert.ok(lastUsed.lastUsedAt);
  });

  await t.test('one that is gone ends the run, and says which', async () => {
    const lost = await api.post('/api/credentials', { name: 'lost', value: 'CANARY-lost' });
    await api.patch(`/api/personas/${persona.id}`, { maxConcurrent: 1 });
    const blocker = await api.execute(persona.id, { prompt: 'SCENARIO:hang' });
    await api.running(blocker);
    const waiting = await api.execute(persona.id, { credentialIds: [lost.id] });
    await api.delete(`/api/credentials/${lost.id}`);
    await api.post(`/api/executions/${blocker}/cancel`);
    const failed = await api.finished(waiting);
    assert.equal(failed.failureReason, 'credential_missing');
    assert.ok(JSON.stringify(failed).includes(lost.id));
  });

  await t.test('a token that has ended stops a run before it starts', async () => {
    const soon = new Date(Date.now() + 1_500).toISOString();
    await api.post('/api/token', { token: values.provider, expiresAt: soon });
    const before = model.requests.length;
    while (Date.now() < Date.parse(soon)) await api.get('/api/status');
    const failed = await api.finished(await api.execute(persona.id, { prompt: 'SCENARIO:text' }));
    assert.equal(failed.failureReason, 'agent_not_authenticated');
    assert.match(JSON.stringify(failed), /personas connect claude/);
    assert.equal(model.requests.length, before);
    assert.match((await api.get('/api/status')).token.warning, /ended/);
  });

  await Promise.all([server.stop(), worker.stop()]);
  assertClean(contentsOf(deployment.folder));
});
