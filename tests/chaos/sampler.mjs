// Watches from outside which agents of a round are alive, by their command lines in /proc.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { allProcesses } from '../functional/lib/processes.mjs';
import { identify } from './agents.mjs';

// When a process began, in ticks since boot: with its pid it is its name, for pids are used again.
export function beginOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? null : fields[19];
  } catch {
    return null;
  }
}

export class Sampler {
  constructor(marker, everyMs = 150) {
    this.marker = marker;
    this.everyMs = everyMs;
    this.seen = new Map(); // `pid:begin` → {pid, begin, role, key, life, from, to}
    this.overlaps = new Map();
    this.going = true;
    this.done = this.#run();
  }

  async stop() {
    this.going = false;
    await this.done;
  }

  sample() {
    const all = allProcesses();
    const at = Date.now();
    const agents = [];
    for (const { pid, parent, command } of all) {
      const who = identify(command, this.marker);
      if (!who) continue;
      const begin = beginOf(pid);
      if (begin === null) continue;
      const name = `${pid}:${begin}`;
      // A shell that becomes another program keeps its pid; its last identity counts.
      const entry = this.seen.get(name) ?? { pid, begin, from: at };
      Object.assign(entry, who, { parent, to: at });
      this.seen.set(name, entry);
      agents.push(entry);
    }
    this.#findOverlaps(agents);
  }

  // Reading /proc takes time, so of two lives in one reading the one may have ended before the
  // other began. Both are alive at once if the first is still there when the other has been seen.
  #findOverlaps(agents) {
    for (const [key, group] of grouped(agents)) {
      if (key === null || new Set(group.map(({ life }) => life)).size < 2) continue;
      const alive = group.filter(({ pid, begin }) => beginOf(pid) === begin);
      const lives = [...new Set(alive.map(({ life }) => life))].sort();
      if (lives.length > 1) this.overlaps.set(lives.join(), { key, lives, at: Date.now() });
    }
  }

  async #run() {
    while (this.going) {
      this.sample();
      await sleep(this.everyMs);
    }
  }

  history() {
    return { overlaps: [...this.overlaps.values()], sightings: [...this.seen.values()] };
  }
}

function grouped(agents) {
  const groups = new Map();
  for (const agent of agents) groups.set(agent.key, [...groups.get(agent.key) ?? [], agent]);
  return groups;
}
