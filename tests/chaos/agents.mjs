// What the agents of a round do, and what they write when nobody disturbs them.
//
// An agent is a shell. It finds its job in the prompt (`JOB <key> <kind> <n> <pause>`), takes a
// name for this life of its own (the platform does not know it), and becomes a shell whose command
// line shows key and life, so that it and its children are recognised from outside. It stamps its
// life into the witness file, with O_APPEND and the boot clock, unless it is confined and cannot.
import { existsSync, readFileSync } from 'node:fs';

const become = `answer=none
while IFS= read -r line || [ -n "$line" ]; do
  case $line in
    *'JOB '*) job=\${line#*JOB } ;;
    *[0-9]'. approved'*) answer=approved ;;
    *[0-9]'. rejected'*) answer=rejected ;;
    *[0-9]'. expired'*) answer=expired ;;
  esac
done
read -r life < /proc/sys/kernel/random/uuid
exec /bin/sh -c "$3" chaos-agent "$1" "$2" "$life" "$answer" $job`;

// Ignores polite signals and a reader that is gone, for an agent may.
const live = `trap '' TERM INT HUP PIPE
marker=$1 witness=$2 life=$3 answer=$4 key=$5 kind=$6 n=$7 pause=$8
note() { read -r up rest < /proc/uptime
  echo "$key $life $up $1" 2>/dev/null >> "$witness"; }
child='trap "" TERM INT HUP PIPE; while :; do sleep 0.3; done'
note start
echo "life $life"
i=0
case $kind in
  # A harm may hit its child, which looks like itself until it is another program.
  chatty) seq -f "chat %.0f of $life" 1 $n || kill -KILL $$; i=$n ;;
  asker) if [ $answer = none ]; then
      echo '{"manual_review": {"title": "'$life'", "description": "?", "severity": "high"}}'
    else echo "answered $answer"; fi ;;
esac
while [ $i -lt $n ]; do
  case $kind in
    speaker) echo '{"user_message": {"title": "'$life'#'$i'", "content": "from an agent"}}'
      echo '{"emit_event": {"type": "chaos.step", "data": {"step": "'$life'#'$i'"}}}' ;;
    spawner) /bin/sh -c "$child" chaos-child "$marker" - $life - $key >/dev/null 2>&1 &
      (setsid /bin/sh -c "$child" chaos-daemon "$marker" - $life - $key >/dev/null 2>&1 &) ;;
    held) while [ ! -e "$pause" ]; do echo waits; sleep 3; done ;;
  esac
  note $i
  echo "line $i"
  [ $kind = held ] || [ "$pause" = 0 ] || sleep "$pause"
  i=$((i+1))
done
note end
case $kind:$life in
  flaky:[0-7]*) echo failing; exit 3 ;;
esac
echo "end $n"`;

export const command = (marker, witness) =>
  ['/bin/sh', '-c', become, 'chaos-begin', marker, witness, live];

// Of a command line of /proc: {role, key, life}, or null.
export function identify(commandLine, marker) {
  const role = commandLine.match(/ chaos-(agent|child|daemon|begin) /g)?.at(-1);
  if (!role || !commandLine.includes(marker)) return null;
  const [, life, , key] = commandLine.slice(commandLine.lastIndexOf(role) + role.length)
    .split(' ').slice(1);
  // Before it has become what it is, its arguments still hold the script.
  return key === undefined || key.startsWith('$') ? { role: 'begin', key: null, life: null }
    : { role: role.slice(7, -1), key, life };
}

// The lines of one whole life, without those that are protocol messages.
export function expectedLines({ kind, n }, life, answer) {
  const lines = [`life ${life}`];
  if (kind === 'chatty') {
    for (let i = 1; i <= n; i++) lines.push(`chat ${i} of ${life}`);
  } else {
    if (kind === 'asker' && answer) lines.push(`answered ${answer}`);
    for (let i = 0; i < n; i++) lines.push(`line ${i}`);
  }
  if (kind === 'flaky' && /^[0-7]/.test(life)) lines.push('failing');
  else lines.push(`end ${n}`);
  return lines;
}

export const expectedSteps = ({ kind, n }, life) =>
  kind === 'speaker' ? Array.from({ length: n }, (_, i) => `${life}#${i}`) : [];

// One entry per agent that began: {key, life, first, last, steps}, times in seconds since boot.
export function readWitness(file) {
  const lives = new Map();
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  for (const line of text.split('\n')) {
    const [key, life, at, step] = line.split(' ');
    if (step === undefined) continue;
    if (!lives.has(life)) lives.set(life, { key, life, first: Number(at), steps: [] });
    const entry = lives.get(life);
    entry.last = Number(at);
    entry.steps.push(step);
  }
  return [...lives.values()].sort((a, b) => a.first - b.first);
}

// What a round asks for. Weights: how often; `n` and `pause` are drawn between their ends.
const retry = { maxAttempts: 12, initialBackoffMs: 100, maxBackoffMs: 400 };
export const kinds = [
  { kind: 'short', weight: 4, n: [1, 4], pause: [0, 0] },
  { kind: 'long', weight: 5, n: [10, 40], pause: [50, 150] },
  { kind: 'chatty', weight: 2, n: [500, 8000], pause: [0, 0] },
  { kind: 'speaker', weight: 4, n: [2, 12], pause: [50, 200] },
  { kind: 'spawner', weight: 2, n: [2, 5], pause: [100, 400] },
  { kind: 'asker', weight: 2, n: [1, 3], pause: [0, 100] },
  { kind: 'flaky', weight: 2, n: [1, 5], pause: [0, 100] },
  // As the platform comes, without a retry policy of its own.
  { kind: 'plain', weight: 2, n: [2, 10], pause: [50, 100], fields: { retry: undefined } },
  // Hits its wall limit.
  { kind: 'endless', weight: 1, n: [500, 500], pause: [100, 100], config: { timeoutMs: 1500 } },
  { kind: 'demo', weight: 2, n: [0, 0], pause: [0, 0], fields: { backend: 'demo' } },
];

export function personaOf({ kind, fields = {} }, marker, witness, extra = {}) {
  return { name: kind, backend: 'command', maxConcurrent: 8, retry,
    permissionPolicy: { command: command(marker, witness) }, ...fields, ...extra };
}

export function drawJob(random, key) {
  const { kind, n, pause, config } = random.weighted(kinds.map((entry) => [entry.weight, entry]));
  return { key, kind, n: random.between(...n), pause: random.between(...pause) / 1000, config,
    cancelAfterMs: random.chance(0.12) ? random.between(0, 2500) : undefined };
}

export const promptOf = ({ key, kind, n, pause }) => `JOB ${key} ${kind} ${n} ${pause}`;
