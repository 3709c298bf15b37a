// The map of a section, on a canvas: from afar a bitmap that is kept, from near the seats that are in view.

import { BLOCKED, FREE } from "/assets/seat_data.js";

const YOURS = 4;
const NAMES = ["free", "held", "sold", "blocked", "yours"];
const BITMAP_PIXELS = 3e6; // 12 MB
const NEAR = 16; // pixels between seats from which on each is drawn by itself
const LABELLED = 24;
const NAMED = 11; // pixels between rows from which on they are named
const LARGEST = 44;
const PLENTY = 4000; // seats in view that are too many to draw one by one
const CLICK_PX = 6;
const WHEEL = 0.0015;

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--seat-${name}`).trim();

/** `picked(seat)` is called for a seat that is clicked or chosen by a key, `said(seat)` for one that the keyboard reached. */
export class SeatMap {
  constructor(canvas, seats, { picked, said }) {
    Object.assign(this, { canvas, seats, picked, said });
    this.context = canvas.getContext("2d", { alpha: false });
    this.bitmap = document.createElement("canvas");
    this.forgetSprites();
    this.pointers = new Map();
    this.cursor = -1;
    this.scale = 1;
    this.left = this.top = 0; // where the corner of the section is, in pixels of the canvas
    this.isFitted = true;
    this.frame = 0;
    this.listen();
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(canvas);
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.repaint = () => this.begin();
    this.scheme.addEventListener("change", this.repaint);
    this.begin();
  }

  end() {
    this.observer.disconnect();
    this.scheme.removeEventListener("change", this.repaint);
    cancelAnimationFrame(this.frame);
    this.bitmap.width = this.bitmap.height = 0;
    this.forgetSprites();
  }

  forgetSprites() {
    this.sprites = new Map();
    this.plain = []; // by state, those without a label
  }

  /** Draw everything again: the seats are at other places, or have other colours. */
  begin() {
    this.colours = NAMES.map(colour);
    this.paper = colour("paper");
    this.ink = colour("ink");
    this.onYours = colour("on-yours");
    this.forgetSprites();
    const { width, height } = this.seats;
    this.grain = Math.max(2, Math.min(12, Math.floor(Math.sqrt(BITMAP_PIXELS / (width * height)))));
    this.bitmap.width = Math.ceil(width * this.grain);
    this.bitmap.height = Math.ceil(height * this.grain);
    const context = this.bitmap.getContext("2d", { alpha: false });
    context.fillStyle = this.paper;
    context.fillRect(0, 0, this.bitmap.width, this.bitmap.height);
    for (let seat = 0; seat < this.seats.count; seat++) this.dot(context, seat);
    this.resize();
  }

  stateOf(seat) {
    return this.seats.yours[seat] ? YOURS : this.seats.state[seat];
  }

  /** Draw some seats again, which have changed. */
  update(changed) {
    const context = this.bitmap.getContext("2d", { alpha: false });
    for (const seat of changed) this.dot(context, seat);
    this.ask();
  }

  dot(context, seat) {
    const size = Math.max(1, this.grain * 0.76);
    const [x, y] = [this.seats.x[seat] * this.grain - size / 2, this.seats.y[seat] * this.grain - size / 2];
    const state = this.stateOf(seat);
    context.fillStyle = this.colours[state];
    context.fillRect(x, y, size, size);
    if (state !== FREE && state !== YOURS && this.grain >= 6) { // what is gone is hollow, so that colour is not all
      context.fillStyle = this.paper;
      context.fillRect(x + 2, y + 2, size - 4, size - 4);
    }
  }

  resize() {
    const { clientWidth, clientHeight } = this.canvas;
    if (!clientWidth || !clientHeight) return;
    this.ratio = Math.min(2, devicePixelRatio || 1);
    this.canvas.width = Math.round(clientWidth * this.ratio);
    this.canvas.height = Math.round(clientHeight * this.ratio);
    if (this.isFitted) this.fit();
    else this.moveTo(this.scale, this.left, this.top);
  }

  /** The scale at which the whole section is in view. */
  get fitting() {
    const { clientWidth, clientHeight } = this.canvas;
    return Math.min(LARGEST, clientWidth / (this.seats.width + 3), clientHeight / (this.seats.height + 1));
  }

  fit() {
    const scale = this.fitting;
    this.moveTo(scale, 0, 0);
    this.isFitted = true;
  }

  moveTo(scale, left, top) {
    this.isFitted = false;
    this.scale = Math.max(this.fitting, Math.min(LARGEST, scale));
    this.left = this.kept(left, this.canvas.clientWidth, this.seats.width * this.scale);
    this.top = this.kept(top, this.canvas.clientHeight, this.seats.height * this.scale);
    this.ask();
  }

  /** A place at which the section stays in view: in the middle, if it is smaller than that. */
  kept(place, view, size) {
    const margin = Math.min(view / 3, 2 * this.scale);
    if (size + 2 * margin <= view) return (view - size) / 2;
    return Math.min(margin, Math.max(view - size - margin, place));
  }

  zoom(by, x = this.canvas.clientWidth / 2, y = this.canvas.clientHeight / 2) {
    const scale = Math.max(this.fitting, Math.min(LARGEST, this.scale * by));
    const grown = scale / this.scale;
    this.moveTo(scale, x - (x - this.left) * grown, y - (y - this.top) * grown);
  }

  ask() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  draw() {
    const { context, ratio, canvas } = this;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = this.paper;
    context.fillRect(0, 0, canvas.clientWidth, canvas.clientHeight);
    const across = Math.min(this.seats.width, canvas.clientWidth / this.scale);
    const down = Math.min(this.seats.height, canvas.clientHeight / this.scale);
    if (this.scale < NEAR || across * down > PLENTY) this.drawFar();
    else this.drawNear();
    if (this.scale >= NAMED) this.nameRows();
    if (this.cursor >= 0 && document.activeElement === canvas) this.drawCursor();
    if (!this.isDrawn) performance.mark("seats-drawn"); // for measurements
    this.isDrawn = true;
  }

  drawFar() {
    const { width, height } = this.seats;
    this.context.drawImage(this.bitmap, this.left, this.top, width * this.scale, height * this.scale);
  }

  drawNear() {
    const { context, seats, scale, canvas } = this;
    const size = scale * 0.84;
    if (size !== this.spriteSize) this.forgetSprites();
    this.spriteSize = size;
    const [least, most] = [-scale, canvas.clientWidth + scale];
    const [highest, lowest] = [-scale, canvas.clientHeight + scale];
    for (let seat = 0; seat < seats.count; seat++) {
      const y = seats.y[seat] * scale + this.top;
      if (y < highest || y > lowest) continue;
      const x = seats.x[seat] * scale + this.left;
      if (x < least || x > most) continue;
      context.drawImage(this.sprite(seat, size), x - size / 2, y - size / 2, size, size);
    }
  }

  /** The name of each row, before its first seat. */
  nameRows() {
    const { context, seats, scale, canvas } = this;
    context.font = `${Math.min(14, Math.max(9, scale * 0.45))}px system-ui, sans-serif`;
    context.textAlign = "right";
    context.textBaseline = "middle";
    context.fillStyle = this.ink;
    for (const { name, start } of seats.rows) {
      const [x, y] = [seats.x[start] * scale + this.left - scale * 0.7, seats.y[start] * scale + this.top];
      if (y > 0 && y < canvas.clientHeight && x > 0) context.fillText(name, x, y, scale * 1.6);
    }
  }

  /** A seat as it looks at this size, drawn once for all that look alike. */
  sprite(seat, size) {
    const state = this.stateOf(seat);
    const flags = this.seats.flags?.get(seat);
    if (!flags && (state !== FREE || this.scale < LABELLED)) {
      return (this.plain[state] ??= this.makeSprite(state, "", size));
    }
    const label = state === FREE && this.scale >= LABELLED ? this.seats.labelOf(seat) : "";
    const key = flags ? `${state} ${label} !` : label;
    let made = this.sprites.get(key);
    if (!made) this.sprites.set(key, (made = this.makeSprite(state, label, size, flags)));
    return made;
  }

  makeSprite(state, label, size, flags) {
    const made = document.createElement("canvas");
    made.width = made.height = Math.ceil(size * this.ratio);
    const context = made.getContext("2d");
    context.scale(made.width / size, made.height / size);
    const isGone = state !== FREE && state !== YOURS;
    context.beginPath();
    context.roundRect(1, 1, size - 2, size - 2, [size * 0.3, size * 0.3, size * 0.14, size * 0.14]);
    context.fillStyle = context.strokeStyle = this.colours[state];
    context.lineWidth = 1.5;
    if (isGone) context.stroke();
    else context.fill();
    this.sign(context, state, label, size, isGone);
    if (flags && !isGone) {
      context.strokeStyle = this.ink;
      context.setLineDash([2, 2]);
      context.stroke();
    }
    return made;
  }

  sign(context, state, label, size, isGone) {
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillStyle = context.strokeStyle = isGone ? this.colours[state] : this.onYours;
    context.lineWidth = Math.max(1.25, size * 0.08);
    const [a, b, c] = [size * 0.33, size * 0.5, size * 0.67];
    context.beginPath();
    if (state === YOURS) context.stroke(new Path2D(`M${a} ${b} L${size * 0.45} ${size * 0.64} L${size * 0.7} ${size * 0.36}`));
    else if (state === BLOCKED) context.stroke(new Path2D(`M${a} ${b} H${c}`));
    else if (isGone) context.stroke(new Path2D(`M${a} ${a} L${c} ${c} M${c} ${a} L${a} ${c}`));
    else if (label) {
      context.font = `600 ${Math.min(13, size * 0.4, (size * 1.3) / label.length)}px system-ui, sans-serif`;
      context.fillText(label, size / 2, size / 2 + 0.5);
    }
    context.beginPath();
    context.roundRect(2, 2, size - 4, size - 4, size * 0.25);
  }

  drawCursor() {
    const { context, seats, scale } = this;
    const size = Math.max(12, scale * 0.98);
    context.lineWidth = 3;
    context.strokeStyle = this.ink;
    context.strokeRect(seats.x[this.cursor] * scale + this.left - size / 2, seats.y[this.cursor] * scale + this.top - size / 2, size, size);
  }

  /** The seat at a place of the canvas; -1 if there is none. */
  seatAt(x, y) {
    const [column, line] = [(x - this.left) / this.scale, (y - this.top) / this.scale];
    let [best, nearest] = [-1, 0.6];
    for (let seat = 0; seat < this.seats.count; seat++) {
      const away = Math.abs(this.seats.x[seat] - column) + Math.abs(this.seats.y[seat] - line);
      if (away < nearest) [best, nearest] = [seat, away];
    }
    return best;
  }

  /** Put the cursor of the keyboard on a seat, which comes into view. */
  point(seat) {
    this.cursor = seat;
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const scale = Math.max(this.scale, Math.min(LABELLED, LARGEST));
    let [left, top] = [this.left, this.top];
    const [x, y] = [this.seats.x[seat] * scale, this.seats.y[seat] * scale];
    const isOut = x + left < scale || x + left > width - scale || y + top < scale || y + top > height - scale;
    if (scale !== this.scale || isOut) [left, top] = [width / 2 - x, height / 2 - y];
    this.moveTo(scale, left, top);
    this.said(seat);
  }

  listen() {
    const { canvas, pointers } = this;
    const placeOf = (event) => ({ x: event.offsetX, y: event.offsetY });
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, placeOf(event));
      this.travelled = pointers.size > 1 ? Infinity : 0;
    });
    canvas.addEventListener("pointermove", (event) => {
      const before = pointers.get(event.pointerId);
      if (!before) return;
      const place = placeOf(event);
      pointers.set(event.pointerId, place);
      if (pointers.size === 1) this.drag(before, place);
      else this.pinch(event.pointerId, before, place);
    });
    const up = (event) => {
      const was = pointers.delete(event.pointerId);
      if (!was || event.type === "pointercancel" || this.travelled > CLICK_PX || pointers.size) return;
      this.click(placeOf(event));
    };
    canvas.addEventListener("pointerup", up);
    canvas.addEventListener("pointercancel", up);
    canvas.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return; // the page scrolls
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY * WHEEL * 4), event.offsetX, event.offsetY);
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("focus", () => this.ask());
    canvas.addEventListener("blur", () => this.ask());
  }

  drag(before, place) {
    this.travelled += Math.abs(place.x - before.x) + Math.abs(place.y - before.y);
    if (this.travelled > CLICK_PX) this.moveTo(this.scale, this.left + place.x - before.x, this.top + place.y - before.y);
  }

  pinch(id, before, place) {
    const other = [...this.pointers].find(([each]) => each !== id)[1];
    const away = (from) => Math.max(1, Math.hypot(from.x - other.x, from.y - other.y));
    this.zoom(away(place) / away(before), (place.x + other.x) / 2, (place.y + other.y) / 2);
  }

  /** From afar a click comes nearer, because a finger would not hit one seat. */
  click({ x, y }) {
    if (this.scale < NEAR && this.fitting < NEAR) return this.zoom(LABELLED / this.scale, x, y);
    const seat = this.seatAt(x, y);
    if (seat < 0) return;
    this.cursor = seat;
    this.picked(seat);
    this.ask();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { seats } = this;
    const at = this.cursor < 0 ? Math.max(0, seats.state.indexOf(FREE)) : this.cursor;
    const row = seats.rows[seats.rowOf[at]];
    const moves = {
      ArrowLeft: () => Math.max(row.start, at - 1),
      ArrowRight: () => Math.min(row.start + row.length - 1, at + 1),
      ArrowUp: () => seats.inNextRow(at, -1),
      ArrowDown: () => seats.inNextRow(at, 1),
      Home: () => row.start,
      End: () => row.start + row.length - 1,
    };
    if (event.key in moves) this.point(this.cursor < 0 ? at : moves[event.key]());
    else if ((event.key === "Enter" || event.key === " ") && this.cursor >= 0) this.picked(this.cursor);
    else if (event.key === "+") this.zoom(1.5);
    else if (event.key === "-") this.zoom(1 / 1.5);
    else if (event.key === "0") this.fit();
    else return;
    event.preventDefault();
  }
}
