#!/usr/bin/env node
// A stand-in for the Gemini API, so that the real Gemini CLI runs without a network or an account.
//
//   node server.mjs [port]        prints {"port": N} and serves until it is stopped
//
// The scenarios are those of messages_api. The CLI also asks a small model which of its models
// suits the task, as JSON of a schema: that question is answered in its form and is no scenario.
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { chooseAnswer, json, startStandIn } from '../stand_in/stand_in.mjs';

const helpLinks = { '@type': 'type.googleapis.com/google.rpc.Help', links: [] };
const errors = {
  401: { code: 401, status: 'UNAUTHENTICATED', message: 'API key not valid. Please pass a valid '
    + 'API key.', details: [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
    reason: 'API_KEY_INVALID', domain: 'googleapis.com' }] },
  404: { code: 404, status: 'NOT_FOUND', message: 'The model is not found.' },
  // A day's quota: the CLI gives up at once instead of waiting for the next minute.
  429: { code: 429, status: 'RESOURCE_EXHAUSTED', message: 'You exceeded your current quota.',
    details: [{ '@type': 'type.googleapis.com/google.rpc.QuotaFailure', violations: [{
      quotaMetric: 'generativelanguage.googleapis.com/generate_content_requests',
      quotaId: 'GenerateRequestsPerDayPerProjectPerModel' }] }, helpLinks] },
  500: { code: 500, status: 'INTERNAL', message: 'An internal error has occurred.' },
  529: { code: 503, status: 'UNAVAILABLE', message: 'The model is overloaded.' },
};

const usageMetadata = { promptTokenCount: 160, candidatesTokenCount: 42, totalTokenCount: 202,
  cachedContentTokenCount: 30 };

function conversation(request) {
  return request.contents.flatMap(({ role, parts }) => parts.map((part) => {
    if (part.functionResponse) {
      const { output, error } = part.functionResponse.response ?? {};
      return { result: printed(String(output ?? error ?? '')) };
    }
    return role === 'user' && part.text ? { text: part.text } : {};
  }));
}

// What the command itself wrote, without the CLI's lines about it.
const printed = (output) => output.replace(/^<untrusted_context>\n|\n<\/untrusted_context>$/g, '')
  .replace(/\n(?:Error|Exit Code|Signal|Background PIDs|Process Group PGID): [^\n]*/g, '')
  .replace(/^Output: /, '').trimEnd();

function* partsOf(answer) {
  for (const block of answer.blocks) {
    if (block.type !== 'text') {
      yield { functionCall: { name: 'run_shell_command', args: { command: block.input.command,
        description: block.input.description } } };
      continue;
    }
    const chunk = answer.chunk ?? 40;
    for (let at = 0; at < block.text.length; at += chunk) {
      yield { text: block.text.slice(at, at + chunk) };
    }
  }
}

const answerOf = (parts, finishReason) => ({
  candidates: [{ index: 0, content: { role: 'model', parts },
    ...(finishReason ? { finishReason } : {}) }], usageMetadata });

async function stream(response, answer) {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const send = (value) => response.write(`data: ${JSON.stringify(value)}\n\n`);
  for (const part of partsOf(answer)) {
    if (response.destroyed) return;
    if (answer.delayMs) await sleep(answer.delayMs);
    send(answerOf([part]));
  }
  send(answerOf([{ text: '' }], 'STOP'));
  response.end();
}

async function answerOne(request, response, { path, body, entry }) {
  entry.key = request.headers['x-goog-api-key'] ?? request.headers.authorization ?? null;
  const [, method] =
    path.match(/^\/v1beta\/models\/[^:/]+:(generateContent|streamGenerateContent|countTokens)$/) ??
    [];
  if (request.method !== 'POST' || !method) return false;
  if (method === 'countTokens') return json(response, 200, { totalTokens: 100 });
  if (body.generationConfig?.responseJsonSchema) {
    entry.scenario = 'routing';
    return json(response, 200, answerOf([{ text: JSON.stringify({
      complexity_reasoning: 'The task is simple.', complexity_score: 10 }) }], 'STOP'));
  }
  const { name, answer } = chooseAnswer(conversation(body));
  entry.scenario = name;
  if (answer.hang) return true;
  const error = errors[answer.error];
  if (error) return json(response, error.code, { error });
  if (method === 'streamGenerateContent') return stream(response, answer);
  return json(response, 200, answerOf([...partsOf(answer)], 'STOP'));
}

export const startGeminiApi = (port = 0) => startStandIn('gemini_api', answerOne, port);

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { port } = await startGeminiApi(Number(process.argv[2] ?? 0));
  process.stdout.write(JSON.stringify({ port }) + '\n');
}
