// The page: which events there are, which is chosen, and a look at it every second.

import { act, button, call, el, instant, kept, tell, uuid } from "./api.js";
import { restore } from "./orders.js";
import { hallOf } from "./seats.js";
import { museumOf, showBookings } from "./slots.js";
import { ticketsOf } from "./tickets.js";

const POLL_MS = 1000;
const place = (name) => document.getElementById(name);
let look = async () => {};

function showBuyer() {
  if (!kept.get("customer")) kept.set("customer", `guest-${uuid().slice(0, 8)}`);
  place("customer").value = kept.get("customer");
  place("token").value = kept.get("token", "");
  place("buyer").textContent = kept.get("token", "") ? "whom the token names" : kept.get("customer");
}

async function listEvents() {
  const { items } = await call("GET", "/events?status=on_sale&limit=100");
  const entries = items.map((event) => {
    const entry = button("", () => choose(event.id, entry), { className: "event", "aria-pressed": "false" });
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
  place("event").replaceChildren(heading, el("p", { className: "hint" }, about), ...parts.map(({ element }) => element));
  heading.focus();
  look = async () => {
    const counts = await call("GET", `/events/${id}/availability`);
    await Promise.all(parts.map(({ update }) => update(counts)));
  };
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

place("who").querySelector("form").addEventListener("submit", (submitted) => {
  submitted.preventDefault();
  kept.set("customer", place("customer").value);
  kept.set("token", place("token").value.trim());
  showBuyer();
  place("who").open = false;
});

showBuyer();
showBookings();
act(place("event"), async () => {
  await listEvents();
  await restore();
});
watch();
