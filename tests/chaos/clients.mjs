// Who uses the deployment while it is hurt: somebody who enqueues until it is acknowledged,
// cancels, answers questions, and looks again and again. All that was said to them goes into
// history.
import { setTimeout as sleep } from 'node:timers/promises';
import { promptOf } from './agents.mjs';

export const finalStatuses = ['completed', 'failed', 'cancelled'];

// One request with a deadline of its own: {status, body}, or {error} when nobody knows.
export async function ask(api, method, path, { body, headers = {}, timeoutMs = 2500 } = {}) {
  try {
    const response = await fetch(api.url + path, { method, signal: AbortSignal.timeout(timeoutMs),
      headers: { authorization: `Bearer ${api.key}`, ...headers,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      body: body === undefined ? undefined : JSON.stringify(body) });
    const text = await response.text();
    return { status: response.status, headers: response.headers,
      body: text ? JSON.parse(text) : null };
  } catch (error) {
    return { error: String(error.cause?.code ?? error.name) };
  }
}

// What may become another answer if it is asked again: down, draining, the same key under way.
const mayChange = ({ error, status, body }) => error || status >= 500 || status === 429 ||
  (status === 409 && body?.code === 'idempotency_in_flight');

// Again and again until there is an answer or `deadlineMs` have passed: {outcome, answer, tries}.
export async function insist(api, method, path, { deadlineMs = 30_000, random, ...options } = {}) {
  const until = Date.now() + deadlineMs;
  for (let tries = 1; ; tries++) {
    const answer = await ask(api, method, path, options);
    if (!mayChange(answer)) {
      return { outcome: answer.status < 300 ? 'ok' : 'failed', answer, tries };
    }
    if (Date.now() > until || options.giveUp?.(tries)) {
      return { outcome: 'unknown', answer, tries };
    }
    await sleep(random ? random.between(20, 250) : 100);
  }
}

export class Clients {
  constructor(api, random) {
    Object.assign(this, { api, random });
    this.jobs = [];
    this.enqueues = [];
    this.cancels = [];
    this.reads = [];
    this.followed = () => {};
    this.running = [];
  }

  start(job) {
    this.jobs.push(job);
    const done = this.#life(job);
    this.running.push(done);
    return done;
  }

  async #enqueue(job) {
    const { random } = this;
    const body = { prompt: promptOf(job), personaId: job.personaId,
      ...(job.config ? { config: job.config } : {}) };
    const options = { body, headers: { 'idempotency-key': job.key }, random };
    // Some give up at once when they hear nothing, some press the button twice.
    if (random.chance(0.05)) options.giveUp = () => true;
    const twice = random.chance(0.1);
    const results = await Promise.all([insist(this.api, 'POST', '/api/execute', options),
      ...(twice ? [insist(this.api, 'POST', '/api/execute', options)] : [])]);
    const good = results.filter(({ outcome }) => outcome === 'ok');
    const ids = [...new Set(good.map(({ answer }) => answer.body.executionId))];
    const outcome = good.length > 0 ? 'ok'
      : results.every((result) => result.outcome === 'failed') ? 'failed' : 'unknown';
    this.enqueues.push({ key: job.key, outcome, ids, at: Date.now(),
      tries: results.reduce((sum, { tries }) => sum + tries, 0),
      ...(outcome === 'failed' ? { answer: results[0].answer } : {}) });
    return ids[0];
  }

  async #life(job) {
    const id = await this.#enqueue(job);
    if (!id) return;
    this.followed(id, job);
    if (job.cancelAfterMs !== undefined) {
      await sleep(job.cancelAfterMs);
      const { outcome, answer } = await insist(this.api, 'POST', `/api/executions/${id}/cancel`,
        { random: this.random, headers: { 'idempotency-key': `cancel-${job.key}` } });
      this.cancels.push({ id, outcome, status: answer.body?.status, http: answer.status });
    }
  }

  // Looks at everything that is not known to be over, and notes what is.
  async look() {
    const over = new Set(this.reads.map(({ id }) => id));
    for (const { ids } of this.enqueues.filter(({ outcome }) => outcome === 'ok')) {
      for (const id of ids.filter((each) => !over.has(each))) {
        const { status, body } = await ask(this.api, 'GET', `/api/executions/${id}`);
        if (status === 200 && finalStatuses.includes(body.status)) {
          this.reads.push({ id, status: body.status, at: Date.now() });
        }
      }
    }
  }

  // Answers every question, each as its title decides.
  async answerReviews() {
    const { status, body } = await ask(this.api, 'GET', '/api/reviews/pending?limit=500');
    if (status !== 200) return;
    for (const { id, executionId, title } of body) {
      const decision = /^[0-7]/.test(title) ? 'approved' : 'rejected';
      await ask(this.api, 'POST', `/api/executions/${executionId}/reviews/${id}/respond`,
        { body: { decision }, headers: { 'idempotency-key': `answer-${id}` } });
    }
  }

  async attend(everyMs = 250) {
    while (!this.leaving) {
      await this.answerReviews();
      await this.look();
      await sleep(everyMs);
    }
  }
}

// All pages of a list.
export async function listAll(api, path) {
  const all = [];
  for (let cursor = ''; ;) {
    const joiner = path.includes('?') ? '&' : '?';
    const page = await api.request('GET',
      `${path}${joiner}limit=500${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`);
    if (page.status !== 200) {
      throw new Error(`${path}: ${page.status} ${JSON.stringify(page.body)}`);
    }
    all.push(...page.body);
    cursor = page.headers.get('x-next-cursor');
    if (!cursor) return all;
  }
}
