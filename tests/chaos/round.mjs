// One round: a deployment under load, hurt at the moments that the seed says, healed, and judged.
//
// A history holds what everybody saw:
//   jobs       [{key, kind, n, pause}]             what was wanted
//   enqueues   [{key, outcome: ok|failed|unknown, ids}]   what was acknowledged
//   cancels    [{id, outcome, http, status}]       what a cancel was answered
//   reads      [{id, status}]                      the first end that a look at it showed
//   executions, messages, reviews, events          what there is after the heal
//   journal    [{id, type, digest, data}]          the whole stream of the tenant, read afterwards
//   followers  [{name, path, events, refused, finished}]   who read along and was cut off
//   lives      [{key, life, first, last, steps}]   what the agents wrote into the witness file
//   sightings, overlaps, leftovers                 what was seen of their processes
//   unwilling  [{part, signal}]                    who did not end
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { randomMarker, withMarker } from '../functional/lib/processes.mjs';
import { waitFor } from '../functional/lib/wait.mjs';
import { drawJob, kinds, personaOf, readWitness } from './agents.mjs';
import { check } from './checker.mjs';
import { Clients, listAll } from './clients.mjs';
import { Cluster } from './cluster.mjs';
import { carryOut, drawPlan } from './faults.mjs';
import { Follower } from './follower.mjs';
import { Random } from './random.mjs';
import { Sampler } from './sampler.mjs';

const healBoundMs = 90_000; // until all is over after the heal, on a machine that does other things
const streamBoundMs = 30_000; // until who reads along has seen it, too
const graceMs = 2_000; // the kill grace, and what a sample is late

const isEndOf = (id) => ({ event, data }) => event === 'execution.status' &&
  data.executionId === id && ['completed', 'failed', 'cancelled'].includes(data.status);

// The parts that every kind of round has: cluster, followers, sampler, the final reading.
export class Round {
  static async make(seed, { cluster = {}, sampleMs, confined = false } = {}) {
    const self = new Round();
    Object.assign(self, { seed, confined, random: new Random(seed), marker: randomMarker(),
      began: Date.now(), followers: [] });
    self.cluster = await Cluster.make({ sandbox: confined ? 'auto' : 'none', ...cluster });
    try {
      self.api = self.cluster.api;
      self.witness = join(self.cluster.deployment.folder, 'witness');
      self.sampler = new Sampler(self.marker, sampleMs);
    } catch (error) {
      await self.cluster.remove({ keep: false });
      throw error;
    }
    return self;
  }

  follow(path, name, isEnd, options = {}) {
    const follower = new Follower(this.api, path,
      { name, random: this.random.fork(), isEnd, ...options });
    this.followers.push(follower);
    return follower;
  }

  followTenant(name, options) {
    return this.follow('/v1/events?cursor=start', name,
      ({ data }) => data.name === `end ${this.marker}`, options);
  }

  followExecution(id, options) {
    return this.follow(`/api/executions/${id}/stream`, `follower of ${id}`, isEndOf(id), options);
  }

  // Until nothing is queued or running any more; what is still there then is stuck.
  async settled(attend, boundMs = healBoundMs) {
    const began = Date.now();
    await waitFor('everything to be over', async () => {
      await attend?.();
      const [queued, running] = await Promise.all(['queued', 'running'].map((status) =>
        this.api.get(`/api/executions?status=${status}&limit=1`)));
      return queued.length + running.length === 0;
    }, boundMs).catch(() => {});
    this.settledMs = Date.now() - began;
  }

  // The last record of the stream, so that whoever reads it knows that he has seen everything.
  async closeStreams() {
    await this.api.post('/api/personas', { name: `end ${this.marker}` });
    const reader = this.followTenant('the reader at the end', { full: true });
    const all = Promise.all(this.followers.map(({ ended }) => ended));
    await Promise.race([all, sleep(streamBoundMs)]);
    for (const follower of this.followers) follower.leave();
    return reader;
  }

  async read() {
    const executions = [];
    for (const { id } of await listAll(this.api, '/api/executions')) {
      executions.push(await this.api.get(`/api/executions/${id}?output=full`));
    }
    const reviews = [];
    for (const { id } of executions) {
      reviews.push(...(await this.api.get(`/api/executions/${id}/reviews`))
        .map((review) => ({ ...review, executionId: id })));
    }
    const events = (await listAll(this.api, '/api/events'))
      .filter(({ eventType }) => eventType === 'chaos.step')
      .map(({ payload }) => ({ title: JSON.parse(payload).step }));
    return { executions, reviews, events, messages: await listAll(this.api, '/api/messages') };
  }

  // Stops everything and gives the history.
  async finish({ jobs = [], enqueues = [], cancels = [], reads = [] }) {
    const reader = await this.closeStreams();
    const final = await this.read();
    await this.sampler.stop();
    const left = await this.cluster.stop();
    const leftovers = await this.#leftovers(left);
    this.history = { seed: this.seed, marker: this.marker, confined: this.confined, graceMs, jobs,
      enqueues, cancels, reads, ...final, journal: reader.events,
      followers: this.followers.map((follower) => follower.history()),
      lives: readWitness(this.witness), ...this.sampler.history(), leftovers,
      unwilling: this.cluster.unwilling, faults: this.cluster.faults };
    this.result = check(this.history);
    return this.history;
  }

  // What runs after everything was stopped, given the grace of a kill.
  async #leftovers(supervisors) {
    const now = () => [...withMarker(this.marker), ...supervisors()]
      .map(({ pid, command }) => ({ pid, command }));
    await waitFor('nothing to be left', () => now().length === 0, graceMs + 3_000).catch(() => {});
    const left = now();
    for (const { pid } of left) Cluster.signal({ pid }, 'SIGKILL');
    return left;
  }
}

// ---- the round of everything --------------------------------------------------------------------

export async function chaosRound(seed, { forMs = 8_000, gapMs = [20, 500] } = {}) {
  const plan = new Random(seed);
  const confined = plan.chance(0.35);
  const round = await Round.make(seed, { confined });
  const { cluster, api, random } = round;
  round.kind = confined ? 'confined' : 'open';
  const personas = new Map();
  for (const entry of kinds) {
    const persona = await api.post('/api/personas',
      personaOf(entry, round.marker, round.witness));
    personas.set(entry.kind, persona.id);
  }
  for (const name of ['one', 'two']) {
    round.followTenant(`follower ${name}`, { hangUp: name === 'two' ? 0.02 : 0 });
  }
  const clients = new Clients(api, random.fork());
  const following = random.fork();
  clients.followed = (id) => {
    if (following.chance(0.2)) round.followExecution(id, { hangUp: 0.05 });
  };
  const attending = clients.attend();
  const harm = carryOut(drawPlan(plan, cluster.names(), { forMs, gapMs }), cluster, random.fork(),
    { confined });
  const drawing = random.fork();
  const until = Date.now() + forMs;
  for (let number = 0; Date.now() < until; number++) {
    const job = drawJob(drawing, `k${seed}-${number}`);
    clients.start({ ...job, personaId: personas.get(job.kind) });
    await sleep(drawing.between(20, 160));
  }
  await harm;
  await cluster.heal();
  await Promise.all(clients.running);
  await round.settled();
  clients.leaving = true;
  await attending;
  await clients.look();
  await round.finish(clients);
  return round;
}
