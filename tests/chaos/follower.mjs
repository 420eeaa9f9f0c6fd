// Reads a stream, goes on with Last-Event-ID whenever it breaks, and notes what it saw.
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

// A turn is told as it is when it is read, so two readers may see two states of it.
const digestOf = ({ event, data }) => event === 'execution.turn'
  ? `turn ${data.executionId} ${data.attempt} ${data.turn}`
  : createHash('sha1').update(JSON.stringify(data)).digest('base64');

export class Follower {
  // `full`: keeps the data too. `hangUp`: breaks off by itself now and then.
  constructor(api, path, { name, random, full = false, hangUp = 0, isEnd }) {
    Object.assign(this, { api, path, name, random, full, hangUp, isEnd });
    this.events = [];
    this.connections = 0;
    this.refused = [];
    this.ended = this.#run();
  }

  leave() { this.leaving = true; }

  async #run() {
    while (!this.leaving) {
      try {
        this.connections += 1;
        this.finished = await this.#read();
        if (this.finished) return;
      } catch (error) {
        // A cursor that the server gave is good for ever; being down is no fault.
        if (/400|404|422/.test(error.message)) this.refused.push(error.message);
      }
      await sleep(this.random.between(20, 300));
    }
  }

  async #read() {
    for await (const event of this.api.stream(this.path, this.events.at(-1)?.id)) {
      this.events.push({ id: event.id, type: event.event, digest: digestOf(event),
        ...(this.full ? { data: event.data } : {}) });
      if (this.isEnd(event)) return true;
      if (this.leaving) return false;
      if (this.random.chance(this.hangUp)) return false;
    }
    return false;
  }

  history() {
    const { name, path, events, connections, refused, finished } = this;
    return { name, path, events, connections, refused, finished };
  }
}
