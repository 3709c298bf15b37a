// One section of a hall: its prices, its map and its list, and the seats that a buyer takes.

import { announce } from "/assets/announce.js";
import { call } from "/assets/api.js";
import { hasSeat, refresh, seatIds, setSeat, watch } from "./basket.js";
import { button, el, failed } from "/assets/dom.js";
import { money } from "/assets/format.js";
import { follow } from "/assets/live.js";
import { tellProblem } from "./problems.js";
import { BLOCKED, FREE, SectionSeats } from "/assets/seat_data.js";
import { SeatList } from "./seat_list.js";
import { SeatMap } from "/assets/seat_map.js";
import { kept } from "/assets/store.js";
import { t } from "/assets/words.js";

const LOOK_AGAIN_MS = 500;
const VIEWS = ["map", "list"];
const LEGEND = ["free", "yours", "held", "blocked"];

export class Section {
  /** The section is on the page when `load` is done. */
  constructor(event, { section_id, name }, codes) {
    Object.assign(this, { event, id: section_id, name, codes });
    this.path = `/events/${event.id}/sections/${section_id}/seats`;
    this.prices = [];
    this.choices = el("fieldset", { className: "prices" });
    this.canvas = el("canvas", { className: "seat-map", tabIndex: 0, role: "application", ariaLabel: t("map.label", { name }), "aria-describedby": "map-help" });
    this.element = el("div", { className: "section" });
  }

  async load() {
    this.seats = new SectionSeats(await call("GET", `${this.path}?format=compact`));
    const picked = (seat) => this.pick(seat);
    this.list = new SeatList(this.seats, picked);
    this.build();
    this.map = new SeatMap(this.canvas, this.seats, { picked, said: (seat) => announce(this.describe(seat)) });
    this.ends = [watch(() => this.markYours()), this.follow(), () => this.map.end()];
    this.markYours();
    this.details = this.learn();
    this.details.catch(failed);
    return this;
  }

  end() {
    for (const end of this.ends ?? []) end();
  }

  build() {
    const tab = (view) => {
      const made = el("button", { type: "button", id: `tab-${view}` }, t(`view.${view}`));
      made.addEventListener("click", () => this.show(view));
      return made;
    };
    this.tabs = VIEWS.map(tab);
    const zoom = (sign, name, act) => button(sign, act, { className: "step", ariaLabel: t(name) });
    const tools = el("span", { className: "zoom" },
      zoom("−", "map.out", () => this.map.zoom(1 / 1.6)), zoom("+", "map.in", () => this.map.zoom(1.6)), zoom("⤢", "map.fit", () => this.map.fit()));
    const legend = LEGEND.map((state) => el("li", {}, el("i", { className: `key ${state}` }), t(`legend.${state}`)));
    this.views = {
      map: el("div", { className: "map-view" },
        el("p", { className: "stage" }, t("map.stage")), this.canvas, tools,
        el("p", { id: "map-help", className: "hint" }, t("map.help"))),
      list: this.list.element,
    };
    this.element.replaceChildren(
      el("div", { className: "section-bar" }, el("div", { className: "tabs", role: "group", ariaLabel: t("view.label") }, ...this.tabs), el("ul", { className: "legend" }, ...legend)),
      this.choices, this.views.map, this.views.list);
    this.show(kept.get("seat-view", "map"));
  }

  show(view) {
    kept.set("seat-view", view);
    VIEWS.forEach((name, at) => {
      this.views[name].hidden = name !== view;
      this.tabs[at].ariaPressed = name === view;
    });
  }

  /** Prices, labels and flags come with the full document, after the map is there. */
  async learn() {
    const { items } = await call("GET", this.path);
    this.prices = items[0]?.prices ?? [];
    this.seats.learn(items);
    this.showPrices();
    this.map.begin();
    this.list.update(null);
  }

  showPrices() {
    const chosen = this.choices.querySelector(":checked")?.value ?? String(this.prices[0]?.ticket_id);
    const labels = this.prices.map(({ ticket_id, name, price }) =>
      el("label", {}, el("input", { type: "radio", name: "price", value: ticket_id, checked: String(ticket_id) === chosen }),
        el("span", {}, `${name} `, el("b", {}, money(this.codes.priceOf(ticket_id, price))))));
    this.choices.replaceChildren(el("legend", {}, t("map.price")), ...labels);
  }

  /** The ticket under which the next seat is taken, as members of a cart's item. */
  async terms() {
    await this.details;
    const id = Number(this.choices.querySelector(":checked")?.value ?? this.prices[0]?.ticket_id);
    const { price } = this.prices.find(({ ticket_id }) => ticket_id === id);
    return { price_id: id, expected_total: this.codes.priceOf(id, price), ...this.codes.termsOf(id) };
  }

  describe(seat) {
    const { seats } = this;
    const isYours = hasSeat(seats.idOf(seat));
    const state = isYours ? "yours" : ["free", "held", "held", "blocked"][seats.state[seat]];
    const flags = (seats.flags?.get(seat) ?? []).map((name) => t(`flag.${name}`));
    return [t("seat.short", { row: seats.rowName(seat), label: seats.labelOf(seat) }), t(`legend.${state}`), ...flags].join(", ");
  }

  /** Takes a free seat, or gives back one that is the buyer's. */
  async pick(seat) {
    const id = this.seats.idOf(seat);
    const isTaken = !hasSeat(id);
    if (isTaken && this.seats.state[seat] !== FREE) return announce(this.describe(seat), { now: true });
    try {
      const done = await setSeat(this.event.id, id, isTaken, () => this.terms());
      if (done !== null && hasSeat(id) === isTaken) announce(`${t(isTaken ? "seat.held" : "seat.given_back")} ${this.describe(seat)}`);
    } catch (problem) {
      if (problem.code === "seat_taken") this.lose(problem.members.seat_ids);
      tellProblem(problem, this.event);
    }
  }

  lose(ids) {
    this.redraw(this.seats.change(ids.map((id) => [id, this.seats.state[this.seats.find(id)] === BLOCKED ? BLOCKED : 1])));
  }

  /** Show which seats are the buyer's, where that has changed. */
  markYours() {
    const changed = this.seats.mark(seatIds(this.event.id));
    if (changed.length) this.redraw(changed);
  }

  /** Draw seats that the server says have changed. One of the buyer's that is free was taken out of the basket. */
  told(changed) {
    this.redraw(changed);
    const isLost = changed.some((seat) => this.seats.yours[seat] && this.seats.state[seat] === FREE);
    if (isLost) setTimeout(() => refresh().catch(() => {}), LOOK_AGAIN_MS); // unless another tab has given it back
  }

  redraw(changed) {
    this.map.update(changed);
    this.list.update(changed);
  }

  follow() {
    const snapshot = (document) => this.told(this.seats.take(document));
    const change = ({ seats }) => this.told(this.seats.change(seats));
    const poll = async () => snapshot(await call("GET", `${this.path}?format=compact`, undefined, { quiet: true }));
    return follow(`${this.path}/stream`, { snapshot, change }, poll);
  }
}
