// Tickets whose places are all alike, and the best seats together: held by a reservation.

import { act, button, call, customer, el, money } from "./api.js";
import { addHold } from "./orders.js";
import { tellMe } from "./waiting.js";

/** The counts of all tickets, and a form that holds those without seats; `update` takes an availability. */
export function ticketsOf(event) {
  const rows = new Map(event.tickets.map((ticket) => [ticket.id, rowOf(event, ticket, () => coded())]));
  const hold = el("button", {}, "Hold");
  const code = el("input", { maxLength: 64, autocomplete: "off", "aria-label": "Code" });
  const shown = el("p", { className: "hint" });
  const coded = () => (code.value.trim() ? { code: code.value.trim() } : {});
  const look = button("What does it open?", async () => {
    const offer = await call("GET", `/events/${event.id}/codes/${encodeURIComponent(code.value.trim())}/offer`);
    shown.textContent = offer.tickets.map((each) => `${each.ticket_type}: ${money(each.price)}`).join(", ") || "Nothing now.";
  }, { className: "quiet" });
  const hasInputs = [...rows.values()].some((row) => row.quantity);
  const form = el(
    "form",
    {},
    el(
      "table",
      {},
      el("thead", {}, el("tr", {}, ...["Ticket", "Price", "Left", "How many"].map((text) => el("th", { scope: "col" }, text)))),
      el("tbody", {}, ...[...rows.values()].map((row) => row.element)),
    ),
    el("p", { className: "pair" }, el("label", {}, "Code, if you have one ", code), look),
    shown,
    hasInputs ? hold : null,
  );
  form.addEventListener("submit", (submitted) => {
    submitted.preventDefault();
    act(hold, async () => {
      const wanted = [...rows].map(([id, { quantity }]) => ({ ticket_id: id, quantity: Number(quantity?.value ?? 0) }));
      const items = wanted.filter((item) => item.quantity > 0);
      if (!items.length) throw new Error("Say how many tickets you want.");
      addHold(await call("POST", "/reservations", { items, ...customer(), ...coded() }));
    });
  });
  return { element: form, update: ({ tickets }) => tickets.forEach((counts) => rows.get(counts.ticket_id)?.update(counts)) };
}

function rowOf(event, ticket, coded) {
  const meter = el("meter", { min: 0, max: ticket.capacity || 1, "aria-label": `${ticket.ticket_type} left` });
  const left = el("span", { className: "left-of" });
  const general = ticket.seating === "general";
  const quantity = general
    ? el("input", { type: "number", min: 0, max: event.max_per_customer, value: 0, "aria-label": `How many ${ticket.ticket_type}` })
    : null;
  const how = quantity ?? (ticket.seating === "assigned" ? bestSeats(event, ticket, coded) : "with a slot, by the API");
  const waiting = event.waiting_list ? tellMe(event, ticket) : null;
  const update = ({ available, capacity }) => {
    waiting?.update(available);
    Object.assign(meter, { max: capacity || 1, value: available });
    left.textContent = available ? `${available} of ${capacity}` : "sold out";
  };
  update(ticket);
  const cells = [money(ticket.price), el("span", {}, meter, " ", left, waiting?.element ?? ""), how].map((cell) => el("td", {}, cell));
  return { element: el("tr", {}, el("th", { scope: "row" }, ticket.ticket_type), ...cells), quantity, update };
}

function bestSeats(event, ticket, coded) {
  const label = `Best ${ticket.ticket_type} seats together`;
  const quantity = el("input", { type: "number", min: 1, max: event.max_per_customer, value: 2, "aria-label": label });
  const take = button("Best seats", async () => {
    const items = [{ ticket_id: ticket.id, quantity: Number(quantity.value), best_available: true }];
    addHold(await call("POST", "/reservations", { items, ...customer(), ...coded() }));
  });
  return el("span", { className: "pair" }, quantity, take);
}
