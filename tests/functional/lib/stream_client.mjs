// A client of /v1/stream: several subscriptions over one WebSocket.
import WebSocket from 'ws';
import { waitFor } from './wait.mjs';

export class StreamClient {
  // Connects; `options` are those of the WebSocket, `protocols` what it offers.
  static async open(url, key, { protocols = [], path = '/v1/stream', ...options } = {}) {
    const self = new StreamClient();
    self.messages = [];
    self.socket = new WebSocket(url.replace(/^http/, 'ws') + path, protocols, { ...options,
      headers: { ...(key ? { authorization: `Bearer ${key}` } : {}), ...options.headers } });
    self.closed = new Promise((resolve) => {
      self.socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    self.socket.on('message', (text) => self.messages.push(JSON.parse(text)));
    await new Promise((resolve, reject) => {
      self.socket.on('open', resolve);
      self.socket.on('error', reject); // also what ends it later; `closed` tells of that
    });
    return self;
  }

  say(message) { this.socket.send(JSON.stringify(message)); }

  // The answer: {id, cursor}.
  async subscribe(id, fields = {}) {
    this.say({ subscribe: { id, ...fields } });
    const answer = await waitFor(`an answer for ${id}`, () => this.messages.find((message) =>
      message.subscribed?.id === id || message.error?.subscription === id));
    if (answer.error) throw new Error(answer.error.message);
    return answer.subscribed;
  }

  events(id) {
    return this.messages.filter(({ event }) => event?.subscription === id)
      .map(({ event }) => event);
  }

  // All events of a subscription, once `enough` says so.
  reached(id, what, enough, timeoutMs) {
    return waitFor(`subscription ${id} to see ${what}`, () => {
      const events = this.events(id);
      return enough(events) ? events : null;
    }, timeoutMs);
  }

  close() {
    this.socket.close();
    return this.closed;
  }
}

// The status that an upgrade is refused with; 101 if it is taken.
export async function upgradeStatus(url, key, options) {
  try {
    await (await StreamClient.open(url, key, options)).close();
    return 101;
  } catch (error) {
    const status = /Unexpected server response: (\d+)/.exec(error.message);
    if (!status) throw error;
    return Number(status[1]);
  }
}
