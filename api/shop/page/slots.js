// A timed event: the slots of a day, and places in them: tickets that are paid for, or a free place by name and phone.

import { announce } from "/assets/announce.js";
import { call } from "/assets/api.js";
import { countOf, setPlaces } from "./basket.js";
import { focusBasket } from "./basket_panel.js";
import { bookingForm } from "./bookings.js";
import { now } from "/assets/clock.js";
import { el, failed, once } from "/assets/dom.js";
import { dateKey, money, times } from "/assets/format.js";
import { tell } from "/assets/notices.js";
import { tellProblem } from "./problems.js";
import { stepper } from "./tickets.js";
import { t } from "/assets/words.js";

const LOOK_AGAIN_MS = 2000;
const A_DAY_MS = 86_400_000;

/** The slots of the day that is chosen, as radio buttons. They stay while the day does, and so does the choice. */
class Slots {
  constructor(event) {
    this.event = event;
    const today = dateKey(now(), event.timezone);
    const first = dateKey(event.starts_at, event.timezone);
    const tomorrow = dateKey(now() + A_DAY_MS, event.timezone);
    this.day = el("input", {
      type: "date", name: "date", required: true, min: first > today ? first : today, value: first > tomorrow ? first : tomorrow,
    });
    this.place = el("fieldset", { className: "slots" });
    this.latest = 0;
  }

  /** Read the day again; of two readings the one of the later request counts. */
  async look() {
    const number = ++this.latest;
    const day = this.day.value;
    if (!day) return;
    const { items } = await call("GET", `/events/${this.event.id}/slots?date=${day}`);
    if (number === this.latest) this.paint(items);
  }

  paint(slots) {
    const key = slots.map(({ date, time }) => date + time).join();
    if (this.place.dataset.key !== key) {
      this.place.dataset.key = key;
      this.place.replaceChildren(
        el("legend", {}, slots.length ? t("slots.time") : t("slots.none")),
        ...slots.map(({ time }) => el("label", {}, el("input", { type: "radio", name: "time", value: time }), el("span", {}, el("b", {}, time), el("small")))));
    }
    this.place.querySelectorAll("label").forEach((label, at) => {
      const { available, starts_at } = slots[at];
      const isOver = Date.parse(starts_at) <= now();
      label.querySelector("small").textContent = isOver ? t("slots.over") : available ? t("slots.left", { count: available }) : t("slots.full");
      label.querySelector("input").disabled = isOver || !available;
    });
  }

  /** The slot that is chosen, as its local start; null without one. */
  chosen() {
    const time = this.place.querySelector(":checked")?.value;
    return time ? `${this.day.value}T${time}` : null;
  }
}

function timedTickets(event, codes, slots) {
  const rows = event.tickets.filter(({ seating }) => seating === "timed").map((ticket) => {
    const quantity = stepper(t("tickets.how_many", { name: ticket.ticket_type }), event.max_per_customer);
    const price = el("span", { className: "price" }, money(ticket.price));
    const element = el("li", { className: "ticket" }, el("span", { className: "about" }, el("b", {}, ticket.ticket_type)), price, quantity.element);
    return { ticket, quantity, price, element };
  });
  codes.watch(() => rows.forEach(({ ticket, price }) => { price.textContent = money(codes.priceOf(ticket.id, ticket.price)); }));
  const take = async () => {
    const slot = slots.chosen();
    const wanted = rows.filter(({ quantity }) => quantity.value() > 0);
    if (!slot || !wanted.length) return tell(slot ? t("tickets.none") : t("slots.choose"));
    for (const { ticket: { id, price }, quantity } of wanted) {
      const places = quantity.value() + countOf((item) => item.ticket_id === id && item.slot === slot);
      const expected_total = times(codes.priceOf(id, price), places);
      await setPlaces(event.id, { price_id: id, quantity: places, slot, expected_total, ...codes.termsOf(id) });
      quantity.reset();
    }
    announce(t("basket.held", { count: countOf() }));
    await slots.look();
    focusBasket();
  };
  return { element: el("ul", { className: "tickets" }, ...rows.map(({ element }) => element)), take };
}

/** The slots of a timed event and the form that takes places in one. */
export async function slotsOf(event, codes) {
  const slots = new Slots(event);
  const tickets = event.tickets.some(({ seating }) => seating === "timed") ? timedTickets(event, codes, slots) : null;
  const booking = tickets ? null : bookingForm(event, slots);
  const hold = el("button", { className: "wide" }, tickets ? t("tickets.hold") : t("bookings.book"));
  const form = el("form", { className: "panel" },
    el("h2", {}, t("slots.title")), el("label", {}, el("span", {}, t("slots.day")), slots.day), slots.place,
    (tickets ?? booking).element, hold);
  form.addEventListener("submit", (submitted) => {
    submitted.preventDefault();
    once(hold, tickets ? tickets.take : () => booking.book(form), (problem) => tellProblem(problem, event));
  });
  slots.day.addEventListener("change", () => slots.look().catch(failed));
  await slots.look();
  const timer = setInterval(() => document.hidden || slots.look().catch(() => {}), LOOK_AGAIN_MS);
  const element = booking ? el("div", {}, form, booking.list) : form;
  return { element, end: () => clearInterval(timer) };
}
