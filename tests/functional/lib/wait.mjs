// Waiting for something to become true, with a deadline and a message that says what was missed.
import { setTimeout as sleep } from 'node:timers/promises';

const pollMs = 20;

// Calls `probe` until it returns something other than undefined, null or false.
export async function waitFor(what, probe, timeoutMs = 20_000) {
  const deadline = Date.now() + timeoutMs;
  let last;
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined && value !== null && value !== false) return value;
      last = value;
    } catch (error) {
      if (error.final) throw error;
      last = error;
    }
    if (Date.now() > deadline) {
      throw new Error(`waited ${timeoutMs} ms for: ${what} (last: ${last?.stack ?? last})`);
    }
    await sleep(pollMs);
  }
}
