// What the stand-ins of model providers have in common: a server on a free loopback port that
// remembers what it was asked, and the choice of a scenario (messages_api/scenarios.mjs) by the
// conversation so far. Each provider's own form is in its folder.
import http from 'node:http';
import { scenarios } from '../messages_api/scenarios.mjs';

const maxRemembered = 1000; // requests kept for GET /_requests

export function json(response, status, body, headers = {}) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

// `entries` is the conversation in order: {text} of the user, {result} of a tool. The newest text
// with SCENARIO:<name>[?key=value&…] chooses, and the tool results since then count.
export function chooseAnswer(entries) {
  const at = entries.findLastIndex(({ text }) => text && /SCENARIO:\w/.test(text));
  const [, name, query] =
    entries[at]?.text.match(/SCENARIO:(\w+)(?:\?(\S*))?/) ?? [null, 'text', ''];
  const results = entries.slice(at + 1).filter(({ result }) => result !== undefined);
  const scenario = scenarios[name];
  if (!scenario) return { name, answer: { blocks: [{ type: 'text', text: `No ${name}` }] } };
  const parameters = new URLSearchParams(query ?? '');
  return { name, answer: scenario(results.length, { parameters,
    toolResult: results.at(-1)?.result ?? '' }) };
}

// `answer(request, response, {path, body, entry})` serves one request and returns false if it does
// not know it: then it is reported on stderr and answered with 404.
async function handle(name, requests, answer, request, response) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const { pathname } = new URL(request.url, 'http://localhost');
  if (pathname === '/_requests') return json(response, 200, requests);
  const body = chunks.length ? JSON.parse(Buffer.concat(chunks)) : null;
  const entry = { method: request.method, path: request.url, body };
  if (requests.push(entry) > maxRemembered) requests.shift();
  if (await answer(request, response, { path: pathname, body, entry }) !== false) return null;
  process.stderr.write(`${name}: unknown request ${request.method} ${pathname}\n`);
  entry.unknown = true;
  return json(response, 404, { error: { code: 404, message: `unknown: ${pathname}` } });
}

// Starts it: {url, port, requests, stop()}.
export async function startStandIn(name, answer, port = 0) {
  const requests = [];
  const server = http.createServer((request, response) => {
    handle(name, requests, answer, request, response).catch((error) => {
      process.stderr.write(`${name}: ${error.stack}\n`);
      if (response.headersSent) response.destroy();
      else json(response, 400, { error: { code: 400, message: error.message } });
    });
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  const bound = server.address().port;
  const stop = () => new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${bound}`, port: bound, requests, stop };
}
