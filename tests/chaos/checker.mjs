// What a history must not show, in the spirit of Jepsen's checker of queues. Pure functions: a
// history in, anomalies out, each in its class with a sentence that says what was seen.
//
//   lost        acknowledged, and gone; or an effect of a finished attempt that is not there
//   duplicated  two executions of one key, one attempt begun twice, one effect there twice, two
//               attempts of one execution alive at once
//   divergent   two readers, or a reader and the final state, disagree about the same thing
//   reordered   seen in another order than it was written
//   gap         something in the middle of a stream or an output is missing
//   orphaned    a process outlived its attempt
//   stuck       not over within the bound after everything was healed
//   zombie      the word of an attempt that had lost its lease was taken
//   phantom     executed, although refused or never asked for
//
// The members of a history are written down in history.mjs.
import { expectedLines, expectedSteps } from './agents.mjs';

export const classes = ['lost', 'duplicated', 'divergent', 'reordered', 'gap', 'orphaned', 'stuck',
  'zombie', 'phantom'];
export const finalStatuses = ['completed', 'failed', 'cancelled'];
const isFinal = (status) => finalStatuses.includes(status);
// Not a line of its own: it was a message to the platform, or says that it waits.
const isAside = (line) => line.startsWith('{"') || line === 'waits';

export const keyOf = (execution) => execution.prompt?.match(/JOB (\S+)/)?.[1];

class Report {
  constructor() {
    this.anomalies = Object.fromEntries(classes.map((name) => [name, []]));
  }
  add(name, what) { this.anomalies[name].push(what); }
}

function grouped(list, by) {
  const groups = new Map();
  for (const item of list) {
    const key = by(item);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(item);
  }
  return groups;
}

const repeated = (list) =>
  [...grouped(list, (item) => item)].filter(([, same]) => same.length > 1).map(([item]) => item);

// ---- the journal, told as one life per execution ------------------------------------------------

class Life {
  constructor(id) {
    this.id = id;
    this.attempt = 0;
    this.live = null; // {attempt, from}
    this.lived = []; // {attempt, from, to}
    this.status = undefined;
    this.texts = new Map(); // attempt → standard output
    this.lastSeq = new Map();
    this.messages = []; // ids, in order
  }

  status_(data, at, report) {
    const { status, attempt, parked } = data;
    const said = `${this.id}: ${status} of attempt ${attempt}`;
    if (isFinal(this.status)) report.add('zombie', `${said} after it was ${this.status}`);
    if (attempt < this.attempt) {
      report.add('zombie', `${said} when attempt ${this.attempt} had begun`);
    }
    if (status === 'running' && !parked) {
      if (attempt <= this.attempt) report.add('duplicated', `${said} has begun twice`);
      this.#ends(at);
      this.live = { attempt, from: at };
    } else {
      this.#ends(at);
    }
    this.attempt = Math.max(this.attempt, attempt);
    this.status = status;
  }

  #ends(at) {
    if (this.live) this.lived.push({ ...this.live, to: at });
    this.live = null;
  }

  output(data, report) {
    this.says(`output of attempt ${data.attempt}`, data.attempt, report);
    const last = this.lastSeq.get(data.attempt) ?? 0;
    if (data.lastSeq <= last) {
      report.add('duplicated', `${this.id}: output ${data.firstSeq}–${data.lastSeq} of attempt ${
        data.attempt} comes after ${last}`);
    } else if (data.firstSeq <= last) {
      report.add('duplicated', `${this.id}: output from ${data.firstSeq} overlaps ${last}`);
    }
    this.lastSeq.set(data.attempt, Math.max(last, data.lastSeq));
    if (data.stream === 'stdout') {
      this.texts.set(data.attempt, (this.texts.get(data.attempt) ?? '') + (data.chunk ?? ''));
    }
  }

  // Only the live attempt has a word.
  says(what, attempt, report) {
    if (!this.live || (attempt !== undefined && attempt !== this.live.attempt)) {
      report.add('zombie', `${this.id}: ${what}, when ${this.live
        ? `attempt ${this.live.attempt} was live` : `none was live (${this.status})`}`);
    }
  }
}

export function foldJournal(journal, report = new Report()) {
  const lives = new Map();
  for (const { type, data } of journal) {
    const id = data.executionId;
    if (!id) continue;
    if (!lives.has(id)) lives.set(id, new Life(id));
    const life = lives.get(id);
    const at = Date.parse(data.at);
    if (type === 'execution.queued') {
      if (life.status) report.add('duplicated', `${id} was queued a second time as new`);
      life.status = 'queued';
    } else if (type === 'execution.status') {
      life.status_(data, at, report);
    } else if (type === 'execution.output') {
      life.output(data, report);
    } else if (type === 'execution.turn' || type === 'execution.progress') {
      life.says(type, data.attempt, report);
    } else if (type === 'message.created') {
      life.says('a message', undefined, report);
      life.messages.push(data.id);
    }
  }
  return lives;
}

// ---- what was acknowledged ----------------------------------------------------------------------

function checkEnqueues(history, report) {
  const byId = new Map(history.executions.map((execution) => [execution.id, execution]));
  const byKey = grouped(history.executions, keyOf);
  const asked = new Set(history.jobs.map(({ key }) => key));
  for (const { key, outcome, ids } of history.enqueues) {
    if (ids.length > 1) {
      report.add('duplicated', `key ${key} was answered with ${ids.join(' and ')}`);
    }
    for (const id of ids) {
      if (!byId.has(id)) report.add('lost', `${id} (key ${key}) was acknowledged and is gone`);
    }
    if (outcome === 'failed' && byKey.has(key)) {
      report.add('phantom', `key ${key} was refused and executed`);
    }
  }
  for (const [key, executions] of byKey) {
    if (!asked.has(key)) report.add('phantom', `${executions[0].id}: nobody asked for key ${key}`);
    if (executions.length > 1) {
      report.add('duplicated', `key ${key} has ${executions.map(({ id }) => id).join(' and ')}`);
    }
  }
  for (const { id, status, waitingFor } of history.executions) {
    if (!isFinal(status)) report.add('stuck', `${id} is still ${status} (${waitingFor ?? '–'})`);
  }
  for (const what of history.unwilling ?? []) {
    report.add('stuck', `${what.part} did not end after ${what.signal}`);
  }
}

function checkAnswers(history, report) {
  const status = new Map(history.executions.map((execution) => [execution.id, execution.status]));
  for (const read of history.reads) {
    if (status.has(read.id) && status.get(read.id) !== read.status) {
      report.add('divergent', `${read.id} was read as ${read.status}, and is ${
        status.get(read.id)}`);
    }
  }
  for (const { id, outcome, http, status: said } of history.cancels) {
    if (outcome !== 'ok' || !status.has(id)) continue;
    const promised = isFinal(said) ? said : 'cancelled';
    if (isFinal(status.get(id)) && status.get(id) !== promised) {
      report.add('divergent', `${id}: the cancel was answered ${http} ${said}, and it is ${
        status.get(id)}`);
    }
  }
}

// ---- what an attempt wrote ----------------------------------------------------------------------

function compareLines(where, lines, wanted, whole, report) {
  const bad = lines.findIndex((line, index) => line !== wanted[index]);
  const shown = (list, index) => JSON.stringify(list[index]?.slice(0, 80));
  if (bad < 0) {
    if (whole && lines.length < wanted.length) {
      report.add('gap', `${where} ends after ${lines.length} of ${wanted.length} lines`);
    }
    return;
  }
  const said = `${where}: line ${bad} is ${shown(lines, bad)} instead of ${shown(wanted, bad)}`;
  const known = new Set(wanted);
  const again = repeated(lines.filter((line) => known.has(line)));
  const sorted = [...lines].sort().join('\n') === [...wanted].sort().join('\n');
  if (again.length > 0) report.add('duplicated', said);
  else if (sorted) report.add('reordered', said);
  else report.add('gap', said);
}

const endedByItself = ({ status, failureReason }) =>
  status === 'completed' || failureReason === 'agent_exit';

// Lines as the agent wrote them; a last one that was cut off is compared as far as it goes.
function plainLines(text) {
  const lines = text.split('\n');
  const cut = lines.pop();
  const plain = lines.filter((line) => !isAside(line));
  return { plain, cut: cut && !cut.startsWith('{') ? cut : '' };
}

function checkAttempt(context, attempt, text) {
  const { execution, job, report } = context;
  const where = `${execution.id} attempt ${attempt}`;
  const names = [...text.matchAll(/^life (\S+)$/gm)].map((match) => match[1]);
  if (names.length > 1) report.add('duplicated', `${where} was begun ${names.length} times`);
  const [life] = names;
  if (!life) {
    if (text.length > 40) report.add('gap', `${where} has output without its beginning`);
    return null;
  }
  const { plain, cut } = plainLines(text);
  const answer = plain[1]?.match(/^answered (\w+)$/)?.[1];
  const wanted = expectedLines(job, life, answer);
  const record = execution.attempts?.find((entry) => entry.attempt === attempt);
  const finished = record !== undefined && endedByItself(record);
  const lines = cut && wanted[plain.length]?.startsWith(cut) && !finished ? plain
    : [...plain, ...(cut ? [cut] : [])];
  compareLines(where, lines, wanted, finished, report);
  return { attempt, life, finished, answer };
}

function checkOutputs(context) {
  const { execution, journalLife, report } = context;
  const seen = [];
  for (const [attempt, text] of journalLife?.texts ?? []) {
    const found = checkAttempt(context, attempt, text);
    if (found) seen.push(found);
  }
  for (const life of repeated(seen.map((entry) => entry.life))) {
    report.add('zombie', `${execution.id}: output of life ${life} is in two attempts`);
  }
  const last = journalLife?.texts.get(execution.attempt) ?? '';
  if (isFinal(execution.status) && (execution.output ?? '') !== last) {
    report.add('divergent', `${execution.id}: its output is not what the stream told (${
      (execution.output ?? '').length} and ${last.length} characters)`);
  }
  return seen;
}

// ---- effects and questions ----------------------------------------------------------------------

function checkEffects(context, seen) {
  const { execution, job, report, history, index } = context;
  const kinds = { message: index.messages.get(execution.id) ?? [], event: history.events };
  const mine = new Set(seen.map(({ life }) => life));
  for (const [kind, all] of Object.entries(kinds)) {
    const titles = all.map(({ title }) => title).filter((title) => mine.has(title?.split('#')[0]));
    for (const title of repeated(titles)) {
      report.add('duplicated', `${execution.id}: ${kind} ${title} is there twice`);
    }
    for (const { life, finished } of seen) {
      if (!finished) continue;
      for (const step of expectedSteps(job, life).filter((title) => !titles.includes(title))) {
        report.add('lost', `${execution.id}: ${kind} ${step} of a finished attempt is not there`);
      }
    }
  }
  const numbers = new Map();
  for (const id of context.journalLife?.messages ?? []) {
    const [life, number] = index.titles.get(id)?.split('#') ?? [];
    if (number === undefined || !mine.has(life)) continue;
    if (Number(number) < (numbers.get(life) ?? -1)) {
      report.add('reordered', `${execution.id}: message ${number} of ${life} comes late`);
    }
    numbers.set(life, Number(number));
  }
}

function checkDemo({ execution, report, index }) {
  const count = (index.messages.get(execution.id) ?? []).length;
  if (execution.status === 'completed' && count === 0) {
    report.add('lost', `${execution.id}: the message of the demo agent is not there`);
  }
  if (count > execution.attempt) {
    report.add('duplicated', `${execution.id}: ${count} messages of ${execution.attempt} attempts`);
  }
}

function checkQuestion({ execution, job, report, index }, seen) {
  if (job.kind !== 'asker' || execution.status !== 'completed') return;
  const told = seen.find(({ attempt }) => attempt === execution.attempt)?.answer;
  const decided = (index.reviews.get(execution.id) ?? []).map(({ status }) => status);
  if (!told || !decided.includes(told)) {
    report.add('divergent', `${execution.id} was told ${told}; decided was ${decided.join(', ')}`);
  }
}

// ---- who was alive ------------------------------------------------------------------------------

function checkLives(context, seen) {
  const { execution, report, index, history } = context;
  const key = keyOf(execution);
  const lives = index.witness.get(key) ?? [];
  for (const [position, life] of lives.slice(1).entries()) {
    const before = lives[position];
    if (life.first < before.last) {
      report.add('duplicated', `${execution.id}: lives ${before.life} and ${life.life} were ` +
        `alive at once (${life.first} is before ${before.last})`);
    }
  }
  if (lives.length > execution.attempt) {
    report.add('duplicated', `${execution.id}: ${lives.length} lives in ${
      execution.attempt} attempts`);
  }
  if (history.confined) return;
  for (const { attempt, life, finished } of seen) {
    const steps = lives.find((entry) => entry.life === life)?.steps ?? [];
    if (finished && !steps.includes('end')) {
      report.add('zombie', `${execution.id} attempt ${attempt} counts as finished; its agent ` +
        'never came to its end');
    }
  }
}

function checkProcesses(history, folded, report) {
  for (const { key, lives } of history.overlaps) {
    report.add('duplicated', `key ${key}: lives ${lives.join(' and ')} seen alive at once`);
  }
  const ids = new Map(history.executions.map((execution) => [keyOf(execution), execution.id]));
  for (const { key, pid, role, from, to } of history.sightings) {
    const lived = folded.get(ids.get(key))?.lived ?? [];
    // The attempt it was born in, or the last one before.
    const born = lived.filter((entry) => entry.from <= from + history.graceMs).at(-1);
    if (born && to > born.to + history.graceMs) {
      report.add('orphaned', `${role} ${pid} of key ${key} was there ${to - born.to} ms after ` +
        `attempt ${born.attempt} had ended`);
    }
  }
  for (const { pid, command } of history.leftovers) {
    report.add('orphaned', `at the end: ${pid} ${command.slice(-120)}`);
  }
}

// ---- who read along -----------------------------------------------------------------------------

function checkFollower(follower, journal, positions, report) {
  const { name, path, events } = follower;
  for (const why of follower.refused) report.add('divergent', `${name}: refused: ${why}`);
  if (!follower.finished) report.add('stuck', `${name} never came to the end of its stream`);
  const id = path.match(/executions\/([^/]+)\/stream/)?.[1];
  let before = -1;
  const seen = new Set();
  for (const event of events) {
    const position = positions.get(event.id);
    if (position === undefined) {
      report.add('divergent', `${name} saw a ${event.type} that is not in the journal`);
      continue;
    }
    if (journal[position].type !== event.type || journal[position].digest !== event.digest) {
      report.add('divergent', `${name} saw ${event.type} otherwise at position ${position}`);
    }
    if (seen.has(position)) report.add('duplicated', `${name} saw position ${position} again`);
    else if (position < before) report.add('reordered', `${name} saw ${position} after ${before}`);
    seen.add(position);
    before = Math.max(before, position);
  }
  for (let position = 0; position < before; position++) {
    const concerns = id === undefined || journal[position].data.executionId === id;
    if (concerns && !seen.has(position)) {
      report.add('gap', `${name} never saw position ${position} (${journal[position].type})`);
    }
  }
}

function checkFollowers(history, report) {
  const positions = new Map(history.journal.map(({ id }, position) => [id, position]));
  if (positions.size < history.journal.length) report.add('duplicated', 'a position came twice');
  for (const follower of history.followers) {
    checkFollower(follower, history.journal, positions, report);
  }
}

function checkExecution(context) {
  const { execution, job, journalLife, report } = context;
  if (journalLife?.status !== execution.status || journalLife.attempt !== execution.attempt) {
    report.add('divergent', `${execution.id} is ${execution.status} at attempt ${
      execution.attempt}; its journal says ${journalLife?.status} at ${journalLife?.attempt}`);
  }
  if (!job) return;
  if (job.kind === 'demo') return checkDemo(context);
  const seen = checkOutputs(context);
  checkEffects(context, seen);
  checkQuestion(context, seen);
  checkLives(context, seen);
}

// {anomalies: {class: [sentence]}, count}
export function check(history) {
  const report = new Report();
  const folded = foldJournal(history.journal, report);
  const jobs = new Map(history.jobs.map((job) => [job.key, job]));
  const index = {
    messages: grouped(history.messages, ({ executionId }) => executionId),
    titles: new Map(history.messages.map(({ id, title }) => [id, title])),
    reviews: grouped(history.reviews, ({ executionId }) => executionId),
    witness: grouped(history.lives, ({ key }) => key),
  };
  checkEnqueues(history, report);
  checkAnswers(history, report);
  for (const execution of history.executions) {
    checkExecution({ execution, job: jobs.get(keyOf(execution)), history, index, report,
      journalLife: folded.get(execution.id) });
  }
  checkProcesses(history, folded, report);
  checkFollowers(history, report);
  const { anomalies } = report;
  return { anomalies, count: classes.reduce((sum, name) => sum + anomalies[name].length, 0) };
}
