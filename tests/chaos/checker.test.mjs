// Every class of anomaly is planted into a good history, and must be found there and only there.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { expectedLines, expectedSteps, promptOf } from './agents.mjs';
import { check, classes } from './checker.mjs';
import { Random } from './random.mjs';
import { drawPlan } from './faults.mjs';

const start = 1_800_000_000_000;

// A history of one execution per kind, each tried twice: its first attempt is lost in the middle.
class Book {
  constructor() {
    this.history = { confined: false, graceMs: 2000, jobs: [], enqueues: [], cancels: [], reads: [],
      executions: [], messages: [], reviews: [], events: [], journal: [], followers: [], lives: [],
      sightings: [], overlaps: [], leftovers: [], unwilling: [] };
    this.at = start;
  }

  record(type, data) {
    this.at += 100;
    const position = this.history.journal.length;
    const whole = { at: new Date(this.at).toISOString(), ...data };
    this.history.journal.push({ id: `c${position}`, type, data: whole,
      digest: JSON.stringify(whole) });
  }

  attempt(id, job, attempt, life, { lines, end }) {
    const { history } = this;
    this.record('execution.status', { executionId: id, status: 'running', attempt });
    const from = this.at;
    const whole = expectedLines(job, life);
    const shown = lines === undefined ? whole : whole.slice(0, lines);
    shown.forEach((line, index) => {
      this.record('execution.output', { executionId: id, attempt, stream: 'stdout',
        firstSeq: 2 * index + 1, lastSeq: 2 * index + 1, chunk: `${line}\n` });
      const step = expectedSteps(job, life).find((each) => line === `line ${each.split('#')[1]}`);
      if (step === undefined) return;
      const message = { id: `m-${step}`, executionId: id, title: step };
      history.messages.push(message);
      history.events.push({ title: step });
      this.record('message.created', { executionId: id, id: message.id });
    });
    const steps = ['start', ...shown.keys(), ...(lines === undefined ? ['end'] : [])].map(String);
    history.lives.push({ key: job.key, life, first: from / 1000, last: this.at / 1000, steps });
    history.sightings.push({ pid: attempt, role: 'agent', key: job.key, life, from, to: this.at });
    this.record('execution.status', { executionId: id, status: end, attempt });
    return shown.map((line) => `${line}\n`).join('');
  }

  execution(kind, n) {
    const job = { key: `k-${kind}`, kind, n, pause: 0 };
    const id = `exe_${kind}`;
    this.history.jobs.push(job);
    this.history.enqueues.push({ key: job.key, outcome: 'ok', ids: [id] });
    this.record('execution.queued', { executionId: id });
    this.attempt(id, job, 1, `8-${kind}-1`, { lines: 2, end: 'queued' });
    const output = this.attempt(id, job, 2, `8-${kind}-2`, { end: 'completed' });
    this.history.executions.push({ id, prompt: promptOf(job), status: 'completed', attempt: 2,
      output,
      attempts: [{ attempt: 1, status: 'failed', failureReason: 'worker_lost' },
        { attempt: 2, status: 'completed' }] });
    this.history.reads.push({ id, status: 'completed' });
  }

  static good() {
    const book = new Book();
    book.execution('long', 6);
    book.execution('speaker', 4);
    const events = book.history.journal.map(({ id, type, digest }) => ({ id, type, digest }));
    book.history.followers = [
      { name: 'all', path: '/v1/events?cursor=start', events, refused: [], finished: true },
      { name: 'one', path: '/api/executions/exe_long/stream', refused: [],
        finished: true,
        events: events.filter((_, at) =>
          book.history.journal[at].data.executionId === 'exe_long') }];
    return structuredClone(book.history);
  }
}

test('a good history has no anomaly', () => {
  const { anomalies, count } = check(Book.good());
  assert.equal(count, 0, JSON.stringify(anomalies));
});

const long = (history) => history.executions.find(({ id }) => id === 'exe_long');
const outputs = (history, attempt) => history.journal.filter(({ type, data }) =>
  type === 'execution.output' && data.executionId === 'exe_long' && data.attempt === attempt);
const swap = (list, a, b) => { [list[a], list[b]] = [list[b], list[a]]; };
// The stream and the final state tell the same output, which is not what the agent wrote.
function rewrite(history, change) {
  const records = outputs(history, 2);
  const lines = records.map(({ data }) => data.chunk);
  change(lines);
  records.forEach(({ data }, index) => { data.chunk = lines[index] ?? ''; });
  long(history).output = lines.join('');
}
const zombie = (history, data) => history.journal.push({ id: 'late', digest: '', type:
  'execution.output', data: { executionId: 'exe_long', stream: 'stderr', firstSeq: 90, lastSeq: 91,
  ...data } });

const planted = {
  lost: {
    'an acknowledged execution is gone': (h) => { h.enqueues[0].ids = ['exe_gone']; },
    'a message of a finished attempt is gone': (h) => {
      h.messages = h.messages.filter(({ title }) => title !== '8-speaker-2#2');
    },
    'an event of a finished attempt is gone': (h) => {
      h.events = h.events.filter(({ title }) => title !== '8-speaker-2#0');
    },
  },
  duplicated: {
    'one key was answered with two executions': (h) => { h.enqueues[0].ids.push('exe_speaker'); },
    'one key has two executions': (h) => {
      h.executions.push({ id: 'exe_copy', prompt: long(h).prompt, status: 'cancelled',
        attempt: 0 });
      h.journal.push({ id: 'last', type: 'execution.status',
        data: { executionId: 'exe_copy', status: 'cancelled', attempt: 0 } });
    },
    'a message is there twice': (h) => { h.messages.push({ ...h.messages[3], id: 'm2' }); },
    'an event is there twice': (h) => { h.events.push(h.events[3]); },
    'one attempt was begun twice': (h) => {
      h.lives.push({ ...h.lives[1], life: 'third', first: h.lives[1].last + 1 });
    },
    'the stamps of two lives overlap': (h) => { h.lives[0].last = h.lives[1].first + 0.01; },
    'two were seen alive at once': (h) => {
      h.overlaps.push({ key: 'k-long', lives: ['a', 'b'] });
    },
    'an output record came twice': (h) => { outputs(h, 2)[3].data.lastSeq = 1; },
    'a line is there twice': (h) => rewrite(h, (lines) => { lines[4] = lines[3]; }),
    'a follower got a record twice': (h) => {
      h.followers[0].events.splice(5, 0, h.followers[0].events[3]);
    },
    'an attempt was claimed twice': (h) => {
      const claim = h.journal.findIndex(({ data }) => data.status === 'running');
      h.journal.splice(claim, 0, { ...h.journal[claim], id: 'again' });
      h.followers = [];
    },
  },
  divergent: {
    'two readers saw the same position otherwise': (h) => {
      h.followers[0].events[4] = { ...h.followers[0].events[4], digest: 'other' };
    },
    'a reader saw what is not there': (h) => {
      h.followers[0].events.splice(4, 0, { id: 'nowhere', type: 'execution.output', digest: '' });
    },
    'a cursor was refused': (h) => { h.followers[0].refused.push('400'); },
    'the final output is not what was streamed': (h) => { long(h).output += 'more\n'; },
    'the final status is not that of the journal': (h) => { long(h).status = 'failed'; },
    'an end was read and is another one now': (h) => { h.reads[0].status = 'failed'; },
    'a cancel was promised and not kept': (h) => {
      h.cancels.push({ id: 'exe_long', outcome: 'ok', http: 200, status: 'running' });
    },
  },
  reordered: {
    'a follower saw two records in the other order': (h) => swap(h.followers[1].events, 3, 4),
    'lines of an output changed places': (h) => rewrite(h, (lines) => swap(lines, 2, 4)),
    'messages of a life changed places': (h) => {
      const told = h.journal.filter(({ type }) => type === 'message.created').slice(-4);
      swap(told.map(({ data }) => data), 0, 1);
      [told[0].data.id, told[1].data.id] = [told[1].data.id, told[0].data.id];
    },
  },
  gap: {
    'a follower missed a record': (h) => { h.followers[0].events.splice(5, 1); },
    'a follower of one execution missed a record': (h) => { h.followers[1].events.splice(2, 1); },
    'a line in the middle is missing': (h) => rewrite(h, (lines) => { lines.splice(3, 1); }),
    'the end of a finished output is missing': (h) => rewrite(h, (lines) => { lines.splice(-2); }),
    'half a line is missing': (h) => rewrite(h, (lines) => { lines[3] = lines[3].slice(2); }),
  },
  orphaned: {
    'a process outlived its attempt': (h) => { h.sightings[1].to += 2200; },
    'a process is there at the end': (h) => { h.leftovers.push({ pid: 7, command: 'sleep' }); },
  },
  stuck: {
    'a follower never saw the end': (h) => { h.followers[1].finished = false; },
    'a worker did not end': (h) => { h.unwilling.push({ part: 'w1', signal: 'SIGTERM' }); },
    'an execution is not over': (h) => {
      h.executions.push({ id: 'exe_new', prompt: 'JOB k-new long 1 0', status: 'queued',
        attempt: 0 });
      h.jobs.push({ key: 'k-new', kind: 'long', n: 1 });
      h.journal.push({ id: 'last', type: 'execution.queued', data: { executionId: 'exe_new' } });
    },
  },
  zombie: {
    'output of an earlier attempt was taken': (h) => {
      const position = h.journal.findIndex(({ data }) => data.attempt === 2);
      const [late] = h.journal.splice(position - 2, 1);
      h.journal.splice(position + 2, 0, { ...late, data: { ...late.data } });
      h.followers = [];
    },
    'output was taken after the end': (h) => zombie(h, { attempt: 2 }),
    'a status came after the end': (h) => {
      h.journal.push({ id: 'late', type: 'execution.status',
        data: { executionId: 'exe_long', status: 'completed', attempt: 2 } });
    },
    'an attempt counts as finished whose agent never came to its end': (h) => {
      h.lives[1].steps.pop();
    },
    'the output of one life is in two attempts': (h) => {
      for (const { data } of outputs(h, 1)) data.chunk = data.chunk.replace('long-1', 'long-2');
    },
  },
  phantom: {
    'what was refused was executed': (h) => {
      h.enqueues[0] = { ...h.enqueues[0], outcome: 'failed', ids: [] };
    },
    'nobody asked for it': (h) => { h.jobs.shift(); },
  },
};

for (const name of classes) {
  for (const [what, plant] of Object.entries(planted[name])) {
    test(`${name}: ${what}`, () => {
      const history = Book.good();
      plant(history);
      const { anomalies } = check(history);
      assert.ok(anomalies[name].length > 0, JSON.stringify(anomalies));
      for (const other of classes.filter((each) => each !== name)) {
        assert.deepEqual(anomalies[other], [], `it is ${name}, and also ${other}`);
      }
    });
  }
}

test('a seed draws the same plan again, and another seed another one', () => {
  const plan = (seed) =>
    drawPlan(new Random(seed), ['w1', 'w2'], { forMs: 20_000, gapMs: [20, 500] });
  assert.deepEqual(plan(7), plan(7));
  assert.notDeepEqual(plan(7), plan(8));
});
