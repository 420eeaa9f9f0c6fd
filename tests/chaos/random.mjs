// Randomness from a seed (mulberry32): the same seed gives the same plan of a round. What meets
// what in time is up to the machine.
export class Random {
  constructor(seed) { this.state = seed >>> 0; }

  next() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  between(low, high) { return low + Math.floor(this.next() * (high - low + 1)); }
  chance(share) { return this.next() < share; }
  pick(list) { return list[Math.floor(this.next() * list.length)]; }
  // Another stream, so that one part's draws do not shift another's.
  fork() { return new Random(Math.floor(this.next() * 2 ** 32)); }

  // One of [[weight, value], …].
  weighted(entries) {
    let left = this.next() * entries.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, value] of entries) {
      left -= weight;
      if (left < 0) return value;
    }
    return entries.at(-1)[1];
  }
}
