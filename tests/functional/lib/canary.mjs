// Secrets that are put in on purpose, and the forms in which they could come out.
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

export function* filesIn(folder) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat?.isDirectory()) yield* filesIn(path);
    else if (stat?.isFile()) yield path;
  }
}

export const contentsOf = (folder) =>
  [...filesIn(folder)].map((path) => [path, readFileSync(path)]);

const inJson = (text) => JSON.stringify(text).slice(1, -1);

// [name, bytes] of every form of a value. Of base64 the characters that the value alone decides.
export function formsOf(name, value) {
  const bytes = Buffer.from(value);
  const forms = { value, 'JSON': inJson(value), 'JSON in JSON': inJson(inJson(value)),
    'percent encoding': encodeURIComponent(value),
    'whole percent encoding': [...bytes].map((b) => `%${b.toString(16).toUpperCase()}`).join(''),
    'hexadecimal': bytes.toString('hex'),
    'upper hexadecimal': bytes.toString('hex').toUpperCase() };
  for (const before of [0, 1, 2]) {
    const padded = Buffer.concat([Buffer.alloc(before), bytes]);
    const first = Math.ceil(8 * before / 6), last = Math.floor(8 * padded.length / 6);
    for (const kind of ['base64', 'base64url']) {
      forms[`${kind} at ${before}`] = padded.toString(kind).slice(first, last);
    }
  }
  return Object.entries(forms).map(([form, text]) => [`${name} as ${form}`, Buffer.from(text)]);
}
