// The tickets of an event: price, capacity, pause.

import { button, el } from "/assets/dom.js";
import { money } from "/assets/format.js";
import { t } from "/assets/words.js";
import { affected, holdsOf } from "./affected.js";
import { change, field } from "./change.js";
import { digitsOf, moneyOf } from "./amounts.js";
import { act } from "./reasons.js";
import { table } from "./table.js";

async function changePrice(ticket, again) {
  const { currency } = ticket.price;
  const digits = digitsOf(currency);
  const input = el("input", { inputMode: "decimal", required: true, autocomplete: "off", value: (ticket.price.amount / 10 ** digits).toFixed(digits), pattern: digits ? `\\d+([.,]\\d{1,${digits}})?` : "\\d+" });
  const told = el("p");
  const tell = () => {
    const price = moneyOf(input.value, currency);
    told.textContent = price ? t("price.says", { from: money(ticket.price), to: money(price) }) : t("price.no_amount", { currency });
  };
  input.addEventListener("input", tell);
  tell();
  const isDone = await change({
    title: t("price.title", { name: ticket.ticket_type }),
    says: [told, affected(await holdsOf({ ticket_id: ticket.id }), "price")],
    fields: [field(t("price.new", { currency }), input)],
    yes: t("price.yes"),
    run: async (wish) => {
      const price = moneyOf(input.value, currency);
      await act("PATCH", `/tickets/${ticket.id}`, { price }, wish);
      return t("price.done", { name: ticket.ticket_type, price: money(price) });
    },
  });
  if (isDone) await again();
}

async function changeCapacity(ticket, again) {
  const taken = ticket.held + ticket.sold + ticket.kept;
  const input = el("input", { type: "number", min: 0, step: 1, required: true, value: ticket.capacity });
  const told = el("p");
  const tell = () => {
    const left = Number(input.value) - taken;
    told.textContent = left < 0 ? t("capacity.below", { taken }) : t("capacity.says", { left, taken, count: left });
  };
  input.addEventListener("input", tell);
  tell();
  const isDone = await change({
    title: t("capacity.title", { name: ticket.ticket_type }),
    says: [told, affected(await holdsOf({ ticket_id: ticket.id }), "capacity")],
    fields: [field(t("capacity.new"), input)],
    yes: t("capacity.yes"),
    run: async (wish) => {
      const capacity = Number(input.value);
      await act("PATCH", `/tickets/${ticket.id}`, { capacity }, wish);
      return t("capacity.done", { name: ticket.ticket_type, capacity });
    },
  });
  if (isDone) await again();
}

async function pauseTicket(ticket, paused, again) {
  const name = paused ? "ticket_pause" : "ticket_resume";
  const isDone = await change({
    title: t(`${name}.title`, { name: ticket.ticket_type }),
    says: [el("p", {}, t(`${name}.says`)), affected(await holdsOf({ ticket_id: ticket.id }), name)],
    yes: t(`${name}.yes`),
    run: async (wish) => {
      await act("PATCH", `/tickets/${ticket.id}`, { paused }, wish);
      return t(`${name}.done`, { name: ticket.ticket_type });
    },
  });
  if (isDone) await again();
}

export async function ticketsPanel(event, again) {
  const small = (text, name, ticket, work) =>
    button(text, work, { className: "quiet small", "data-act": `${name}-${ticket.id}`, ariaLabel: `${text}: ${ticket.ticket_type}` });
  const actions = (ticket) => el("span", { className: "row" },
    small(t("tickets.price"), "price", ticket, () => changePrice(ticket, again)),
    ticket.seating === "general" && small(t("tickets.capacity"), "capacity", ticket, () => changeCapacity(ticket, again)),
    ticket.paused
      ? small(t("tickets.resume"), "resume", ticket, () => pauseTicket(ticket, false, again))
      : small(t("tickets.pause"), "pause", ticket, () => pauseTicket(ticket, true, again)));
  const number = (name) => [t(`tickets.${name}`), (ticket) => ticket[name].toLocaleString()];
  const columns = [
    [t("tickets.type"), ({ ticket_type: type, paused }) => (paused ? `${type} (${t("tickets.is_paused")})` : type)],
    [t("tickets.price"), ({ price }) => money(price)],
    ...["capacity", "available", "held", "sold", "kept"].map(number),
    [t("tickets.actions"), actions],
  ];
  return { children: [table(t("tickets.caption", { name: event.name }), columns, event.tickets, t("tickets.none"))] };
}
