// A command in a terminal, and what a person sees there.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { waitFor } from './wait.mjs';

const runner = fileURLToPath(new URL('pty_run.py', import.meta.url));

// The rows of an endlessly high screen. Knows what our command line writes; anything else is an
// error, for it would be seen.
export function screenOf(written) {
  const rows = [''];
  let row = 0;
  const tokens = written.match(/\x1b\[[0-9;]*[A-Za-z]|\x1b.|[\r\n]|[^\x1b\r\n]+/gs) ?? [];
  for (const token of tokens) {
    if (token === '\r') {
      // The cursor is at the start of the row; a text that follows without erasing overwrites.
      rows[row] = rows[row] ?? '';
      rows.returned = true;
    } else if (token === '\n') {
      row += 1;
      rows[row] = rows[row] ?? '';
      rows.returned = false;
    } else if (/^\x1b\[\d*A$/.test(token)) {
      row = Math.max(0, row - Number(token.slice(2, -1) || 1));
    } else if (token === '\x1b[J') {
      rows.length = row + 1;
      rows[row] = '';
    } else if (/^\x1b\[[0-9;]*m$/.test(token)) {
      continue;
    } else if (token.startsWith('\x1b')) {
      throw new Error(`unknown sequence ${JSON.stringify(token)}`);
    } else {
      rows[row] = rows.returned ? token + rows[row].slice(token.length) : rows[row] + token;
      rows.returned = false;
    }
  }
  return rows.slice();
}

export class Terminal {
  constructor(command, { env, cwd, columns = 80, rows = 24 }) {
    this.written = '';
    this.child = spawn('python3', [runner, String(columns), String(rows), ...command],
      { cwd, env: { TERM: 'xterm', ...env } });
    let ending = '';
    this.child.stdout.setEncoding('utf8').on('data', (text) => { this.written += text; });
    this.child.stderr.setEncoding('utf8').on('data', (text) => { ending += text; });
    this.ended = new Promise((resolve, reject) => {
      this.child.on('error', reject);
      this.child.on('close', () => {
        try {
          resolve(JSON.parse(ending.trim().split('\n').at(-1)));
        } catch {
          reject(new Error(`the terminal ended: ${ending}`));
        }
      });
    });
    this.ended.catch(() => {});
  }

  type(text) { this.child.stdin.write(`${JSON.stringify({ type: text })}\n`); }
  resize(...size) { this.child.stdin.write(`${JSON.stringify({ resize: size })}\n`); }
  get screen() { return screenOf(this.written); }
  text() { return this.screen.join('\n'); }

  // Until the screen shows it.
  shows(pattern) {
    return waitFor(`the terminal to show ${pattern}`, async () => {
      if (pattern.test(this.text())) return true;
      return null;
    }).catch((error) => { throw new Error(`${error.message}\n${this.text()}`); });
  }

  kill() { this.child.kill('SIGKILL'); }
}
