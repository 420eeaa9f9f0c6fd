#!/usr/bin/env node
// A stand-in for the Messages API, so that the real agent CLI runs without a network or an account.
//
//   node server.mjs [port]        prints {"port": N} and serves until it is stopped
//
// The newest user text with `SCENARIO:<name>[?key=value&…]` chooses the answer (scenarios.mjs;
// without one: `text`, or the one of a base address <url>/scenario/<name>). GET /_requests tells
// what was asked so far. Unknown requests are reported on stderr and answered with 404.
import http from 'node:http';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { scenarios } from './scenarios.mjs';

const model = 'claude-opus-4-8';
const errors = {
  401: ['authentication_error', 'invalid x-api-key'],
  429: ['rate_limit_error', 'This request would exceed your rate limit'],
  500: ['api_error', 'Internal server error'],
  529: ['overloaded_error', 'Overloaded'],
};
const maxRemembered = 1000; // requests kept for GET /_requests

const blocksOf = (message) => typeof message.content === 'string'
  ? [{ type: 'text', text: message.content }] : message.content;

function chooseAnswer(request, preset) {
  const blocks = request.messages.filter((m) => m.role === 'user').flatMap(blocksOf);
  const results = blocks.filter((block) => block.type === 'tool_result');
  // In a resumed conversation the newest prompt counts, and the tool results since.
  const named = blocks.filter((b) => b.type === 'text' && /SCENARIO:\w/.test(b.text)).at(-1);
  const [, name, query] = named?.text.match(/SCENARIO:(\w+)(?:\?(\S*))?/) ?? [null, preset, ''];
  const since = named ? results.filter((r) => blocks.indexOf(r) > blocks.indexOf(named)) : results;
  const textOf = ({ content }) => typeof content === 'string'
    ? content : (content ?? []).map((part) => part.text ?? '').join('');
  const scenario = scenarios[name];
  if (!scenario) return { name, answer: { blocks: [{ type: 'text', text: `No ${name}` }] } };
  const answer = scenario(since.length, {
    parameters: new URLSearchParams(query ?? ''),
    prompt: named?.text ?? '',
    userText: blocks.filter((block) => block.type === 'text').at(-1)?.text ?? '',
    results: results.length,
    toolResult: textOf(since.at(-1) ?? {}),
    toolResults: since.map(textOf),
  });
  return { name, answer };
}

const identified = (block) => block.type === 'tool_use'
  ? { ...block, id: `toolu_${randomUUID().replaceAll('-', '').slice(0, 20)}` } : block;

function messageOf(request, blocks) {
  return {
    id: `msg_${randomUUID().replaceAll('-', '').slice(0, 20)}`,
    type: 'message',
    role: 'assistant',
    model: request.model ?? model,
    content: blocks,
    stop_reason: blocks.some((block) => block.type === 'tool_use') ? 'tool_use' : 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: 120, cache_creation_input_tokens: 10, cache_read_input_tokens: 30,
      output_tokens: 42 },
  };
}

function* deltas(block, chunk) {
  if (block.type === 'tool_use') {
    yield { type: 'input_json_delta', partial_json: JSON.stringify(block.input) };
    return;
  }
  for (let at = 0; at < block.text.length; at += chunk) {
    yield { type: 'text_delta', text: block.text.slice(at, at + chunk) };
  }
}

async function stream(response, message, answer) {
  response.writeHead(200, { 'content-type': 'text/event-stream', ...answer.headers });
  let left = answer.breakAfter ?? Infinity;
  const send = (type, fields) => {
    if (left-- > 0) {
      response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`);
    } else {
      response.destroy();
    }
  };
  send('message_start', { message: { ...message, content: [], stop_reason: null,
    usage: { ...message.usage, output_tokens: 1 } } });
  for (const [index, block] of message.content.entries()) {
    const start = block.type === 'text' ? { ...block, text: '' } : { ...block, input: {} };
    send('content_block_start', { index, content_block: start });
    for (const delta of deltas(block, answer.chunk ?? 40)) {
      if (response.destroyed) return;
      if (answer.delayMs) await sleep(answer.delayMs);
      send('content_block_delta', { index, delta });
    }
    send('content_block_stop', { index });
  }
  send('message_delta', { delta: { stop_reason: message.stop_reason, stop_sequence: null },
    usage: { output_tokens: message.usage.output_tokens } });
  send('message_stop', {});
  response.end();
}

function json(response, status, body, headers = {}) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

async function answerMessages(request, response, entry, preset) {
  const { name, answer } = chooseAnswer(request, preset);
  entry.scenario = name;
  if (answer.hang) return;
  if (answer.error) {
    const [type, text] = errors[answer.error] ?? [];
    json(response, answer.error,
      { type: 'error', error: { type: answer.type ?? type, message: answer.message ?? text } },
      { 'x-should-retry': 'false', ...(answer.error === 429 ? { 'retry-after': '3600' } : {}),
        ...answer.headers });
    return;
  }
  const message = messageOf(request, answer.blocks.map(identified));
  if (request.stream) await stream(response, message, answer);
  else json(response, 200, message);
}

async function handle(requests, request, response) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const url = new URL(request.url, 'http://localhost');
  const [, preset, pathname = '/'] = url.pathname.match(/^(?:\/scenario\/(\w+))?(\/.*)?$/);
  if (pathname === '/_requests') return json(response, 200, requests);
  const body = chunks.length ? JSON.parse(Buffer.concat(chunks)) : null;
  const entry = { method: request.method, path: request.url, model: body?.model,
    key: request.headers['x-api-key'] ?? request.headers.authorization ?? null,
    tools: body?.tools?.length ?? 0, messages: body?.messages };
  if (requests.push(entry) > maxRemembered) requests.shift();
  const route = `${request.method} ${pathname}`;
  if (route === 'POST /v1/messages') {
    return answerMessages(body, response, entry, preset ?? 'text');
  }
  if (route === 'POST /v1/messages/count_tokens') return json(response, 200, { input_tokens: 100 });
  if (route === 'HEAD /' || route === 'GET /') return json(response, 200, {});
  if (route === 'GET /v1/models') {
    return json(response, 200, { data: [{ type: 'model', id: model, display_name: 'Stand-in',
      created_at: '2026-01-01T00:00:00Z' }], has_more: false, first_id: model, last_id: model });
  }
  process.stderr.write(`messages_api: unknown request ${route}\n`);
  entry.unknown = true;
  return json(response, 404, { type: 'error', error: { type: 'not_found_error', message: route } });
}

// Starts it on a free loopback port: {url, port, requests, stop()}.
export async function startMessagesApi(port = 0) {
  const requests = [];
  const server = http.createServer((request, response) => {
    handle(requests, request, response).catch((error) => {
      process.stderr.write(`messages_api: ${error.stack}\n`);
      if (response.headersSent) response.destroy();
      else json(response, 400, { type: 'error', error: { type: 'invalid_request_error',
        message: error.message } });
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

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { port } = await startMessagesApi(Number(process.argv[2] ?? 0));
  process.stdout.write(JSON.stringify({ port }) + '\n');
}
