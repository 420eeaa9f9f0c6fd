// Webhooks out of the real program, to receivers of the test's own: signed, tried again, guarded,
// and none lost when the server is killed.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createHmac, createPublicKey, verify } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { contentsOf } from './lib/canary.mjs';
import { Deployment } from './lib/program.mjs';
import { receiver } from './lib/receiver.mjs';
import { waitFor } from './lib/wait.mjs';

// Standard Webhooks, written anew from its text: not with the code that signs.
function signedBy(secret, { id, at, signature, body }) {
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  const mac = createHmac('sha256', key).update(`${id}.${at}.${body}`).digest('base64');
  return signature.split(' ').includes(`v1,${mac}`);
}
function signedByKey(publicKey, { id, at, signature, body }) {
  const x = Buffer.from(publicKey.replace('whpk_', ''), 'base64').toString('base64url');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  const entry = signature.split(' ').find((one) => one.startsWith('v1a,'));
  return entry !== undefined && verify(null, Buffer.from(`${id}.${at}.${body}`), key,
    Buffer.from(entry.slice(4), 'base64'));
}

const allowed = { PERSONAS_ALLOW_PRIVATE_TARGETS: 'on' };
const publish = (api, n) => api.post('/api/events',
  { eventType: `order.${n}`, payload: { n } });
const webhook = (api, url, fields = {}) => api.post('/v1/webhooks',
  { url, events: ['order.*'], ...fields });
const deliveries = (api, id) => api.get(`/v1/webhooks/${id}/deliveries?limit=500`);

test('a delivery is signed so that others can verify it', { timeout: 60_000 }, async (t) => {
  const deployment = await Deployment.make(t, allowed);
  const server = await deployment.serve();
  assert.match(server.log, /targets\.private_allowed/);
  const api = deployment.api();
  const { seen, url } = await receiver(t);
  const hook = await webhook(api, url, { asymmetric: true });
  await publish(api, 1);
  await waitFor('the delivery', () => seen.length === 1);
  const [one] = seen;
  assert.ok(signedBy(hook.secret, one));
  assert.ok(signedByKey(hook.publicKey, one));
  assert.ok(Math.abs(Number(one.at) - Date.now() / 1000) < 30);
  assert.equal(one.json.type, 'event.published');
  assert.equal(one.json.data.eventType, 'order.1');
  assert.ok(!Number.isNaN(Date.parse(one.json.timestamp)));
  // The checker itself: a changed body and another secret are noticed.
  assert.ok(!signedBy(hook.secret, { ...one, body: `${one.body} ` }));
  assert.ok(!signedBy('whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', one));
  assert.ok(!signedByKey(hook.publicKey, { ...one, at: '1' }));

  const rotated = await api.post(`/v1/webhooks/${hook.id}/rotate`);
  await api.post(`/v1/webhooks/${hook.id}/test`);
  await waitFor('the test', () => seen.length === 2);
  assert.ok(signedBy(hook.secret, seen[1]) && signedBy(rotated.secret, seen[1]));
  assert.equal(seen[1].json.type, 'webhook.test');
  await server.stop();
  const places = [['log', Buffer.from(server.log)], ...contentsOf(deployment.folder)];
  for (const secret of [hook.secret, rotated.secret].map((text) => text.replace('whsec_', ''))) {
    const forms = [secret, Buffer.from(secret, 'base64')];
    for (const [place, contents] of places) {
      assert.ok(!forms.some((form) => contents.includes(form)), `a secret in ${place}`);
    }
  }
});

test('failures are tried again under the same id, and Retry-After is heard',
  { timeout: 60_000 }, async (t) => {
    const deployment = await Deployment.make(t, allowed);
    await deployment.serve();
    const api = deployment.api();
    const flaky = await receiver(t, (request, response, count) => {
      response.writeHead(count === 1 ? 500 : 200).end();
    });
    const patient = await receiver(t, (request, response) => {
      response.writeHead(503, { 'Retry-After': '99999999' }).end();
    });
    const first = await webhook(api, flaky.url);
    const second = await webhook(api, patient.url);
    await publish(api, 1);
    await waitFor('the second attempt', () => flaky.seen.length === 2);
    assert.equal(flaky.seen[0].id, flaky.seen[1].id);
    assert.equal(flaky.seen[0].body, flaky.seen[1].body);
    assert.ok(Number(flaky.seen[1].at) - Number(flaky.seen[0].at) >= 4);
    assert.ok(signedBy(first.secret, flaky.seen[1]));
    const settled = await waitFor('it to be delivered', async () =>
      (await deliveries(api, first.id)).find(({ status }) => status === 'delivered'));
    assert.equal(settled.attempts, 2);
    const [waiting] = await deliveries(api, second.id);
    assert.equal(waiting.status, 'failed');
    assert.equal(waiting.lastStatus, 503);
    const wait = Date.parse(waiting.nextAttemptAt) - Date.parse(waiting.lastAttemptAt);
    assert.equal(wait, 86_400_000);
  });

test('410 disables, redirects lead nowhere, an endless answer costs nothing',
  { timeout: 60_000 }, async (t) => {
    const deployment = await Deployment.make(t, allowed);
    await deployment.serve();
    const api = deployment.api();
    const target = await receiver(t);
    const gone = await receiver(t, (request, response) => response.writeHead(410).end());
    const elsewhere = await receiver(t, (request, response) => response
      .writeHead(302, { Location: target.url }).end());
    let written = 0;
    const endless = await receiver(t, (request, response) => {
      response.writeHead(200);
      const piece = Buffer.alloc(65_536, 120);
      const more = () => {
        while (!response.destroyed && response.write(piece)) written += piece.length;
      };
      response.on('drain', more).on('error', () => {});
      more();
    });
    const [g, e, x] = await Promise.all([gone, elsewhere, endless]
      .map(({ url }) => webhook(api, url)));
    await publish(api, 1);
    await waitFor('the endpoint to be disabled', async () => {
      const now = await api.get(`/v1/webhooks/${g.id}`);
      return !now.enabled && /410/.test(now.disabledReason);
    });
    await waitFor('the event that says so', async () => (await api.get('/api/events'))
      .find(({ eventType }) => eventType === 'webhook.disabled'));
    const redirected = await waitFor('the redirect to count as a failure', async () =>
      (await deliveries(api, e.id)).find(({ status }) => status === 'failed'));
    assert.equal(redirected.lastStatus, 302);
    await waitFor('the endless answer to be left', async () => (await deliveries(api, x.id))
      .find(({ status }) => status === 'delivered'));
    assert.equal(target.seen.length, 0);
    assert.ok(written < 64 << 20, `${written} bytes were taken`);
  });

test('private targets are refused unless they are allowed by name', { timeout: 60_000 },
  async (t) => {
    const deployment = await Deployment.make(t);
    let server = await deployment.serve();
    assert.doesNotMatch(server.log, /targets\.private_allowed/);
    const { seen, url } = await receiver(t);
    const refused = await deployment.api().request('POST', '/v1/webhooks',
      { url, events: ['*'] });
    assert.equal(refused.status, 400);
    await server.stop();
    server = await deployment.serve(allowed);
    const hook = await webhook(deployment.api(), url);
    await server.stop();
    // Registered while it was allowed; the guard asks again at every attempt.
    await deployment.serve();
    await publish(deployment.api(), 1);
    const failed = await waitFor('it to be refused', async () =>
      (await deliveries(deployment.api(), hook.id)).find(({ status }) => status === 'failed'));
    assert.match(failed.lastError, /private network/);
    assert.equal(seen.length, 0);
  });

test('people are told of failures, signed or as Slack reads it', { timeout: 90_000 }, async (t) => {
  const deployment = await Deployment.make(t, allowed);
  const server = await deployment.serve();
  await deployment.worker('w1');
  const api = deployment.api();
  const hook = await receiver(t);
  const slack = await receiver(t);
  const sink = await api.post('/api/notification-sinks', { url: hook.url, topics: ['failures'] });
  await api.post('/api/notification-sinks', { kind: 'slack', url: `${slack.url}/s3cr3t`,
    topics: ['failures'] });
  assert.doesNotMatch(JSON.stringify(await api.get('/api/notification-sinks')), /s3cr3t/);
  const persona = await api.shellPersona('doomed', 'exit 3', { retry: { maxAttempts: 1 } });
  const execution = await api.execute(persona.id);
  await waitFor('both to be told', () => hook.seen.length === 1 && slack.seen.length === 1);
  assert.ok(signedBy(sink.secret, hook.seen[0]));
  assert.equal(hook.seen[0].json.data.topic, 'failures');
  assert.equal(hook.seen[0].json.data.executionId, execution);
  assert.equal(slack.seen[0].json.text, 'doomed failed');
  assert.equal(slack.seen[0].json.blocks.length, 2);
  assert.equal(slack.seen[0].path, '/hook/s3cr3t');
  assert.equal(slack.seen[0].signature, undefined);
  await server.stop();
  assert.ok(!server.log.includes('s3cr3t'));
  for (const [place, contents] of contentsOf(deployment.dataDir)) {
    assert.ok(!contents.includes('s3cr3t'), `the URL in ${place}`);
  }
});

// What was published and acknowledged, against what the receiver saw: nothing may be missing, and
// what came more than once came under one id and with one body.
function judge(acknowledged, seen) {
  const ids = new Map();
  for (const { id, body, json } of seen) {
    const event = json.data.eventId;
    const known = ids.get(event) ?? { id, body };
    if (known.id !== id || known.body !== body) return `${event} came in two forms`;
    ids.set(event, known);
  }
  const lost = acknowledged.filter((event) => !ids.has(event));
  return lost.length > 0 ? `lost ${lost.length}: ${lost.slice(0, 3)}` : undefined;
}

test('no acknowledged event is lost when the server is killed in the middle',
  { timeout: 180_000 }, async (t) => {
    const deployment = await Deployment.make(t, allowed);
    let server = await deployment.serve();
    const { seen, url } = await receiver(t);
    await webhook(deployment.api(), url);
    const acknowledged = [];
    const rounds = 5;
    for (let round = 0; round < rounds; ++round) {
      const api = deployment.api();
      let open = true;
      const publishing = Array.from({ length: 4 }, async () => {
        while (open) {
          try {
            acknowledged.push((await publish(api, round)).id);
          } catch { return; }  // the server is gone
        }
      });
      const enough = acknowledged.length + 40;
      await waitFor('events of this round', () => acknowledged.length >= enough);
      await sleep(round * 7);  // so that rounds are killed at different steps
      await server.kill();
      open = false;
      await Promise.all(publishing);
      server = await deployment.serve();
    }
    await waitFor('every event to arrive', () => judge(acknowledged, seen) === undefined, 60_000);
    t.diagnostic(`${acknowledged.length} events, ${seen.length} deliveries, ${rounds} kills`);
    // The checker itself: it notices one that is missing, and one that came in two forms.
    const victim = acknowledged[7];
    assert.match(judge(acknowledged, seen.filter(({ json }) => json.data.eventId !== victim)),
      /lost 1/);
    assert.match(judge(acknowledged, [...seen, { ...seen[0], id: 'whm_other' }]), /two forms/);
  });
