// Notification sinks of the real program: e-mail to a mail server of the test's own, commands on a
// real worker, expiries over restarts, and the sinks' operations.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { contentsOf } from './lib/canary.mjs';
import { certificate } from './lib/certificate.mjs';
import { sql } from './lib/database.mjs';
import { descendants } from './lib/processes.mjs';
import { Deployment } from './lib/program.mjs';
import { receiver } from './lib/receiver.mjs';
import { smtpServer } from './lib/smtp_server.mjs';
import { waitFor } from './lib/wait.mjs';

const limit = { timeout: 120_000 };
const allowed = { PERSONAS_ALLOW_PRIVATE_TARGETS: 'on' };
const password = 'pa55w0rd-of-the-sink';
const sinks = '/api/notification-sinks';
const to = ['ann@example.com', 'bob@example.com'];
const log = (api, id) => api.get(`${sinks}/${id}/deliveries?limit=500`);
const settled = (api, id, status) => waitFor(`a delivery to be ${status}`, async () =>
  (await log(api, id)).find((one) => one.status === status));

async function start(t, env = {}) {
  const deployment = await Deployment.make(t, allowed);
  const files = certificate(deployment.folder);
  const settings = { PERSONAS_CA_FILE: files.cert, ...env };
  const server = await deployment.serve(settings);
  return { deployment, files, settings, server, api: deployment.api() };
}

test('e-mail goes through STARTTLS with a login, and its password is nowhere', limit, async (t) => {
  const { deployment, files, server, api } = await start(t);
  await deployment.worker('w1');
  const ways = [['PLAIN', 'starttls'], ['LOGIN', 'starttls'], ['PLAIN', 'implicit']];
  for (const [login, tls] of ways) {
    const mail = await smtpServer(t, { tls, ...files, login, users: { bot: password } });
    const sink = await api.post(sinks, { kind: 'email', url: mail.url, to, topics: ['failures'],
      from: 'bot@example.org', user: 'bot', password });
    assert.ok(!JSON.stringify(sink).includes(password));
    await api.post(`${sinks}/${sink.id}/test`);
    await waitFor('the test', () => mail.messages.length === 1);
    const [message] = mail.messages;
    assert.ok(message.secure && message.user === 'bot', `${login} ${tls}`);
    assert.deepEqual(message.to, to);
    assert.deepEqual(mail.logins, [{ user: 'bot', good: true, secure: true }]);
    assert.ok(mail.commands.every(({ line, secure }) => secure || /^(EHLO|STARTTLS)/.test(line)));
    assert.equal(message.headers.from, 'Personas <bot@example.org>');
    assert.equal(message.headers['auto-submitted'], 'auto-generated');
    assert.match(message.body, /the sink works/);
    const row = await settled(api, sink.id, 'delivered');
    assert.equal(row.lastStatus, 250);
    assert.equal(message.headers['message-id'], `<${row.id}@example.org>`);
    await api.delete(`${sinks}/${sink.id}`);
  }
  const mail = await smtpServer(t, { tls: 'starttls', ...files, users: { bot: password } });
  await api.post(sinks, { kind: 'email', url: mail.url, to, topics: ['failures'],
    from: 'bot@example.org', user: 'bot', password });
  const name = 'Größe\r\nBcc: eve@example.com';
  const odd = await api.request('POST', '/api/personas', { name, backend: 'command',
    permissionPolicy: { command: ['/bin/sh', '-c', 'exit 3'] }, retry: { maxAttempts: 1 } });
  const persona = odd.status === 201 ? odd.body
    : await api.shellPersona('Größe', 'exit 3', { retry: { maxAttempts: 1 } });
  await api.execute(persona.id);
  await waitFor('the mail', () => mail.messages.length === 1);
  const [{ headers, body }] = mail.messages;
  assert.match(headers.subject, /^Größe.* failed$/);
  assert.equal(headers.bcc, undefined);
  assert.match(body, /failed in attempt 1/);
  await server.stop();
  const places = [['log', Buffer.from(server.log)], ...contentsOf(deployment.dataDir)];
  const forms = [password, Buffer.from(password).toString('base64'),
    Buffer.from(`\0bot\0${password}`).toString('base64')];
  for (const [place, contents] of places) {
    assert.ok(!forms.some((form) => contents.includes(form)), `the password in ${place}`);
  }
});

test('the platform has a server for sinks that name none', limit, async (t) => {
  const mail = await smtpServer(t);
  const refused = await Deployment.make(t);
  await refused.serve();
  const none = await refused.api().request('POST', sinks, { kind: 'email', to,
    topics: ['failures'], from: 'a@b.example' });
  assert.equal(none.status, 400);
  assert.match(JSON.stringify(none.body.fields), /url/);
  // The server of the settings may be this machine's; one that a sink names may not.
  const deployment = await Deployment.make(t);
  await deployment.serve({ PERSONAS_SMTP_URL: mail.url, PERSONAS_SMTP_FROM: 'us@example.org' });
  const api = deployment.api();
  const own = await api.request('POST', sinks, { kind: 'email', url: mail.url, to,
    topics: ['failures'] });
  assert.equal(own.status, 400);
  assert.match(own.body.detail, /private network/);
  const sink = await api.post(sinks, { kind: 'email', to, topics: ['failures'] });
  await api.post(`${sinks}/${sink.id}/test`);
  await waitFor('the test', () => mail.messages.length === 1);
  assert.equal(mail.messages[0].headers.from, 'Personas <us@example.org>');
});

test('a wrong password disables the sink at once, and the right one sends what was held', limit,
  async (t) => {
    const { files, api } = await start(t);
    const mail = await smtpServer(t, { tls: 'starttls', ...files, users: { bot: password } });
    const sink = await api.post(sinks, { kind: 'email', url: mail.url, to, topics: ['failures'],
      from: 'bot@example.org', user: 'bot', password: 'wrong' });
    await api.post(`${sinks}/${sink.id}/test`);
    const disabled = await waitFor('the sink to be disabled', async () => {
      const now = await api.get(`${sinks}/${sink.id}`);
      return !now.enabled && now;
    });
    assert.match(disabled.disabledReason, /refused the login: 535/);
    assert.ok(!disabled.disabledReason.includes('wrong"'));
    const [held] = await log(api, sink.id);
    assert.equal(held.status, 'held');
    assert.equal(held.attempts, 1);
    const more = await api.request('POST', `${sinks}/${sink.id}/test`);
    assert.equal(more.status, 409);
    assert.equal(mail.logins.length, 1, 'no storm of logins');
    assert.ok((await api.get('/api/events')).some(({ eventType }) =>
      eventType === 'webhook.disabled'));
    // Another server does not get to know a password that was meant for this one.
    const elsewhere = await smtpServer(t, { tls: 'starttls', ...files, users: { bot: password } });
    const moved = await api.request('PATCH', `${sinks}/${sink.id}`, { url: elsewhere.url });
    assert.equal(moved.status, 400);
    assert.match(JSON.stringify(moved.body.fields), /password/);
    await api.patch(`${sinks}/${sink.id}`, { password, enabled: true });
    await waitFor('the held one', () => mail.messages.length === 1);
    assert.equal((await settled(api, sink.id, 'delivered')).id, held.id);
    assert.equal(mail.logins.length, 2);
  });

test('4xx is tried again and 5xx is not, and who is refused is named', limit, async (t) => {
  const { api } = await start(t);
  let moody = 0;
  const temporary = await smtpServer(t, { reply: (verb) =>
    (verb === 'RCPT' && ++moody === 1 ? '450 greylisted' : undefined) });
  const permanent = await smtpServer(t, { reply: (verb) =>
    (verb === '.' ? '554 no spam' : undefined) });
  const choosy = await smtpServer(t, { reply: (verb, count) =>
    (verb === 'RCPT' && count === 1 ? '550 no such user' : undefined) });
  const made = await Promise.all([temporary, permanent, choosy].map(({ url }) =>
    api.post(sinks, { kind: 'email', url, to, topics: ['failures'], from: 'a@b.example' })));
  await Promise.all(made.map(({ id }) => api.post(`${sinks}/${id}/test`)));
  const [t1, p1, c1] = made.map(({ id }) => id);
  const dead = await settled(api, p1, 'dead');
  assert.equal(dead.attempts, 1);
  assert.equal(dead.lastStatus, 554);
  assert.match(dead.lastError, /554 no spam/);
  const some = await settled(api, c1, 'delivered');
  assert.match(some.lastError, /ann@example\.com: 550 no such user/);
  assert.deepEqual(choosy.messages[0].to, ['bob@example.com']);
  const waiting = await waitFor('the first attempt', async () =>
    (await log(api, t1)).find(({ attempts }) => attempts >= 1));
  assert.ok(['failed', 'delivered'].includes(waiting.status));
  const again = await settled(api, t1, 'delivered');
  assert.equal(again.attempts, 2);
  assert.equal(temporary.messages.length, 1, 'nobody got it twice');
  assert.deepEqual(temporary.messages[0].to, to);
});

test('a server without TLS is told nothing, nor one with a strange certificate', limit,
  async (t) => {
    const deployment = await Deployment.make(t, allowed);
    const files = certificate(deployment.folder);
    await deployment.serve(); // does not trust that certificate
    const api = deployment.api();
    const bare = await smtpServer(t);
    const strange = await smtpServer(t, { tls: 'starttls', ...files });
    const urls = [bare.url.replace('smtp+plain', 'smtp'), strange.url];
    const why = [/STARTTLS/, /TLS with .* failed/];
    for (const [i, url] of urls.entries()) {
      const sink = await api.post(sinks, { kind: 'email', url, to, topics: ['failures'],
        from: 'a@b.example', user: 'bot', password });
      await api.post(`${sinks}/${sink.id}/test`);
      assert.match((await settled(api, sink.id, 'failed')).lastError, why[i]);
    }
    for (const { commands, messages } of [bare, strange]) {
      assert.ok(commands.every(({ line }) => /^(EHLO|STARTTLS)/.test(line)), commands.join());
      assert.equal(messages.length, 0);
    }
    const plain = await api.request('POST', sinks, { kind: 'email', url: bare.url, to,
      topics: ['failures'], from: 'a@b.example', user: 'bot', password });
    assert.equal(plain.status, 400);
  });

test('what is no address or no server is refused by its field', limit, async (t) => {
  const { api } = await start(t);
  const good = { kind: 'email', url: 'smtp://mail.example.com', to, topics: ['failures'],
    from: 'a@b.example' };
  const wrong = [[{ to: ['a@b\r\nRCPT TO:<eve@x.example>'] }, '/to/0'],
    [{ to: ['ann@example.com', '<bob@example.com>'] }, '/to/1'], [{ to: [] }, '/to'],
    [{ from: 'a@b.example\nBcc: x@y.z' }, '/from'], [{ url: 'http://mail.example.com' }, '/url'],
    [{ url: 'smtp://bot:secret@mail.example.com' }, '/url'], [{ user: 'bot' }, '/password'],
    [{ user: 'bot\r\nx', password }, '/user'], [{ password }, '/user'],
    [{ command: ['true'] }, '/command'], [{ kind: 'webhook' }, '/to'],
    [{ kind: 'command', to: [], from: null, url: null }, '/command']];
  for (const [fields, path] of wrong) {
    const { status, body } = await api.request('POST', sinks, { ...good, ...fields });
    assert.equal(status, 400, JSON.stringify(fields));
    assert.ok(body.fields.some((field) => field.path === path),
      `${JSON.stringify(fields)}: ${JSON.stringify(body.fields)}`);
  }
  assert.equal((await api.get(sinks)).length, 0);
});

test('a sink can be changed, tried out, and told again', limit, async (t) => {
  const { api } = await start(t);
  const first = await receiver(t, (request, response, count) =>
    response.writeHead(count === 1 ? 410 : 204).end());
  const second = await receiver(t);
  const sink = await api.post(sinks, { url: first.url, topics: ['failures'] });
  const sent = await api.post(`${sinks}/${sink.id}/test`);
  await waitFor('410 to disable it', async () => !(await api.get(`${sinks}/${sink.id}`)).enabled);
  const replay = `${sinks}/${sink.id}/deliveries/${sent.id}/replay`;
  assert.equal((await api.request('POST', replay)).status, 409);
  const changed = await api.patch(`${sinks}/${sink.id}`,
    { url: second.url, enabled: true, topics: ['failures', 'reviews'], description: 'ours' });
  assert.deepEqual(changed.topics, ['failures', 'reviews']);
  assert.equal(changed.secret, null);
  await api.post(replay);
  await waitFor('the replay', () => second.seen.length === 1);
  assert.equal(second.seen[0].id, sent.id);
  assert.equal(second.seen[0].json.type, 'notification.test');
  assert.equal((await settled(api, sink.id, 'delivered')).id, sent.id);
  const kind = await api.request('PATCH', `${sinks}/${sink.id}`, { kind: 'slack' });
  assert.equal(kind.status, 400);
  const slack = await api.post(sinks, { kind: 'slack', url: `${second.url}/s3cr3t`,
    topics: ['failures'] });
  await api.patch(`${sinks}/${slack.id}`, { description: 'renamed' });
  await api.post(`${sinks}/${slack.id}/test`);
  await waitFor('slack', () => second.seen.some(({ path }) => path === '/hook/s3cr3t'));
  await api.patch(`${sinks}/${slack.id}`, { url: `${second.url}/0ther` });
  await api.post(`${sinks}/${slack.id}/test`);
  await waitFor('slack elsewhere', () => second.seen.some(({ path }) => path === '/hook/0ther'));
  // A webhook is no sink, nor the other way round.
  const hook = await api.post('/v1/webhooks', { url: second.url, events: ['order.*'] });
  assert.equal((await api.request('POST', `${sinks}/${hook.id}/test`)).status, 404);
  assert.equal((await api.request('GET', `/v1/webhooks/${sink.id}`)).status, 404);
});

test('a command runs on a worker, with the notification on its standard input', limit,
  async (t) => {
    const { deployment, server, settings, api } = await start(t);
    const sink = await api.post(sinks, { kind: 'command', topics: ['failures'],
      command: ['/bin/sh', '-c', 'cat; [ ! -e /nonexistent ]'], timeoutMs: 20_000 });
    const sent = await api.post(`${sinks}/${sink.id}/test`);
    const running = await settled(api, sink.id, 'running');
    assert.equal((await api.execution(running.executionId)).status, 'queued', 'no worker yet');
    assert.equal((await api.request('POST',
      `${sinks}/${sink.id}/deliveries/${sent.id}/replay`)).status, 409);
    // Nothing of it is lost or started again by a crash.
    await server.kill();
    await deployment.serve(settings);
    await deployment.worker('w1');
    const done = await settled(api, sink.id, 'delivered');
    assert.equal(done.executionId, running.executionId);
    assert.equal(done.attempts, 1);
    const execution = await api.execution(done.executionId);
    assert.equal(execution.source, 'notification');
    assert.equal(execution.attempts.at(-1).workerId, 'w1');
    const told = JSON.parse(execution.output);
    assert.equal(told.id, sent.id);
    assert.equal(told.type, 'notification.test');
    assert.equal((await api.get('/api/executions')).length, 1);
    // Told again by hand, it runs again.
    await api.post(`${sinks}/${sink.id}/deliveries/${sent.id}/replay`);
    const again = await waitFor('it to run again', async () => {
      const [row] = await log(api, sink.id);
      return row.status === 'delivered' && row.executionId !== done.executionId && row;
    });
    assert.equal(again.id, sent.id);
  });

test('a command that fails is tried again, and is told of to nobody', limit, async (t) => {
  const { deployment, api } = await start(t);
  await deployment.worker('w1');
  const hook = await receiver(t);
  await api.post(sinks, { url: hook.url, topics: ['failures', 'messages'] });
  const message = JSON.stringify({ user_message: { title: 'hi', content: 'again' } });
  const sink = await api.post(sinks, { kind: 'command', topics: ['failures', 'messages'],
    command: ['/bin/sh', '-c', `cat >/dev/null; echo '${message}'; exit 3`] });
  const persona = await api.shellPersona('doomed', 'exit 4', { retry: { maxAttempts: 1 } });
  await api.execute(persona.id);
  const failed = await settled(api, sink.id, 'failed');
  assert.equal(failed.attempts, 1);
  assert.match(failed.lastError, /failed/);
  assert.ok(Date.parse(failed.nextAttemptAt) > Date.parse(failed.lastAttemptAt));
  const second = await waitFor('the second attempt', async () =>
    (await log(api, sink.id)).find(({ attempts }) => attempts === 2));
  assert.notEqual(second.executionId, failed.executionId);
  assert.equal((await log(api, sink.id)).length, 1, 'its own failure is no news');
  assert.equal(hook.seen.length, 1, 'only the persona failed');
});

test('people are told before credentials and tokens end, each time once', { timeout: 180_000 },
  async (t) => {
    const { deployment, settings, server, api } = await start(t);
    const hook = await receiver(t);
    await api.post(sinks, { url: hook.url, topics: ['expiries'] });
    const day = 86_400_000;
    const soon = Date.now() + 6_000;
    const at = (ms) => new Date(soon + ms).toISOString();
    const store = (name, expiresAt) => api.post('/api/credentials',
      { name, serviceType: 'x', value: `secret-value-of-${name}`, expiresAt });
    const week = await store('week', at(7 * day));
    assert.equal(Date.parse(week.expiresAt), soon + 7 * day);
    await store('day', at(day));
    await store('now', at(0));
    const gone = await store('gone', at(0));
    const never = await store('never');
    assert.equal(never.expiresAt, null);
    await api.post('/api/token', { provider: 'codex', token: 'sk-0123456789', expiresAt: at(day) });
    await api.delete(`/api/credentials/${gone.id}`);
    const past = await api.request('POST', '/api/credentials',
      { name: 'past', value: 'secret-value', expiresAt: new Date(0).toISOString() });
    assert.equal(past.status, 400);
    // The moment passes while the server is down.
    await server.kill();
    await waitFor('the moment', () => Date.now() > soon);
    let next = await deployment.serve(settings);
    await waitFor('all to be told', () => hook.seen.length === 4);
    const titles = () => hook.seen.map(({ json }) => json.data.title).sort();
    const date = (ms) => new Date(soon + ms).toISOString().slice(0, 10);
    const expected = [`The codex token ends on ${date(day)}`,
      "The credential 'now' has ended", `The credential 'day' ends on ${date(day)}`,
      `The credential 'week' ends on ${date(7 * day)}`].sort();
    assert.deepEqual(titles(), expected);
    assert.ok(hook.seen.every(({ json }) => json.data.topic === 'expiries'));
    assert.ok(hook.seen.every(({ body }) => !body.includes('secret-value')));
    for (let i = 0; i < 2; ++i) {
      await next.kill();
      next = await deployment.serve(settings);
    }
    // What comes later is told without a restart, and shows that the old ones are not told again.
    const late = Date.now() + 3_000;
    await deployment.api().post('/api/credentials', { name: 'late', value: 'secret-value-late',
      expiresAt: new Date(late).toISOString() });
    await waitFor('the late one', () => hook.seen.length > 4);
    assert.ok(Date.now() >= late);
    assert.deepEqual(titles(), [...expected, "The credential 'late' has ended"].sort());
    const records = sql(deployment,
      "SELECT COUNT(*) FROM journal WHERE type = 'credential.expiring'");
    assert.deepEqual(records, [[5]]);
  });

test('the worker beside the server is handed none of its secrets', limit, async (t) => {
  const deployment = await Deployment.make(t);
  const secrets = { PERSONAS_SMTP_PASSWORD: 'smtp-secret-canary',
    GITHUB_WEBHOOK_SECRET: 'hook-secret-canary', CLAUDE_TOKEN: 'sk-ant-token-canary' };
  const server = await deployment.up({ ...secrets, PERSONAS_SMTP_URL: 'smtp://mail.example.com',
    PERSONAS_SMTP_USER: 'bot', PERSONAS_SMTP_FROM: 'bot@example.com', CANARY: 'no-secret' });
  const worker = await waitFor('the worker', () => descendants(server.pid).find(({ pid }) =>
    readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[1] === 'worker'));
  let environment;
  try {
    environment = readFileSync(`/proc/${worker.pid}/environ`, 'utf8');
  } catch (error) {
    assert.equal(error.code, 'EACCES');
    t.skip('only root can look into our processes');
    return;
  }
  assert.match(environment, /CANARY=no-secret/);
  for (const secret of Object.values(secrets)) assert.ok(!environment.includes(secret), secret);
});
