// The page: the events on sale, the chosen one, and what changes of it.

import { act, button, call, el, instant, tell } from "./api.js";
import { follow } from "./live.js";
import { restore } from "./orders.js";
import { hallOf } from "./seats.js";
import { museumOf, showBookings } from "./slots.js";
import { ticketsOf } from "./tickets.js";
import { showBuyer } from "./who.js";

const POLL_MS = 1000;
const place = (name) => document.getElementById(name);
let look = async () => {};
let leave = () => {};

async function listEvents() {
  const { items } = await call("GET", "/events?status=on_sale&limit=100");
  const entries = items.map((event) => {
    const entry = button("", () => choose(event.id, entry), { className: "event", "aria-pressed": "false" });
    entry.id = `event-${event.id}`;
    entry.append(el("b", {}, event.name), el("small", {}, kindOf(event)));
    return entry;
  });
  place("events").replaceChildren(...entries.map((entry) => el("li", {}, entry)));
  if (!entries.length) place("events").append(el("li", {}, "Nothing. A manager puts events on sale with POST /v1/events."));
}

function kindOf(event) {
  if (event.schedule) return "a place in a slot";
  const seated = event.tickets.some(({ seating }) => seating === "assigned");
  return `${seated ? "seats" : "general admission"}, ${instant(event.starts_at, event.timezone)}`;
}

async function choose(id, entry) {
  const event = await call("GET", `/events/${id}`);
  const parts = await partsOf(event);
  for (const other of place("events").querySelectorAll("button")) other.setAttribute("aria-pressed", other === entry);
  const heading = el("h2", { tabIndex: -1 }, event.name);
  const about = `${kindOf(event)}. Holds last ${event.hold_seconds} s, at most ${event.max_per_customer} places each.`;
  const room = event.waiting_room && el("p", {}, "Only customers inside may take places. ",
    el("a", { href: `/demo/queue/${id}` }, "To the waiting room"), ".");
  const shown = [heading, el("p", { className: "hint" }, about), room, ...parts.map(({ element }) => element)];
  place("event").replaceChildren(...shown.filter((part) => part));
  heading.focus();
  leave();
  const show = (counts) => Promise.all(parts.map(({ update }) => update?.(counts)));
  const poll = async () => show(await call("GET", `/events/${id}/availability`));
  const ends = [follow(`/events/${id}/availability/stream`, { snapshot: show, change: show }, poll)];
  ends.push(...parts.map(({ watch }) => watch?.()));
  leave = () => ends.forEach((end) => end?.());
  look = () => Promise.all(parts.map((part) => part.look?.())); // what has no stream
}

async function partsOf(event) {
  const parts = event.tickets.length ? [ticketsOf(event)] : [];
  if (event.schedule) parts.push(await museumOf(event));
  if (event.tickets.some(({ seating }) => seating === "assigned")) parts.push(await hallOf(event));
  return parts;
}

/** A look that fails is told, and the next one is taken all the same. */
async function watch() {
  try {
    if (!document.hidden) await look();
  } catch (problem) {
    tell(problem);
  }
  setTimeout(watch, POLL_MS);
}

showBuyer();
showBookings();
act(place("event"), async () => {
  await listEvents();
  await restore();
  if (location.hash) place(location.hash.slice(1))?.click();
});
watch();
