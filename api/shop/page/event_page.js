// The page of an event: how its sale stands, and the parts in which places are chosen.

import { announce } from "/assets/announce.js";
import { call } from "/assets/api.js";
import { countdown, learn } from "/assets/clock.js";
import { Codes } from "./codes.js";
import { el, failed, refill } from "/assets/dom.js";
import { clock, duration, longDay } from "/assets/format.js";
import { hallOf } from "./hall.js";
import { follow } from "/assets/live.js";
import { posterOf } from "./poster.js";
import { asShown, saleState, saleText } from "/assets/sale_state.js";
import { whenBack } from "/assets/service.js";
import { slotsOf } from "./slots.js";
import { ticketsOf } from "./tickets.js";
import { t } from "/assets/words.js";

/** The line under the name: when it is. */
function whenOf(event) {
  if (event.schedule) return t("event.daily", { times: event.schedule.times.join(", ") });
  const { starts_at, timezone } = event;
  const doors = event.doors_open_at ? ` · ${t("event.doors", { time: clock(event.doors_open_at, timezone) })}` : "";
  return `${longDay(starts_at, timezone)}, ${clock(starts_at, timezone)} (${timezone.split("/").pop().replace("_", " ")})${doors}`;
}

function headOf(event, state) {
  return el("header", { className: "event-head" },
    el("div", { className: "banner-picture" }, posterOf(event)),
    el("h1", {}, event.name),
    el("p", { className: "when" }, whenOf(event)),
    state,
    event.description && el("p", { className: "description" }, event.description));
}

function roomOf(event) {
  return el("section", { className: "panel room-link", "aria-labelledby": "room-title" },
    el("h2", { id: "room-title" }, t("event.room")),
    el("p", {}, t("event.room_text")),
    el("a", { className: "go", href: `/shop/queue/${event.id}` }, t("to_waiting_room")));
}

/** Shows how the sale stands; until it opens the time is counted down, by the server's clock. */
class SaleLine {
  constructor(event, opened) {
    this.event = event;
    this.opened = opened;
    this.text = el("span");
    this.left = el("b", { className: "count" });
    this.element = el("p", { className: "sale-state" }, this.text, " ", this.left);
    this.stop = () => {};
  }

  show(counts) {
    const state = saleState(this.event, counts);
    this.element.dataset.state = state;
    refill(this.text, saleText(this.event, state));
    this.element.hidden = state === "open";
    this.stop();
    this.left.textContent = "";
    if (state !== "opens") return;
    this.stop = countdown(this.event.sale_opens_at, (seconds) => {
      this.left.textContent = seconds > 0 ? duration(seconds) : "";
      if (seconds === 0) this.opened();
    });
  }
}

/** The parts of the page that the event needs, each {element, update?(counts), refresh?(event), end?()}. */
async function partsOf(event, codes) {
  const seated = event.tickets.some(({ seating }) => seating === "assigned");
  const parts = [];
  if (seated) parts.push(await hallOf(event, codes));
  if (event.schedule) parts.push(await slotsOf(event, codes));
  if (event.tickets.some(({ seating }) => seating !== "timed")) parts.push(ticketsOf(event, codes));
  return parts;
}

/** Show an event in `main`; returns its title and a function that ends it. */
export async function eventPage(main, id) {
  const event = asShown(await call("GET", `/events/${id}`));
  const codes = new Codes(event);
  const parts = await partsOf(event, codes);
  let counts = event.tickets;
  let version = null;
  const line = new SaleLine(event, () => {
    announce(t("sale.opened"));
    show();
  });
  const show = () => {
    line.show(counts);
    for (const part of parts) part.update?.(counts);
  };

  const read = async () => {
    Object.assign(event, asShown(await call("GET", `/events/${id}`)));
    for (const part of parts) part.refresh?.(event);
    counts = event.tickets;
    show();
  };
  const told = (news) => {
    learn(news.as_of);
    const changed = new Map(news.tickets.map((each) => [each.ticket_id, each]));
    counts = counts.map((each) => ({ ...each, ...changed.get(each.ticket_id ?? each.id) }));
    if (news.version !== undefined && version !== null && news.version !== version) read().catch(failed);
    version = news.version ?? version;
    show();
  };
  const sale = ({ status, sale_opens_at, sale_closes_at, server_time }) => {
    learn(server_time);
    Object.assign(event, { status, sale_opens_at, sale_closes_at });
    show();
  };

  const isSold = event.tickets.length > 0 || !event.schedule; // else its places are free
  const buy = el("div", { className: "parts" }, ...parts.map(({ element }) => element), isSold && codes.element);
  main.replaceChildren(
    el("nav", { className: "crumbs", "aria-label": t("crumbs") }, el("a", { href: "/shop" }, t("list.back"))),
    el("article", { className: "event" }, headOf(event, line.element), event.waiting_room && roomOf(event), buy));
  show();
  const poll = async () => told(await call("GET", `/events/${id}/availability`, undefined, { quiet: true }));
  const ends = [follow(`/events/${id}/availability/stream`, { snapshot: told, change: told, sale }, poll)];
  ends.push(whenBack(() => read().catch(failed)), ...parts.map(({ end }) => end), () => line.stop());
  return { title: event.name, event, end: () => ends.forEach((end) => end?.()) };
}
