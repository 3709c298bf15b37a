// Tickets whose places are all alike, and the best seats together.

import { announce } from "/assets/announce.js";
import { countOf, setPlaces } from "./basket.js";
import { focusBasket } from "./basket_panel.js";
import { el, once } from "/assets/dom.js";
import { money, times } from "/assets/format.js";
import { tell } from "/assets/notices.js";
import { tellProblem } from "./problems.js";
import { waitingFor } from "./waiting_list.js";
import { t } from "/assets/words.js";

const FEW = 0.1;

/** A number with buttons beside it. */
export function stepper(label, most, least = 0) {
  const input = el("input", { type: "number", min: least, max: most, value: least, inputMode: "numeric", ariaLabel: label });
  const step = (by) => {
    input.value = Math.min(most, Math.max(least, Number(input.value) + by));
    input.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const control = (sign, by, name) => {
    const made = el("button", { type: "button", className: "step", ariaLabel: `${name}: ${label}` }, sign);
    made.addEventListener("click", () => step(by));
    return made;
  };
  return {
    element: el("span", { className: "stepper" }, control("−", -1, t("fewer")), input, control("+", 1, t("more"))),
    value: () => Math.min(most, Math.max(0, Math.floor(Number(input.value)) || 0)),
    reset: () => { input.value = least; },
  };
}

/** How many are left, in words. */
function leftText({ available, capacity }) {
  if (!available) return t("tickets.sold_out");
  return available <= capacity * FEW ? t("tickets.few", { count: available }) : t("tickets.left", { count: available });
}

/** One ticket: its price, what is left, and how many are wanted. */
class Row {
  constructor(event, ticket, codes) {
    Object.assign(this, { event, ticket, codes, counts: ticket });
    this.isSeated = ticket.seating === "assigned";
    this.price = el("span", { className: "price" });
    this.left = el("span", { className: "left-of" });
    const label = this.isSeated ? t("tickets.how_many_seats", { name: ticket.ticket_type }) : t("tickets.how_many", { name: ticket.ticket_type });
    this.quantity = stepper(label, event.max_per_customer);
    this.waiting = event.waiting_list && ticket.id ? waitingFor(event, ticket) : null;
    this.element = el("li", { className: "ticket" },
      el("span", { className: "about" },
        el("b", {}, ticket.ticket_type),
        this.isSeated && el("small", {}, t("tickets.best")), this.left),
      this.price, this.quantity.element, this.waiting?.element);
    this.show();
  }

  show(counts = this.counts) {
    this.counts = counts;
    const price = this.unitPrice();
    const isCheaper = price.amount !== counts.price.amount;
    this.price.replaceChildren(isCheaper ? el("del", {}, money(counts.price)) : "", ` ${money(price)}`);
    const text = leftText(counts);
    if (this.left.textContent !== text) this.left.textContent = text;
    this.element.classList.toggle("gone", counts.available === 0);
    this.waiting?.update(counts.available);
  }

  unitPrice() {
    return this.codes.priceOf(this.ticket.id, this.counts.price);
  }

  /** Take what is wanted into the cart, besides what it has of the ticket. */
  async take() {
    const id = this.ticket.id;
    const had = countOf((item) => item.ticket_id === id);
    const gained = this.quantity.value();
    const quantity = had + gained;
    const best = this.isSeated ? { best_available: true } : {};
    const expected_total = times(this.unitPrice(), this.isSeated ? gained : quantity);
    await setPlaces(this.event.id, { price_id: id, quantity, ...best, expected_total, ...this.codes.termsOf(id) });
    this.quantity.reset();
  }
}

/** The tickets of an event that are not timed, and the form that takes places of them. */
export function ticketsOf(event, codes) {
  const plain = () => event.tickets.filter(({ seating }) => seating !== "timed");
  let rows = plain().map((ticket) => new Row(event, ticket, codes));
  const list = el("ul", { className: "tickets" }, ...rows.map(({ element }) => element));
  const hold = el("button", { className: "wide" }, t("tickets.hold"));
  const title = rows.every(({ isSeated }) => isSeated) ? t("tickets.best_title") : t("tickets.title");
  const form = el("form", { className: "panel" }, el("h2", {}, title),
    el("p", { className: "hint" }, t("tickets.limit", { count: event.max_per_customer })), list, hold);

  const takeAll = async () => {
    const wanted = rows.filter((row) => row.quantity.value() > 0);
    if (!wanted.length) return tell(t("tickets.none"));
    for (const row of wanted) await row.take();
    announce(t("basket.held", { count: countOf() }));
    focusBasket();
  };
  form.addEventListener("submit", (submitted) => {
    submitted.preventDefault();
    once(hold, takeAll, (problem) => tellProblem(problem, event));
  });
  codes.watch(() => {
    const opened = codes.opened().map((each) => ({
      id: each.id, ticket_type: each.ticket_type, price: each.regular_price, seating: "general",
      available: each.available ?? 0, capacity: each.available ?? 0,
    }));
    rows = rows.filter(({ ticket }) => event.tickets.some(({ id }) => id === ticket.id));
    rows.push(...opened.map((ticket) => new Row(event, ticket, codes)));
    list.replaceChildren(...rows.map(({ element }) => element));
    for (const row of rows) row.show();
  });
  return {
    element: form,
    update: (counts) => {
      const known = new Map(counts.map((each) => [each.ticket_id ?? each.id, each]));
      for (const row of rows) if (known.has(row.ticket.id)) row.show(known.get(row.ticket.id));
    },
  };
}
