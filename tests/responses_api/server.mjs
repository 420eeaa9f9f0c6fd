#!/usr/bin/env node
// A stand-in for the Responses API: the real Codex CLI runs without a network or an account.
//
//   node server.mjs [port]        prints {"port": N} and serves until it is stopped
//
// The scenarios are those of messages_api; a command is given to whichever of the two tools the
// CLI offers for it: a function, or JavaScript that calls one.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { chooseAnswer, json, startStandIn } from '../stand_in/stand_in.mjs';

const errors = {
  401: [401, { message: 'Incorrect API key provided.', type: 'invalid_request_error',
    code: 'invalid_api_key' }],
  404: [404, { message: 'The model does not exist or you do not have access to it.',
    type: 'invalid_request_error', code: 'model_not_found' }],
  429: [429, { message: 'You exceeded your current quota, please check your plan.',
    type: 'insufficient_quota', code: 'insufficient_quota' }],
  500: [500, { message: 'The server had an error.', type: 'server_error', code: null }],
  529: [503, { message: 'The engine is currently overloaded.', type: 'server_error', code: null }],
};

const usage = { input_tokens: 160, input_tokens_details: { cached_tokens: 30 }, output_tokens: 42,
  output_tokens_details: { reasoning_tokens: 7 }, total_tokens: 202 };

const textOf = (content) => typeof content === 'string' ? content
  : (content ?? []).map((part) => part.text ?? '').join('');

function conversation(request) {
  return request.input.map((item) => {
    if (item.type === 'message' && item.role === 'user') return { text: textOf(item.content) };
    if (item.type?.endsWith('_call_output')) return { result: printed(textOf(item.output)) };
    return {};
  });
}

// What the command itself wrote, without the CLI's lines about it.
const printed = (output) =>
  (output.split(/^(?:Output|Script output):\n/m).at(-1) ?? output).trimEnd();

const id = (prefix) => `${prefix}_${randomUUID().replaceAll('-', '').slice(0, 20)}`;

function itemOf(block, request) {
  if (block.type === 'text') {
    return { type: 'message', id: id('msg'), role: 'assistant', status: 'completed',
      content: [{ type: 'output_text', text: block.text, annotations: [] }] };
  }
  const cmd = block.input.command;
  if (request.tools?.some(({ name }) => name === 'exec_command')) {
    return { type: 'function_call', id: id('fc'), call_id: id('call'), name: 'exec_command',
      arguments: JSON.stringify({ cmd }), status: 'completed' };
  }
  return { type: 'custom_tool_call', id: id('ctc'), call_id: id('call'), name: 'exec',
    input: `const r = await tools.exec_command(${JSON.stringify({ cmd })});\ntext(r.output);\n`,
    status: 'completed' };
}

function* deltas(text, chunk) {
  for (let at = 0; at < text.length; at += chunk) yield text.slice(at, at + chunk);
}

async function stream(response, request, answer) {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  let number = 0;
  const send = (type, fields) => response.write(`event: ${type}\ndata: ${
    JSON.stringify({ type, sequence_number: number++, ...fields })}\n\n`);
  const whole = { id: id('resp'), object: 'response', status: 'in_progress',
    model: request.model, output: [], usage: null };
  send('response.created', { response: whole });
  const output = answer.blocks.map((block) => itemOf(block, request));
  for (const [index, item] of output.entries()) {
    const begun = item.type === 'message' ? { ...item, status: 'in_progress', content: [] } : item;
    send('response.output_item.added', { output_index: index, item: begun });
    if (item.type === 'message') {
      for (const delta of deltas(item.content[0].text, answer.chunk ?? 40)) {
        if (response.destroyed) return;
        if (answer.delayMs) await sleep(answer.delayMs);
        send('response.output_text.delta', { item_id: item.id, output_index: index,
          content_index: 0, delta });
      }
    }
    send('response.output_item.done', { output_index: index, item });
  }
  send('response.completed', { response: { ...whole, status: 'completed', output, usage } });
  response.end();
}

async function answerOne(request, response, { path, body, entry }) {
  entry.key = request.headers.authorization ?? null;
  if (request.method === 'GET' && path === '/v1/models') {
    return json(response, 200, { object: 'list', data: [], models: [] });
  }
  if (request.method !== 'POST' || path !== '/v1/responses') return false;
  const { name, answer } = chooseAnswer(conversation(body));
  entry.scenario = name;
  if (answer.hang) return true;
  if (answer.error) {
    const [status, error] = errors[answer.error];
    return json(response, status, { error });
  }
  return stream(response, body, answer);
}

export const startResponsesApi = (port = 0) => startStandIn('responses_api', answerOne, port);

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { port } = await startResponsesApi(Number(process.argv[2] ?? 0));
  process.stdout.write(JSON.stringify({ port }) + '\n');
}
