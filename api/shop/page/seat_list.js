// The seats of a section as a list of rows, for those who do not use the map: "Row C: 4 to 9 free".

import { el } from "/assets/dom.js";
import { FREE } from "/assets/seat_data.js";
import { t } from "/assets/words.js";

/** `picked(seat)` is called for a seat that is chosen. */
export class SeatList {
  constructor(seats, picked) {
    Object.assign(this, { seats, picked });
    this.rows = seats.rows.map((row, number) => this.rowOf(row, number));
    this.element = el("div", { className: "seat-list" }, ...this.rows.map(({ element }) => element));
  }

  rowOf(row, number) {
    const summary = el("summary");
    const buttons = el("div", { className: "seat-buttons" });
    const element = el("details", { className: "seat-row" }, summary, buttons);
    element.addEventListener("toggle", () => this.fill(number));
    const made = { row, summary, buttons, element };
    this.head(made);
    return made;
  }

  head({ row, summary }) {
    const { seats } = this;
    const groups = seats.freeGroups(row).map(([first, last]) =>
      first === last ? seats.labelOf(first) : t("list_view.range", { first: seats.labelOf(first), last: seats.labelOf(last) }));
    const text = groups.length ? t("list_view.row_free", { row: row.name, seats: groups.join(", ") }) : t("list_view.row_full", { row: row.name });
    if (summary.textContent !== text) summary.textContent = text;
  }

  /** The seats of a row that can be chosen, while the row is open; those that were there before stay. */
  fill(number) {
    const { row, buttons, element } = this.rows[number];
    if (!element.open) return buttons.replaceChildren();
    const before = new Map([...buttons.children].map((each) => [Number(each.dataset.seat), each]));
    const wanted = [];
    for (let seat = row.start; seat < row.start + row.length; seat++) {
      const isYours = this.seats.yours[seat] === 1;
      if (!isYours && this.seats.state[seat] !== FREE) {
        before.get(seat)?.remove();
        continue;
      }
      const made = before.get(seat) ?? this.buttonOf(seat, row);
      made.ariaPressed = isYours;
      wanted.push(made);
    }
    wanted.forEach((each, at) => buttons.children[at] !== each && buttons.insertBefore(each, buttons.children[at] ?? null));
  }

  buttonOf(seat, row) {
    const label = this.seats.labelOf(seat);
    const made = el("button", { type: "button", className: "seat", ariaLabel: t("seat.short", { row: row.name, label }) }, label);
    made.dataset.seat = seat;
    made.addEventListener("click", () => this.picked(seat));
    return made;
  }

  /** Show some seats again, which have changed; null: all of them. */
  update(changed) {
    const numbers = changed ? new Set(changed.map((seat) => this.seats.rowOf[seat])) : this.rows.keys();
    for (const number of numbers) {
      this.head(this.rows[number]);
      if (this.rows[number].element.open) this.fill(number);
    }
  }
}
