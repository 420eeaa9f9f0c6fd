// One orchestrator and its workers as a deployment that is hurt on purpose. Every harm is counted
// and noted with its time; heal() undoes all of them.
import { setTimeout as sleep } from 'node:timers/promises';
import { Deployment } from '../functional/lib/program.mjs';
import { allProcesses } from '../functional/lib/processes.mjs';
import { waitFor } from '../functional/lib/wait.mjs';
import { beginOf } from './sampler.mjs';

const clusters = new Set();

// When the run itself is told to end: nothing of it stays. Supervisors end the agents.
export function killAll() {
  for (const { deployment } of clusters) {
    for (const program of deployment?.programs ?? []) program.signal('SIGKILL');
  }
}

const patienceMs = 20_000; // drain time and final words, on a machine that is busy

export class Cluster {
  static async make({ workers = 3, slots = 4, env = {}, serverEnv = {}, workerEnv = {},
    sandbox = 'none' } = {}) {
    const self = new Cluster();
    clusters.add(self);
    self.undo = [];
    self.deployment = await Deployment.make({ after: (undo) => self.undo.push(undo),
      diagnostic: (text) => process.stdout.write(`${text}\n`) },
    { PERSONAS_DRAIN_TIMEOUT: '1s', PERSONAS_TENANT_MAX_CONCURRENT: '5000', ...env });
    self.serverEnv = serverEnv;
    self.workerEnv = { PERSONAS_WORKER_SLOTS: String(slots), PERSONAS_SANDBOX: sandbox,
      ...workerEnv };
    self.faults = [];
    self.held = new Set(); // parts that are being hurt: one harm at a time each
    self.pending = [];
    self.unwilling = []; // what did not end when it was told to
    self.supervisors = new Map(); // `pid:begin` of all that were ever seen
    self.server = await self.deployment.serve(self.serverEnv);
    self.workers = new Map();
    for (let i = 1; i <= workers; i++) {
      self.workers.set(`w${i}`, await self.deployment.worker(`w${i}`, self.workerEnv));
    }
    return self;
  }

  get api() { return this.deployment.api(); }
  names() { return [...this.workers.keys()]; }
  program(part) { return part === 'orchestrator' ? this.server : this.workers.get(part); }

  note(signal, target, more = {}) {
    this.faults.push({ at: Date.now(), signal, target, ...more });
  }

  // Everything below the workers: {pid, begin, command, worker}.
  async #below() {
    const all = allProcesses();
    const found = [];
    for (const [worker, { pid }] of this.workers) {
      let parents = [pid];
      while (parents.length) {
        const children = all.filter(({ parent }) => parents.includes(parent));
        found.push(...children.map((child) => ({ ...child, worker, begin: beginOf(child.pid) })));
        parents = children.map((child) => child.pid);
      }
    }
    return found.filter(({ begin }) => begin !== null);
  }

  async supervisorsNow() {
    const found = (await this.#below())
      .filter(({ command }) => command.includes('supervise-attempt'));
    for (const entry of found) this.supervisors.set(`${entry.pid}:${entry.begin}`, entry);
    return found;
  }

  async agentsNow() {
    return (await this.#below()).filter(({ command }) => / chaos-agent |\bclaude\b/.test(command)
      && !command.includes('supervise-attempt'));
  }

  static signal({ pid, begin }, name) {
    if (begin !== undefined && beginOf(pid) !== begin) return false;
    try {
      process.kill(pid, name);
      return true;
    } catch {
      return false; // it has ended
    }
  }

  // ---- harm -------------------------------------------------------------------------------------

  // Kills or asks to stop, and starts again after a while; `startUpKills` are the times after which
  // the new one is killed, too, before it has come up.
  async end(part, signal, { downMs = 0, startUpKills = [] } = {}) {
    const program = this.program(part);
    const role = part === 'orchestrator' ? part : 'worker';
    if (!program || program.ending) return;
    this.note(signal, role, { part });
    program.signal(signal);
    const late = setTimeout(() => {
      this.unwilling.push({ part, signal, at: Date.now() });
      program.signal('SIGKILL');
    }, patienceMs);
    await program.ended;
    clearTimeout(late);
    await sleep(downMs);
    for (const afterMs of startUpKills) {
      const young = this.#start(part);
      await sleep(afterMs);
      this.note('SIGKILL', `${role} in start-up`, { part, afterMs });
      await young.kill();
    }
    await this.start(part);
  }

  #start(part) {
    const { deployment } = this;
    if (part !== 'orchestrator') return deployment.startWorker(part, this.workerEnv);
    return deployment.start(['serve', '--data-dir', deployment.dataDir],
      { HTTP_PORT: String(deployment.httpPort), WS_PORT: String(deployment.wsPort),
        ...deployment.keys, ...this.serverEnv });
  }

  async start(part) {
    if (part === 'orchestrator') {
      this.server = await this.deployment.serve(this.serverEnv);
    } else {
      this.workers.set(part, this.#start(part));
    }
  }

  async pause(part, forMs) {
    const program = this.program(part);
    if (!program || program.ending) return;
    this.note('SIGSTOP', part === 'orchestrator' ? part : 'worker', { part, forMs });
    program.signal('SIGSTOP');
    await sleep(forMs);
    program.signal('SIGCONT');
  }

  async hurtOne(list, target, signal, forMs, random) {
    if (list.length === 0) return;
    const victim = random.pick(list);
    if (!Cluster.signal(victim, signal)) return;
    this.note(signal, target, { pid: victim.pid, ...(forMs ? { forMs } : {}) });
    if (signal !== 'SIGSTOP') return;
    await sleep(forMs);
    Cluster.signal(victim, 'SIGCONT');
  }

  // One harm of a part at a time: what comes while it lasts is left out. Does not wait.
  during(parts, harm) {
    if (parts.some((part) => this.held.has(part))) return false;
    for (const part of parts) this.held.add(part);
    const done = harm().catch((error) => { this.failure ??= error; })
      .finally(() => { for (const part of parts) this.held.delete(part); });
    this.pending.push(done);
    return true;
  }

  // ---- the end ----------------------------------------------------------------------------------

  async heal() {
    await Promise.all(this.pending);
    if (this.failure) throw this.failure;
    for (const part of ['orchestrator', ...this.names()]) {
      if (this.program(part).ending) await this.start(part);
    }
    for (const name of this.names()) {
      await waitFor(`worker ${name} to be back`, async () =>
        (await this.api.get('/api/status')).workers.some(({ workerId }) => workerId === name),
      60_000);
    }
  }

  // Stops everything; what is left of supervisors then.
  async stop() {
    const programs = [...this.workers.values(), this.server];
    await Promise.all(programs.map((program) => program.stop(8_000)));
    return () => [...this.supervisors.values()]
      .filter(({ pid, begin }) => beginOf(pid) === begin)
      .map(({ pid, command }) => ({ pid, command }));
  }

  // Removes its folder, unless it is to be kept for whoever looks for a reason.
  async remove({ keep }) {
    for (const program of this.deployment.programs) program.signal('SIGCONT');
    if (keep) process.env.PERSONAS_TEST_KEEP = '1';
    for (const undo of this.undo) await undo();
    if (keep) delete process.env.PERSONAS_TEST_KEEP;
    clusters.delete(this);
  }

  logs() {
    return this.deployment.programs.map((program, index) =>
      [`${index}-${program.child.spawnargs.at(1)}-${program.pid}.log`, program.log]);
  }
}
