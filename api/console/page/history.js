// What happened within the last minute, from answers of GET /v1/console/now: the page compares counts of different instants.

const WINDOW_MS = 60_000;
const LEAST_MS = 3000; // of less than this nothing is said

const falls = (before, after) => Object.keys(before).some((key) => (after[key] ?? 0) < before[key]);

/** The seconds by which 99 of a hundred answers had come, interpolated within their bucket; Infinity beyond the last. */
export function quantile(share, atMost, answers) {
  const wanted = share * answers.reduce((sum, count) => sum + count, 0);
  let seen = 0;
  for (const [place, count] of answers.entries()) {
    if (seen + count >= wanted && count > 0) {
      if (place === atMost.length) return Infinity;
      const from = place ? atMost[place - 1] : 0;
      return from + ((atMost[place] - from) * (wanted - seen)) / count;
    }
    seen += count;
  }
  return null;
}

/** The answers of the last minute. */
export class History {
  constructor() {
    this.sales = []; // instants, each with the places sold by event
    this.counts = []; // the same for refusals and hold times; only those that began to count together
  }

  /** Note an answer. */
  add({ as_of, counting, events, health }) {
    const at = Date.parse(as_of);
    const last = this.counts.at(-1);
    if (at <= (this.sales.at(-1)?.at ?? 0)) return; // another server, whose clock is behind
    const places = events.filter((event) => event.places).map((event) => [event.id, event.places.sold]);
    this.sales = [...this.#within(this.sales, at), { at, sold: new Map(places) }];
    const refused = new Map(events.map((event) => [event.id, event.refused]));
    const answers = health?.hold_times.answers ?? [];
    const isAnew = last && (last.counting !== counting || falls(last.answers, answers) ||
      [...refused].some(([id, codes]) => falls(last.refused.get(id) ?? {}, codes)));
    const kept = isAnew ? [] : this.#within(this.counts, at);
    this.counts = [...kept, { at, counting, refused, answers, atMost: health?.hold_times.at_most_ms ?? [] }];
  }

  #within(samples, at) {
    return samples.filter((sample) => sample.at >= at - WINDOW_MS);
  }

  /** `{ perMinute, seconds }` of an event; null while too little is known. Places that come back do not count. */
  salesOf(id) {
    const known = this.sales.filter(({ sold }) => sold.has(id));
    const ms = known.length ? known.at(-1).at - known[0].at : 0;
    if (ms < LEAST_MS) return null;
    let places = 0;
    for (let place = 1; place < known.length; place++) {
      places += Math.max(0, known[place].sold.get(id) - known[place - 1].sold.get(id));
    }
    return { perMinute: (places * 60_000) / ms, seconds: Math.round(ms / 1000) };
  }

  /** `{ counts, seconds }`: `[code, count]` of what was refused of an event, most first. Null while too little is known. */
  refusedOf(id) {
    const ms = this.#countedMs();
    if (ms < LEAST_MS) return null;
    const [before, after] = [this.counts[0].refused.get(id) ?? {}, this.counts.at(-1).refused.get(id) ?? {}];
    const counts = Object.entries(after).map(([code, count]) => [code, count - (before[code] ?? 0)]);
    const recent = counts.filter(([, count]) => count > 0).sort((one, other) => other[1] - one[1]);
    return { counts: recent, seconds: Math.round(ms / 1000) };
  }

  /** `{ ms, answers, seconds }` of holds: 99 of a hundred were answered within `ms`. Null while too little is known. */
  holds() {
    const countedMs = this.#countedMs();
    if (countedMs < LEAST_MS) return null;
    const [first, last] = [this.counts[0], this.counts.at(-1)];
    const answers = last.answers.map((count, place) => count - (first.answers[place] ?? 0));
    const total = answers.reduce((sum, count) => sum + count, 0);
    return { ms: quantile(0.99, last.atMost, answers), answers: total, seconds: Math.round(countedMs / 1000), longest: last.atMost.at(-1) };
  }

  #countedMs() {
    return this.counts.length ? this.counts.at(-1).at - this.counts[0].at : 0;
  }
}
