// One event: its sale, tickets, holds, seats, waiting room and codes, and what a manager may do with them.

import { all, call } from "/assets/api.js";
import { byId, el, focusOn } from "/assets/dom.js";
import { instant } from "/assets/format.js";
import { fragment } from "/assets/router.js";
import { t } from "/assets/words.js";
import { choice, field } from "./change.js";
import { codesPanel } from "./codes.js";
import { holdsPanel } from "./holds.js";
import { roomPanel } from "./room.js";
import { salePanel } from "./sale.js";
import { seatsPanel } from "./seats.js";
import { manager } from "./session.js";
import { ticketsPanel } from "./tickets.js";

const PANELS = { sale: salePanel, tickets: ticketsPanel, holds: holdsPanel, seats: seatsPanel, room: roomPanel, codes: codesPanel };
const MOST = 2000;

/** The events that the manager may change, by their start. */
export async function managedEvents() {
  const { events } = manager();
  return (await all("/events", MOST)).filter(({ id }) => !events || events.includes(id));
}

/** A select of events; `chosen` is an id, or null for the first. */
export function eventChoice(events, chosen) {
  const pairs = events.map(({ id, name, starts_at: start, timezone }) => [String(id), `${name}, ${instant(start, timezone)}`]);
  return choice(pairs, String(chosen ?? events[0]?.id));
}

/** The event that the address names, or null. */
export const eventOfAddress = () => fragment().get("event");

/** Put the chosen event into the address, so that a reload and a link show it. */
export const keepInAddress = (id) => history.replaceState(history.state, "", `#event=${id}`);

class EventPage {
  constructor(place) {
    this.place = place;
    this.ends = [];
    this.turn = 0;
  }

  end() {
    for (const end of this.ends) end();
    this.ends = [];
  }

  /** Show the event as it is now. The focus stays at the control that was used, or goes to the heading of its panel. */
  async show(id) {
    const turn = ++this.turn;
    const event = await call("GET", `/events/${id}`);
    const again = () => this.show(id);
    const made = await Promise.all(Object.entries(PANELS).map(async ([name, panel]) => [name, await panel(event, again)]));
    if (turn !== this.turn) return made.forEach(([, each]) => each?.end?.());
    const used = document.activeElement?.dataset.act;
    const panel = document.activeElement?.closest("section.panel")?.id;
    this.end();
    this.ends = made.flatMap(([, each]) => each?.end ?? []);
    this.place.replaceChildren(...made.filter(([, each]) => each).map(([name, { children }]) =>
      el("section", { className: "panel", id: `panel-${name}`, "aria-labelledby": `head-${name}` },
        el("h2", { id: `head-${name}` }, t(`${name}.heading`)), ...children)));
    if (!panel) return;
    const control = used && this.place.querySelector(`[data-act="${used}"]`);
    if (control) control.focus();
    else focusOn(byId(panel)?.querySelector("h2") ?? byId("main").querySelector("h1"));
  }
}

async function draw(main) {
  const events = await managedEvents();
  main.append(el("h1", {}, t("view.events")));
  if (!events.length) return void main.append(el("p", {}, t("events.none")));
  const wanted = events.find(({ id }) => String(id) === eventOfAddress()) ?? events[0];
  const select = eventChoice(events, wanted.id);
  const place = el("div", { className: "panels" });
  const page = new EventPage(place);
  select.addEventListener("change", () => {
    keepInAddress(select.value);
    page.show(select.value);
  });
  main.append(el("div", { className: "chosen" }, field(t("events.choose"), select)), place);
  await page.show(wanted.id);
  return { end: () => page.end() };
}

export const events = { name: "events", draw };
