// "Tell me when a place returns": a place in the line of a ticket that is sold out, and the offer that comes of it.

import { button, call, customer, el, kept, tell } from "./api.js";
import { addHold } from "./orders.js";

const POLL_MS = 2000;
const SAYS = {
  waiting: ({ position }) => `You are number ${position} in line.`,
  offered: () => "A place is yours: pay for it below.",
  taken: () => "Paid.",
  declined: () => "You gave up your place in line.",
  ended: () => "The offer has ended.",
};

/** What is shown beside a ticket while it is sold out; `update` takes how many places can be bought. */
export function tellMe(event, ticket) {
  const list = `/events/${event.id}/waiting-list`;
  const name = `waiting-${ticket.id}`;
  const email = el("input", { type: "email", placeholder: "you@example.com", "aria-label": `E-mail for ${ticket.ticket_type}` });
  const state = el("span", { role: "status" });
  const join = button("Tell me when a place returns", async () => {
    const wish = { ticket_id: ticket.id, quantity: 1, contact: { email: email.value }, ...customer() };
    follow(await call("POST", list, wish));
  });
  const leave = button("Leave the line", async () => {
    await call("DELETE", `${list}/${kept.get(name)}`);
    await look(kept.get(name));
  });
  const form = el("span", { className: "pair" }, email, join);
  const element = el("div", { hidden: true }, form, state, leave);
  let sold = false;
  const show = () => {
    const waits = Boolean(kept.get(name));
    Object.assign(form, { hidden: waits });
    Object.assign(leave, { hidden: !waits });
    element.hidden = !waits && !sold;
  };
  const look = async (id) => follow(await call("GET", `${list}/${id}`));
  const follow = (entry) => {
    const open = entry.status === "waiting";
    state.textContent = SAYS[entry.status](entry);
    kept.set(name, open ? entry.id : null);
    if (entry.status === "offered") call("GET", `/reservations/${entry.reservation_id}`).then(addHold, tell);
    show();
    if (open) setTimeout(() => element.isConnected && look(entry.id).catch(tell), POLL_MS);
  };
  if (kept.get(name)) look(kept.get(name)).catch(() => kept.set(name, null));
  show();
  return {
    element,
    update: (available) => {
      sold = available === 0;
      show();
    },
  };
}
