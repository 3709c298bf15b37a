// The seats of an event on their map: block them, put them back on sale, end the hold of one.

import { announce } from "/assets/announce.js";
import { call } from "/assets/api.js";
import { button, el, failed } from "/assets/dom.js";
import { follow } from "/assets/live.js";
import { BLOCKED, FREE, HELD, SectionSeats } from "/assets/seat_data.js";
import { SeatMap } from "/assets/seat_map.js";
import { t } from "/assets/words.js";
import { change, choice, field } from "./change.js";
import { releaseHolds } from "./holds.js";
import { act } from "./reasons.js";

const STATES = ["free", "held", "sold", "blocked"];
const ACTIONS = { block: FREE, unblock: BLOCKED };

/** One section, with the seats that are chosen; they have the colour of a buyer's own. */
class ChosenSeats {
  constructor(event, { section_id: id, name }) {
    Object.assign(this, { event, name });
    this.path = `/events/${event.id}/sections/${id}/seats`;
    this.ids = new Set();
    this.canvas = el("canvas", { className: "seat-map", tabIndex: 0, role: "application", ariaLabel: t("seats.map", { name }), "aria-describedby": "seats-help" });
    this.summary = el("p", { role: "status" });
    this.element = el("div");
  }

  async load() {
    this.seats = new SectionSeats(await call("GET", `${this.path}?format=compact`));
    this.buttons = {
      block: button(t("seats.block"), () => this.block("block"), { "data-act": "seats-block" }),
      unblock: button(t("seats.unblock"), () => this.block("unblock"), { "data-act": "seats-unblock" }),
      release: button(t("seats.release"), () => this.release(), { className: "danger", "data-act": "seats-release" }),
      none: button(t("seats.choose_none"), () => this.choose([], false), { className: "quiet" }),
    };
    const zoom = (sign, name, work) => button(sign, work, { className: "step", ariaLabel: t(name) });
    const tools = el("span", { className: "zoom" }, zoom("−", "seats.out", () => this.map.zoom(1 / 1.6)),
      zoom("+", "seats.in", () => this.map.zoom(1.6)), zoom("⤢", "seats.fit", () => this.map.fit()));
    const legend = ["free", "yours", "held", "blocked"].map((state) =>
      el("li", {}, el("i", { className: `key ${state}` }), t(`seats.legend.${state}`)));
    this.element.append(el("ul", { className: "legend" }, ...legend), el("div", { className: "map-view" }, this.canvas, tools),
      el("p", { id: "seats-help", className: "hint" }, t("seats.help")), this.rowForm(), this.summary,
      el("div", { className: "row" }, ...Object.values(this.buttons)));
    this.map = new SeatMap(this.canvas, this.seats, {
      picked: (seat) => this.choose([seat], !this.seats.yours[seat]),
      said: (seat) => announce(this.describe(seat)),
    });
    this.ends = [this.follow(), () => this.map.end()];
    this.tell();
    call("GET", this.path).then(({ items }) => {
      this.seats.learn(items);
      this.map.begin();
    }, failed);
  }

  end() {
    for (const end of this.ends ?? []) end();
  }

  /** Seats of a row by their order, for those who do not use the map. */
  rowForm() {
    const rows = choice(this.seats.rows.map(({ name }, row) => [String(row), t("seats.row_name", { name })]), "0");
    const [from, to] = [1, this.seats.rows[0].length].map((value) => el("input", { type: "number", min: 1, value, required: true }));
    rows.addEventListener("change", () => (to.value = this.seats.rows[Number(rows.value)].length));
    const form = el("form", { className: "row" }, field(t("seats.row"), rows), field(t("seats.from"), from), field(t("seats.to"), to),
      el("button", { className: "quiet" }, t("seats.choose")));
    form.addEventListener("submit", (submitted) => {
      submitted.preventDefault();
      const { start, length } = this.seats.rows[Number(rows.value)];
      const last = Math.min(length, Number(to.value));
      const chosen = [];
      for (let place = Number(from.value); place <= last; place++) chosen.push(start + place - 1);
      this.choose(chosen, true);
    });
    return form;
  }

  choose(seats, isChosen) {
    if (!seats.length && !isChosen) this.ids.clear();
    for (const seat of seats) this.ids[isChosen ? "add" : "delete"](this.seats.idOf(seat));
    this.map.update(this.seats.mark(this.ids));
    this.tell();
    if (seats.length === 1) announce(this.describe(seats[0]));
  }

  chosen(state) {
    return [...this.ids].filter((id) => this.seats.state[this.seats.find(id)] === state);
  }

  describe(seat) {
    const { seats } = this;
    const parts = [t("seats.seat", { row: seats.rowName(seat), label: seats.labelOf(seat) }), t(`seats.state.${STATES[seats.state[seat]]}`)];
    return [...parts, ...(seats.yours[seat] ? [t("seats.is_chosen")] : [])].join(", ");
  }

  tell() {
    const counts = STATES.map((name, state) => [name, this.chosen(state).length]).filter(([, count]) => count);
    const parts = counts.map(([name, count]) => t(`seats.count.${name}`, { count }));
    this.summary.textContent = parts.length ? t("seats.chosen", { count: this.ids.size, parts: parts.join(", ") }) : t("seats.none_chosen");
    this.buttons.block.hidden = !this.chosen(FREE).length;
    this.buttons.unblock.hidden = !this.chosen(BLOCKED).length;
    this.buttons.release.hidden = this.ids.size !== 1 || this.chosen(HELD).length !== 1;
    this.buttons.none.hidden = !this.ids.size;
  }

  async block(name) {
    const ids = this.chosen(ACTIONS[name]);
    const others = this.ids.size - ids.length;
    const isDone = await change({
      title: t(`seats.${name}.title`, { count: ids.length, name: this.name }),
      says: [el("p", {}, t(`seats.${name}.says`)), others && el("p", {}, t("seats.others", { count: others }))].filter(Boolean),
      yes: t(`seats.${name}`),
      run: async (wish) => {
        await act("PATCH", `/events/${this.event.id}/seats`, { seat_ids: ids, blocked: name === "block" }, wish);
        return t(`seats.${name}.done`, { count: ids.length });
      },
    });
    if (isDone) this.chooseAgain();
  }

  async release() {
    const [id] = this.ids;
    const of = this.describe(this.seats.find(id));
    if (await releaseHolds({ event_id: this.event.id, seat_id: id }, of)) this.chooseAgain();
  }

  /** None is chosen. What became of the seats is followed: a copy that is read now may be older than what was followed. */
  chooseAgain() {
    this.choose([], false);
    this.canvas.focus();
  }

  follow() {
    const told = (changed) => {
      this.map.update(changed);
      this.tell();
    };
    const snapshot = (document) => told(this.seats.take(document));
    const poll = async () => snapshot(await call("GET", `${this.path}?format=compact`, undefined, { quiet: true }));
    return follow(`${this.path}/stream`, { snapshot, change: ({ seats }) => told(this.seats.change(seats)) }, poll);
  }
}

export async function seatsPanel(event) {
  if (!event.venue_id) return null;
  const { items } = await call("GET", `/events/${event.id}/sections`);
  const sections = items.filter(({ seating }) => seating === "assigned");
  if (!sections.length) return null;
  const place = el("div");
  let shown = null;
  const show = async (id) => {
    shown?.end();
    shown = new ChosenSeats(event, sections.find(({ section_id }) => String(section_id) === id));
    await shown.load();
    place.replaceChildren(shown.element);
  };
  const select = choice(sections.map(({ section_id: id, name, available, capacity }) =>
    [String(id), t("seats.section_left", { name, available, capacity })]), String(sections[0].section_id));
  select.addEventListener("change", () => show(select.value).catch(failed));
  await show(select.value);
  return { children: [field(t("seats.section"), select), place], end: () => shown?.end() };
}
