// What runs on this machine, read from /proc. Only what a test started is ever signalled.
import { randomInt } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';

const read = (path) => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // it has ended meanwhile
  }
};

// {pid, parent, state, command} of every process.
export function allProcesses() {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((pid) => {
    const stat = read(`/proc/${pid}/stat`);
    if (!stat) return [];
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const command = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
    return [{ pid: Number(pid), parent: Number(parent), state, command }];
  }).filter((process) => process.state !== 'Z');
}

// All processes below `pid`, children first.
export function descendants(pid) {
  const all = allProcesses();
  const found = [];
  for (let parents = [pid]; parents.length;) {
    const children = all.filter((process) => parents.includes(process.parent));
    found.push(...children);
    parents = children.map((process) => process.pid);
  }
  return found;
}

// Digits, so that it can be part of a duration for `sleep`.
export const randomMarker = () => String(randomInt(1e11, 1e12));

// Processes whose command line holds `marker`: a random word that a test gave to its agent.
export const withMarker = (marker) =>
  allProcesses().filter(({ command, pid }) => pid !== process.pid && command.includes(marker));

export const isAlive = (pid) => allProcesses().some((process) => process.pid === pid);
