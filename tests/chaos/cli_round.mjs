// Rounds with the real Claude CLI: it goes through steps, each a message and a command, and is hurt
// between them. What it had done is not lost, for the next attempt goes on with its conversation.
//
// A step that was under way when the worker died may be done again, under the next attempt; that is
// the promise (docs/worker-protocol.md). So a step counts once per attempt, and each at least once.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startMessagesApi } from '../messages_api/server.mjs';
import { claudePath } from '../functional/lib/claude.mjs';
import { waitFor } from '../functional/lib/wait.mjs';
import { finalStatuses } from './checker.mjs';
import { Random } from './random.mjs';
import { Round } from './round.mjs';

const steps = 4;

export class CliRounds {
  static async make(seed) {
    const self = new CliRounds();
    self.model = await startMessagesApi();
    self.round = await Round.make(seed, { sampleMs: 300, cluster: { workers: 2, slots: 2,
      serverEnv: { CLAUDE_TOKEN: 'sk-ant-test-0123456789' },
      workerEnv: { CLAUDE_PATH: claudePath(), ANTHROPIC_BASE_URL: self.model.url,
        CLAUDE_CODE_MAX_RETRIES: '0' } } });
    self.round.kind = 'claude';
    self.runs = [];
    self.persona = await self.round.api.post('/api/personas', { name: 'Stepper', backend: 'claude',
      maxConcurrent: 4, retry: { maxAttempts: 12, initialBackoffMs: 100, maxBackoffMs: 400 } });
    self.follower = self.round.followTenant('follower of the CLI', { hangUp: 0.02 });
    return self;
  }

  // One execution, hurt once or twice in the middle.
  async one(number) {
    const { round, persona } = this;
    const { api, cluster } = round;
    const random = new Random(round.seed * 1000 + number);
    const file = join(cluster.deployment.folder, `steps-${number}`);
    const id = await api.execute(persona.id,
      { prompt: `Go on. SCENARIO:steps?count=${steps}&file=${file}` });
    const run = { id, file, number };
    this.runs.push(run);
    if (random.chance(0.5)) round.followExecution(id, { hangUp: 0.1 });
    const harms = random.between(1, 2);
    for (let harm = 0, reached = 0; harm < harms; harm++) {
      reached = random.between(reached + 1, steps - 1 + harm);
      await waitFor(`step ${reached} of run ${number}`, () => this.done(run).length >= reached,
        60_000);
      await sleep(random.between(0, 300));
      await this.hurt(random, (await api.execution(id)).workerId);
    }
    await cluster.heal();
    await waitFor(`run ${number} to be over`, async () =>
      finalStatuses.includes((await api.execution(id)).status), 60_000).catch(() => {});
  }

  done({ file }) {
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
  }

  async hurt(random, its) {
    const { cluster } = this.round;
    const what = random.pick(['orchestrator', 'worker', 'worker', 'both', 'supervisor', 'pause']);
    const worker = its ?? random.pick(cluster.names());
    const options = { downMs: random.between(0, 400),
      startUpKills: random.chance(0.2) ? [random.between(1, 150)] : [] };
    if (what === 'supervisor') {
      await cluster.hurtOne(await cluster.supervisorsNow(), 'supervisor', 'SIGKILL', 0, random);
    } else if (what === 'pause') {
      await cluster.pause(random.pick(['orchestrator', worker]), random.between(200, 1500));
    } else {
      const parts = { orchestrator: ['orchestrator'], worker: [worker],
        both: ['orchestrator', ...cluster.names()] }[what];
      await Promise.all(parts.map((part) => cluster.end(part, 'SIGKILL', options)));
    }
  }

  async finish() {
    const { round } = this;
    await round.finish({});
    const { anomalies } = round.result;
    // The checker knows nothing of these prompts: what they did is judged here.
    anomalies.phantom = anomalies.phantom.filter((text) => !/nobody asked for key undefined/
      .test(text));
    anomalies.duplicated = anomalies.duplicated.filter((text) => !/^key undefined/.test(text));
    checkSteps(round.history, this.runs.map((run) => ({ ...run, done: this.done(run) })), steps,
      anomalies);
    round.result.count = Object.values(anomalies).reduce((sum, { length }) => sum + length, 0);
    await this.model.stop();
    return round;
  }
}

// Pure: what the runs did and what the platform tells of it.
export function checkSteps(history, runs, count, anomalies) {
  for (const { id, done } of runs) {
    const execution = history.executions.find((each) => each.id === id);
    if (!execution) {
      anomalies.lost.push(`${id} was acknowledged and is gone`);
      continue;
    }
    const titles = history.messages.filter(({ executionId }) => executionId === id)
      .map(({ title }) => title);
    const attempts = execution.attempts.length;
    for (let step = 1; step <= count && execution.status === 'completed'; step++) {
      const said = titles.filter((title) => title === `Step ${step}`).length;
      const did = done.filter((each) => each === String(step)).length;
      if (said === 0) anomalies.lost.push(`${id}: the message of step ${step} is not there`);
      if (did === 0) anomalies.lost.push(`${id}: step ${step} was never done`);
      for (const [what, times] of [['message', said], ['command', did]]) {
        if (times > attempts) {
          anomalies.duplicated.push(`${id}: the ${what} of step ${step} is there ${times} times ` +
            `in ${attempts} attempts`);
        }
      }
    }
    const first = done.map(Number).filter((step, index, all) => all.indexOf(step) === index);
    if (first.some((step, index) => step !== index + 1)) {
      anomalies.reordered.push(`${id}: the steps were ${done.join(' ')}`);
    }
  }
}

