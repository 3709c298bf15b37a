// The seats of one section, in typed arrays: sixty thousand of them take a megabyte.

export const FREE = 0, HELD = 1, SOLD = 2, BLOCKED = 3;
const STATES = { a: FREE, h: HELD, s: SOLD, b: BLOCKED };
const LEAST_GAP = 1e-3;

export class SectionSeats {
  /** The seats of a document `…/seats?format=compact`. */
  constructor({ rows }) {
    this.count = rows.reduce((sum, { seats }) => sum + seats.length, 0);
    this.rows = [];
    this.state = new Uint8Array(this.count);
    this.yours = new Uint8Array(this.count); // 1: in the buyer's basket
    this.rowOf = new Uint16Array(this.count);
    this.x = new Float32Array(this.count);
    this.y = new Float32Array(this.count);
    this.labels = null; // by seat, once they are known; until then seats are counted from 1
    this.flags = null;
    let start = 0;
    for (const { name, first_seat_id, seats } of rows) {
      this.rows.push({ name, firstId: first_seat_id, start, length: seats.length });
      this.rowOf.fill(this.rows.length - 1, start, start + seats.length);
      start += seats.length;
    }
    this.take({ rows });
    this.stand();
  }

  /** Rows behind one another, each in the middle. */
  stand() {
    this.width = Math.max(1, ...this.rows.map(({ length }) => length));
    this.height = this.rows.length;
    this.rows.forEach(({ start, length }, row) => {
      const left = (this.width - length) / 2;
      for (let at = 0; at < length; at++) {
        this.x[start + at] = left + at + 0.5;
        this.y[start + at] = row + 0.5;
      }
    });
  }

  /** The states of all seats, of a document as above; the seats that changed. */
  take({ rows }) {
    const changed = [];
    rows.forEach(({ seats }, row) => {
      const { start } = this.rows[row];
      for (let at = 0; at < seats.length; at++) {
        const state = STATES[seats[at]];
        if (this.state[start + at] === state) continue;
        this.state[start + at] = state;
        changed.push(start + at);
      }
    });
    return changed;
  }

  /** Pairs of a seat's id and its state; the seats that changed. */
  change(pairs) {
    const changed = [];
    for (const [id, state] of pairs) {
      const seat = this.find(id);
      if (seat < 0 || this.state[seat] === state) continue;
      this.state[seat] = state;
      changed.push(seat);
    }
    return changed;
  }

  /** The ids of the buyer's seats; the seats that changed. */
  mark(ids) {
    const are = new Set([...ids].map((id) => this.find(id)).filter((seat) => seat >= 0));
    const changed = [...are].filter((seat) => !this.yours[seat]);
    for (let seat = this.yours.indexOf(1); seat >= 0; seat = this.yours.indexOf(1, seat + 1)) {
      if (are.has(seat)) continue;
      this.yours[seat] = 0;
      changed.push(seat);
    }
    for (const seat of are) this.yours[seat] = 1;
    return changed;
  }

  /** What the full document tells besides: labels, flags, and where the seats are. */
  learn(items) {
    this.labels = items.map(({ label }) => label);
    this.flags = new Map();
    items.forEach(({ accessible, companion, restricted_view }, seat) => {
      const names = Object.entries({ accessible, companion, restricted_view }).filter(([, is]) => is).map(([name]) => name);
      if (names.length) this.flags.set(seat, names);
    });
    if (items.length === this.count && items.every(({ x, y }) => x !== undefined && y !== undefined)) this.place(items);
  }

  /** Seats where a plan has them, in units of the usual distance between neighbours. */
  place(items) {
    const gaps = [];
    for (let seat = 1; seat < items.length; seat++) {
      const gap = Math.hypot(items[seat].x - items[seat - 1].x, items[seat].y - items[seat - 1].y);
      if (this.rowOf[seat] === this.rowOf[seat - 1] && gap > LEAST_GAP) gaps.push(gap);
    }
    if (!gaps.length) return;
    const unit = gaps.sort((one, other) => one - other)[gaps.length >> 1];
    let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
    for (const { x, y } of items) {
      [left, right] = [Math.min(left, x), Math.max(right, x)];
      [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
    }
    items.forEach(({ x, y }, seat) => {
      this.x[seat] = (x - left) / unit + 0.5;
      this.y[seat] = (y - top) / unit + 0.5;
    });
    this.width = (right - left) / unit + 1;
    this.height = (bottom - top) / unit + 1;
  }

  /** The number of the seat with this id here; -1 if it is in another section. */
  find(id) {
    let [low, high] = [0, this.rows.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.rows[middle].firstId <= id) low = middle;
      else high = middle - 1;
    }
    const { firstId, start, length } = this.rows[low] ?? { firstId: Infinity };
    return id >= firstId && id < firstId + length ? start + id - firstId : -1;
  }

  idOf(seat) {
    const { firstId, start } = this.rows[this.rowOf[seat]];
    return firstId + seat - start;
  }

  labelOf(seat) {
    return this.labels?.[seat] ?? String(seat - this.rows[this.rowOf[seat]].start + 1);
  }

  rowName(seat) {
    return this.rows[this.rowOf[seat]].name;
  }

  /** The seat of the next row up or down that is nearest; the same seat at the edge. */
  inNextRow(seat, step) {
    const row = this.rows[this.rowOf[seat] + step];
    if (!row) return seat;
    let best = row.start;
    for (let other = row.start; other < row.start + row.length; other++) {
      if (Math.abs(this.x[other] - this.x[seat]) < Math.abs(this.x[best] - this.x[seat])) best = other;
    }
    return best;
  }

  /** The free seats of a row as groups side by side: [[first, last], …]. */
  freeGroups({ start, length }) {
    const groups = [];
    for (let seat = start; seat < start + length; seat++) {
      if (this.state[seat] !== FREE) continue;
      const last = groups.at(-1);
      if (last?.[1] === seat - 1) last[1] = seat;
      else groups.push([seat, seat]);
    }
    return groups;
  }
}
