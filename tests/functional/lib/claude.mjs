// The real agent CLI, as installed by tests/package-lock.json (or named by CLAUDE_PATH).
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync }
  from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const installed = fileURLToPath(new URL('../../node_modules/@anthropic-ai/', import.meta.url));

// The package of this platform holds the program itself, so no install script need have run.
export function claudePath() {
  const candidates = [
    process.env.CLAUDE_PATH,
    join(installed, `claude-code-${process.platform}-${process.arch}`, 'claude'),
    join(installed, 'claude-code', 'bin', 'claude.exe'),
  ];
  const found = candidates.find((path) => path && existsSync(path));
  if (!found) throw new Error('the agent CLI is not installed: scripts/test does it');
  return found;
}

// Runs the CLI alone, as a worker would: {code, lines: parsed stream-json, stderr}.
export async function runClaude(prompt, { url, args = [], env = {}, timeoutMs = 60_000,
  permissions = ['--dangerously-skip-permissions'] }) {
  const home = mkdtempSync(join(tmpdir(), 'personas-claude-'));
  writeFileSync(join(home, '.claude.json'), JSON.stringify({ hasCompletedOnboarding: true }));
  // A file, because the CLI may exit before a slow reader of a socket has taken a long line.
  const output = openSync(join(home, 'stdout'), 'w');
  try {
    const child = spawn(claudePath(), ['-p', '--output-format', 'stream-json', '--verbose',
      ...permissions, ...args], {
      cwd: home,
      stdio: ['pipe', output, 'pipe'],
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
      env: { PATH: process.env.PATH, HOME: home, IS_SANDBOX: '1', ANTHROPIC_API_KEY: 'sk-ant-test',
        ANTHROPIC_BASE_URL: url, CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
        DISABLE_TELEMETRY: '1', ...env },
    });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (chunk) => { stderr += chunk; });
    child.stdin.end(prompt);
    const [code, signal] = await new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (...ending) => resolve(ending));
    });
    const lines = readFileSync(join(home, 'stdout'), 'utf8').split('\n').filter(Boolean)
      .map((line) => JSON.parse(line));
    return { code, signal, lines, stderr };
  } finally {
    closeSync(output);
    rmSync(home, { recursive: true, force: true });
  }
}
