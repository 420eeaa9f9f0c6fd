// Reviews answered by a signed link, without a key: once, in time, and by nobody who guesses.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Deployment } from './lib/program.mjs';
import { receiver } from './lib/receiver.mjs';
import { waitFor } from './lib/wait.mjs';

const limit = { timeout: 120_000 };
const evil = '<script>alert(1)</script> & "quotes" \u2014';
const question = JSON.stringify({ manual_review: { title: `Publish? ${evil}`,
  description: `It is small ${evil}`, severity: 'high', context_data: { note: evil },
  suggested_actions: ['Now', `Later ${evil}`] } });
const asker = `prompt=$(cat)
  case "$prompt" in
    *'## Continuation'*)
      case "$prompt" in *'1. approved'*) echo it was approved ;; esac
      case "$prompt" in *'1. rejected'*) echo it was rejected ;; esac
      case "$prompt" in *'with care'*) echo with care ;; esac ;;
    *) cat <<'END'
${question}
END
    ;;
  esac`;

async function start(t, fields = {}) {
  const deployment = await Deployment.make(t, { PERSONAS_ALLOW_PRIVATE_TARGETS: 'on',
    PERSONAS_LOG_LEVEL: 'debug' });
  const env = { PERSONAS_PUBLIC_URL: deployment.url };
  const server = await deployment.serve(env);
  await deployment.worker('w1');
  const api = deployment.api();
  const hook = await receiver(t);
  const sink = await api.post('/api/notification-sinks', { url: hook.url, topics: ['reviews'] });
  const persona = await api.shellPersona('asker', asker, fields);
  const ask = async () => {
    const before = hook.seen.length;
    const id = await api.execute(persona.id);
    await waitFor('the notification', () => hook.seen.length > before);
    const { data } = hook.seen.at(-1).json;
    assert.equal(data.executionId, id);
    return { id, url: data.reviewUrl, reviewId: data.reviewId };
  };
  return { deployment, server, env, api, sink, hook, persona, ask };
}

const open = async (url, init) => {
  const response = await fetch(url, { redirect: 'manual', ...init });
  return { status: response.status, headers: response.headers, text: await response.text() };
};
const answer = (url, fields) => open(url, { method: 'POST',
  body: new URLSearchParams(fields) });

test('a link shows the question, and takes one answer', limit, async (t) => {
  const { deployment, server, env, api, sink, hook, ask } = await start(t);
  const { id, url, reviewId } = await ask();
  assert.ok(url.startsWith(`${deployment.url}/r/${reviewId}.`), url);

  // Looking ahead changes nothing, however often and by whichever method.
  for (const method of ['GET', 'GET', 'HEAD']) {
    assert.equal((await open(url, { method })).status, 200);
  }
  const page = await open(url);
  assert.match(page.headers.get('content-type'), /^text\/html; charset=utf-8/);
  const policy = page.headers.get('content-security-policy');
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /script-src|unsafe-inline/);
  assert.equal(page.headers.get('cache-control'), 'no-store');
  assert.equal(page.headers.get('referrer-policy'), 'no-referrer');
  assert.equal(page.headers.get('x-content-type-options'), 'nosniff');
  assert.equal(page.headers.get('x-frame-options'), 'DENY');
  assert.ok(!/<script/i.test(page.text), page.text);
  assert.equal(page.text.split('&lt;script&gt;').length - 1 >= 4, true, page.text);
  assert.match(page.text, /<button name="decision" value="approved">/);
  assert.equal((await api.execution(id)).parked, 'review', 'nobody has answered');

  // No decision is no answer, and the question is shown again.
  const unclear = await answer(url, { message: 'hm' });
  assert.equal(unclear.status, 400);
  assert.match(unclear.text, /Choose Approve or Reject/);

  // The link outlives the process.
  await server.kill();
  const second = await deployment.serve(env);
  const thanks = await answer(url, { decision: 'approved', action: 'Now', message: 'with care' });
  assert.equal(thanks.status, 200, thanks.text);
  const done = await deployment.api().completed(id);
  assert.equal(done.output, 'it was approved\nwith care\n');
  const [review] = await deployment.api().get(`/api/executions/${id}/reviews`);
  assert.equal(review.respondedBy, 'review link');
  assert.equal(review.responseMessage, 'Now\n\nwith care');
  for (const spent of [await open(url), await answer(url, { decision: 'rejected' })]) {
    assert.equal(spent.status, 410);
    assert.match(spent.text, /has been answered/);
  }
  assert.equal((await open(url, { method: 'PUT' })).status, 405);
  // Who may read the log of deliveries cannot answer, and no log knows the link.
  const token = url.split('/r/')[1];
  const log = JSON.stringify(await deployment.api()
    .get(`/api/notification-sinks/${sink.id}/deliveries`));
  assert.match(log, /\/r\/…/);
  const mac = token.split('.').at(-1);
  assert.ok(!log.includes(mac));
  await second.stop();
  assert.ok(!server.log.includes(mac) && !second.log.includes(mac), 'the token is in a log');
  assert.ok(hook.seen.some(({ body }) => body.includes(mac)), 'the check can fail');
});

test('answers that meet: one counts', limit, async (t) => {
  const { api, ask } = await start(t);
  const { id, url } = await ask();
  const all = await Promise.all(Array.from({ length: 8 }, (_, i) =>
    answer(url, { decision: i % 2 ? 'approved' : 'rejected' })));
  const good = all.filter(({ status }) => status === 200);
  assert.equal(good.length, 1, all.map(({ status }) => status).join());
  assert.ok(all.every(({ status }) => status === 200 || status === 410));
  const [review] = await api.get(`/api/executions/${id}/reviews`);
  assert.match(good[0].text, new RegExp(`The review is ${review.status}`));
});

test('an expired link says so', limit, async (t) => {
  const { api, ask } = await start(t, { reviewTimeoutMs: 1_500 });
  const { id, url } = await ask();
  await api.completed(id);
  for (const late of [await open(url), await answer(url, { decision: 'approved' })]) {
    assert.equal(late.status, 410);
    assert.match(late.text, /has expired/);
  }
});

test('a link that was changed, guessed or is of another deployment opens nothing', limit,
  async (t) => {
    const { deployment, api, ask } = await start(t);
    const { id, url } = await ask();
    const other = await ask();
    const [review, mac] = url.split('/r/')[1].split('.');
    const [, otherMac] = other.url.split('/r/')[1].split('.');
    const flipped = (mac[0] === 'A' ? 'B' : 'A') + mac.slice(1);
    const tries = [`${review}.${flipped}`, `${review}.${otherMac}`, `${review}.`, review,
      `${review}.${mac.slice(1)}`, 'rev_none.AAAAAAAAAAAAAAAAAAAAAA', 'x'];
    for (const token of tries) {
      for (const tried of [await open(`${deployment.url}/r/${token}`),
        await answer(`${deployment.url}/r/${token}`, { decision: 'approved' })]) {
        assert.equal(tried.status, 401, token);
        assert.ok(!tried.text.includes('Publish'), token);
      }
    }
    assert.equal((await api.execution(id)).parked, 'review');
    // Whoever goes on guessing waits; the link itself is shut with the guesser's address only.
    let limited;
    for (let i = 0; i < 2_000 && !limited; ++i) {
      const { status } = await open(`${deployment.url}/r/${review}.${flipped}`);
      if (status === 429) limited = i;
    }
    assert.ok(limited !== undefined, 'guesses are not limited');
    assert.equal((await open(url)).status, 429);
    assert.equal((await api.get('/api/reviews/pending')).length, 2);
  });

test('without a public URL there are no links', limit, async (t) => {
  const deployment = await Deployment.make(t, { PERSONAS_ALLOW_PRIVATE_TARGETS: 'on' });
  await deployment.serve();
  await deployment.worker('w1');
  const api = deployment.api();
  const hook = await receiver(t);
  await api.post('/api/notification-sinks', { url: hook.url, topics: ['reviews'] });
  const persona = await api.shellPersona('asker', asker);
  await api.execute(persona.id);
  await waitFor('the notification', () => hook.seen.length === 1);
  assert.equal(hook.seen[0].json.data.reviewUrl, undefined);
});
