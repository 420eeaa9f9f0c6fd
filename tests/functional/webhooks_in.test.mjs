// Webhooks of every sender against the real program, signed by other code than the program's own:
// right, repeated, changed, unsigned, too old, as large as they may be and one byte larger.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Deployment } from './lib/program.mjs';

const secrets = Object.fromEntries(['GITHUB_WEBHOOK_SECRET', 'GITLAB_WEBHOOK_SECRET',
  'LINEAR_WEBHOOK_SECRET', 'SLACK_SIGNING_SECRET', 'STRIPE_WEBHOOK_SECRET']
  .map((name) => [name, `canary-${randomBytes(12).toString('hex')}`]));
const standardKey = randomBytes(32);
secrets.STANDARD_WEBHOOK_SECRET = `whsec_${standardKey.toString('base64')}`;

let deployment;
let server;
let api;
const cleanups = [];
before(async () => {
  deployment = await Deployment.make({ after: (f) => cleanups.push(f), diagnostic: () => {} });
  server = await deployment.serve(secrets);
  api = deployment.api();
});
after(async () => { for (const cleanup of cleanups) await cleanup(); });

const second = () => Math.floor(Date.now() / 1000);
const hmac = (key, text) => createHmac('sha256', key).update(text);
const hex = (key, text) => hmac(key, text).digest('hex');

// As a sender: no key but what is in `headers`.
async function send(path, body, headers = {}) {
  const response = await fetch(deployment.url + path,
    { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });
  const text = await response.text();
  return { status: response.status, text, body: text ? JSON.parse(text) : undefined,
    type: response.headers.get('content-type') };
}

const events = () => api.get('/api/events?limit=500');
const newest = async () => (await events())[0];

function standardHeaders(key, id, at, body) {
  return { 'webhook-id': id, 'webhook-timestamp': String(at),
    'webhook-signature': `v1,${hmac(key, `${id}.${at}.${body}`).digest('base64')}` };
}

// For each sender: its path, a body, headers that prove it, what comes of it, and whether it says
// when it signed.
const senders = {
  github: { path: '/api/github/webhook', type: 'github_push', source: 'org/app',
    body: () => '{"ref": "refs/heads/main", "repository": {"full_name": "org/app"}}',
    headers: (body, id) => ({ 'x-github-event': 'push', 'x-github-delivery': id,
      'x-hub-signature-256': `sha256=${hex(secrets.GITHUB_WEBHOOK_SECRET, body)}` }) },
  gitlab: { path: '/api/gitlab/webhook', type: 'gitlab_push', source: 'org/app',
    bodyUnsigned: true,
    body: () => '{"object_kind": "push", "project": {"path_with_namespace": "org/app"}}',
    headers: (_, id) => ({ 'x-gitlab-event-uuid': id,
      'x-gitlab-token': secrets.GITLAB_WEBHOOK_SECRET }) },
  slack: { path: '/api/slack/webhook', type: 'slack_app_mention', source: 'T1', timed: true,
    body: (id) => `{"team_id":"T1","event_id":"${id}","event":{"type":"app_mention"}}`,
    headers: (body, _, at) => ({ 'x-slack-request-timestamp': String(at),
      'x-slack-signature': `v0=${hex(secrets.SLACK_SIGNING_SECRET, `v0:${at}:${body}`)}` }) },
  stripe: { path: '/api/stripe/webhook', type: 'stripe_invoice.paid', source: 'acct_1', timed: true,
    body: (id) => `{"id": "${id}", "type": "invoice.paid", "account": "acct_1"}`,
    headers: (body, _, at) => ({ 'stripe-signature':
      `t=${at},v1=${hex(secrets.STRIPE_WEBHOOK_SECRET, `${at}.${body}`)},v0=00` }) },
  linear: { path: '/api/linear/webhook', type: 'linear_Issue', source: 'ENG', timed: true,
    body: (_, at) =>
      `{"type":"Issue","webhookTimestamp":${at * 1000},"data":{"team":{"key":"ENG"}}}`,
    headers: (body, id) => ({ 'linear-delivery': id,
      'linear-signature': hex(secrets.LINEAR_WEBHOOK_SECRET, body) }) },
  standard: { path: '/api/standard/webhook', type: 'standard_contact.created', source: null,
    timed: true, body: () => '{"type": "contact.created"}',
    headers: (body, id, at) => standardHeaders(standardKey, id, at, body) },
};

for (const [name, sender] of Object.entries(senders)) {
  test(`${name}: signed is taken, repeated has no second effect`, async () => {
    const id = `${name}-1`;
    const body = sender.body(id, second());
    const headers = sender.headers(body, id, second());
    const first = await send(sender.path, body, headers);
    assert.equal(first.status, 200, first.text);
    const event = await newest();
    assert.equal(event.id, first.body.eventId);
    assert.equal(event.eventType, sender.type);
    if (sender.source) assert.equal(event.sourceId, sender.source);
    assert.deepEqual(JSON.parse(event.payload), JSON.parse(body));
    const count = (await events()).length;
    const again = await Promise.all(Array.from({ length: 10 },
      () => send(sender.path, body, headers)));
    for (const answer of again) {
      assert.equal(answer.status, 200);
      assert.deepEqual(answer.body, { ...first.body, repeated: true });
    }
    assert.equal((await events()).length, count);
    const log = await api.get(`/api/webhooks/deliveries/${first.body.deliveryId}`);
    assert.equal(log.repetitions, 10);
    assert.equal(log.body, body);
  });

  test(`${name}: unsigned, changed and too old are refused in the same words`, async () => {
    const id = `${name}-2`;
    const body = sender.body(id, second());
    const count = (await events()).length;
    const refused = [await send(sender.path, body)];
    if (!sender.bodyUnsigned) {
      refused.push(await send(sender.path, body.replace('{', '{ '),
        sender.headers(body, id, second())));
    }
    if (sender.timed) {
      for (const at of [second() - 302, second() + 302]) {
        const old = sender.body(id, at);
        refused.push(await send(sender.path, old, sender.headers(old, id, at)));
      }
    }
    for (const answer of refused) {
      assert.equal(answer.status, 401, answer.text);
      assert.equal(answer.type, 'application/problem+json');
      assert.equal(answer.body.detail, refused[0].body.detail);
    }
    assert.equal((await events()).length, count);
  });
}

test('Slack is told its challenge when the request is proven, and not before', async () => {
  const body = '{"type":"url_verification","challenge":"3eZbrw1a"}';
  assert.equal((await send('/api/slack/webhook', body)).status, 401);
  const answer = await send('/api/slack/webhook', body, senders.slack.headers(body, '', second()));
  assert.equal(answer.status, 200);
  assert.equal(answer.body.challenge, '3eZbrw1a');
});

test('a source takes Ed25519 by its public key', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  const source = await api.post('/api/webhook-sources',
    { name: 'asymmetric', preset: 'standard', secret: `whpk_${raw.toString('base64')}` });
  const at = second();
  const body = '{"type":"a.b"}';
  const signature = sign(null, Buffer.from(`msg_9.${at}.${body}`), privateKey).toString('base64');
  const headers = { 'webhook-id': 'msg_9', 'webhook-timestamp': String(at),
    'webhook-signature': `v1a,${signature}` };
  assert.equal((await send(source.path, body, headers)).status, 200);
  assert.equal((await send(source.path, `${body} `, headers)).status, 401);
});

test('the curls of the deployment guide', async () => {
  const curl = async (...args) => {
    const { stdout } = await promisify(execFile)('curl',
      ['-sS', '-o', '/dev/null', '-w', '%{http_code}', ...args]);
    return stdout;
  };
  const key = ['-H', `Authorization: Bearer ${deployment.keys.TEAM_API_KEY}`];
  const persona = (await api.post('/api/personas', { name: 'guide' })).id;
  const url = `${deployment.url}/api/webhooks/${persona}`;
  assert.equal(await curl('-X', 'POST', url, ...key, '-d', '{"any": "payload"}'), '200');
  assert.equal((await newest()).targetPersonaId, persona);
  assert.equal(await curl('-X', 'POST', url, '-d', '{"any": "payload"}'), '401');
  const gitlab = `${deployment.url}/api/gitlab/webhook`;
  const body = senders.gitlab.body();
  assert.equal(await curl('-X', 'POST', gitlab, ...key, '-d', body), '200');
  assert.equal((await newest()).eventType, 'gitlab_push');
  assert.equal(await curl('-X', 'POST', gitlab, '-H',
    `X-Gitlab-Token: ${deployment.keys.TEAM_API_KEY}`, '-d', body), '200');
  assert.equal(await curl('-X', 'POST', gitlab, '-H', 'X-Gitlab-Token: guess', '-d', body), '401');
});

test('five megabytes are taken, and one byte more is not', async () => {
  const persona = (await api.post('/api/personas',
    { name: 'large', webhookSecret: 'canary-persona-secret' })).id;
  const path = `/api/webhooks/${persona}`;
  const headers = { 'x-webhook-secret': 'canary-persona-secret' };
  const body = `"${'x'.repeat(5 * 1024 * 1024 - 2)}"`;
  const taken = await send(path, body, headers);
  assert.equal(taken.status, 200, taken.text.slice(0, 300));
  assert.equal((await api.get(`/api/events/${taken.body.eventId}`)).payload.length, body.length);
  assert.equal((await send(path, `${body} `, headers)).status, 413);
});

test('a replay is a new event, also after a restart; the log shows no secret', async () => {
  const [first] = await api.get('/api/webhooks/deliveries?status=accepted');
  await server.stop();
  server = await deployment.serve(secrets);
  const replay = await api.post(`/api/webhooks/deliveries/${first.id}/replay`);
  assert.notEqual(replay.eventId, first.eventId);
  assert.equal(replay.firstEventId, first.eventId);
  const github = senders.github.headers(senders.github.body(), 'github-1');
  const again = await send('/api/github/webhook', senders.github.body(), github);
  assert.equal(again.body.repeated, true, 'what was seen is known after a restart');
  const log = JSON.stringify(await api.get('/api/webhooks/deliveries?limit=500')) + server.log;
  for (const secret of [...Object.values(secrets), 'canary-persona-secret']) {
    assert.ok(!log.includes(secret));
  }
  const reasons = (await api.get('/api/webhooks/deliveries?status=refused')).map((d) => d.error);
  assert.ok(reasons.every((reason) => reason));
});

test('killed in a burst that its sender then repeats: each delivery once', async () => {
  const count = 200;
  const deliver = (n) => {
    const body = `{"n": ${n}}`;
    return send('/api/github/webhook', body,
      { ...senders.github.headers(body, `burst-${n}`), 'x-github-event': 'burst' });
  };
  let answered = 0;
  const first = Array.from({ length: count }, (_, n) => deliver(n).then((answer) => {
    assert.equal(answer.status, 200);
    answered += 1;
    if (answered === 40) server.signal('SIGKILL');
    return answer.body.eventId;
  }).catch(() => null));
  const before = await Promise.all(first);
  await server.ended;
  assert.ok(answered >= 40);
  server = await deployment.serve(secrets);
  const after = await Promise.all(Array.from({ length: count }, (_, n) => deliver(n)));
  const rows = await api.get('/api/events?eventType=github_burst&limit=500');
  assert.equal(rows.length, count);
  assert.equal(new Set(rows.map(({ payload }) => payload)).size, count);
  before.forEach((event, n) => {
    if (event) assert.equal(after[n].body.eventId, event, 'acknowledged before, so there now');
  });
});

test('an empty secret in the settings is refused at the start', async () => {
  await server.stop();
  const program = deployment.start(['serve', '--data-dir', deployment.dataDir],
    { ...deployment.keys, HTTP_PORT: '0', WS_PORT: '0', GITHUB_WEBHOOK_SECRET: '' });
  const { code } = await program.ended;
  assert.notEqual(code, 0);
  assert.match(program.log, /GITHUB_WEBHOOK_SECRET/);
});
