// An agent that writes down when it was alive, so that a test can tell afterwards whether two of
// one execution were ever alive at the same time.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomMarker, withMarker } from './processes.mjs';
import { waitFor } from './wait.mjs';

export class Witness {
  // `steps` lines of output, `pause` seconds apart.
  constructor(deployment, { steps = 40, pause = 0.05 } = {}) {
    this.marker = randomMarker();
    this.file = join(deployment.folder, `witness-${this.marker}`);
    this.expected = Array.from({ length: steps }, (_, n) => `line ${n}\n`).join('') + 'finished\n';
    // $1 is the marker: it makes the process findable by its command line.
    this.command = ['/bin/sh', '-c', `id=$$.$(date +%s%N); i=0
      note() { echo "$id $(date +%s%N) $1" >> ${this.file}; }
      trap '' TERM INT HUP PIPE
      while [ $i -lt ${steps} ]; do
        note $i; echo "line $i"; i=$((i+1)); sleep ${pause}
      done
      note end; echo finished`, 'witness', this.marker];
  }

  persona(api, name, fields = {}) {
    return api.post('/api/personas', { name, backend: 'command',
      permissionPolicy: { command: this.command }, ...fields });
  }

  // One entry per agent that was started: {id, first, last, steps} with times in nanoseconds.
  lives() {
    const lives = new Map();
    const text = existsSync(this.file) ? readFileSync(this.file, 'utf8') : '';
    for (const line of text.split('\n').filter((entry) => entry.split(' ').length === 3)) {
      const [id, time, step] = line.split(' ');
      const life = lives.get(id) ?? { id, first: BigInt(time), steps: [] };
      life.last = BigInt(time);
      life.steps.push(step);
      lives.set(id, life);
    }
    return [...lives.values()].sort((a, b) => (a.first < b.first ? -1 : 1));
  }

  reached(step, life = 0, timeoutMs = 30_000) {
    return waitFor(`agent ${life} to reach step ${step}`, () => {
      const steps = this.lives()[life]?.steps ?? [];
      return steps.includes('end') || steps.some((done) => Number(done) >= step);
    }, timeoutMs);
  }

  processes() {
    return withMarker(this.marker).filter(({ command }) => /\bsh -c id=/.test(command));
  }

  assertNeverTwoAlive() {
    const lives = this.lives();
    for (const [index, life] of lives.slice(1).entries()) {
      assert.ok(life.first > lives[index].last, `two agents alive at once: ${
        JSON.stringify(lives, (_, value) => (typeof value === 'bigint' ? String(value) : value))}`);
    }
  }

  // Nothing of it runs any more: neither the agent nor its supervisor.
  assertNoOrphan() {
    return waitFor('no process to be left', () => withMarker(this.marker).length === 0, 10_000);
  }
}
