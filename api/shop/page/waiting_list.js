// "Tell me when a place returns": a place in the line of a ticket that is sold out, and the offer that comes of it.

import { announce } from "/assets/announce.js";
import { call } from "/assets/api.js";
import { remember } from "./basket.js";
import { customer } from "./customer.js";
import { button, el, failed } from "/assets/dom.js";
import { kept } from "/assets/store.js";
import { t } from "/assets/words.js";

const POLL_MS = 2000;

/** What is shown beside a ticket while it is sold out; `update` takes how many places can be bought. */
export function waitingFor(event, ticket) {
  const list = `/events/${event.id}/waiting-list`;
  const name = `waiting-${ticket.id}`;
  const email = el("input", { type: "email", autocomplete: "email", placeholder: "you@example.com", ariaLabel: t("waiting.email", { name: ticket.ticket_type }) });
  const state = el("span", { className: "waiting-state" });
  const join = button(t("waiting.join"), async () => {
    const wish = { ticket_id: ticket.id, quantity: 1, contact: { email: email.value }, ...customer() };
    follow(await call("POST", list, wish));
  }, { className: "quiet" });
  const leave = button(t("waiting.leave"), async () => {
    await call("DELETE", `${list}/${kept.get(name)}`);
    await look(kept.get(name));
  }, { className: "quiet" });
  const form = el("span", { className: "row" }, email, join);
  const element = el("div", { className: "waiting", hidden: true }, form, state, leave);
  let isSoldOut = false;

  const show = () => {
    const waits = Boolean(kept.get(name));
    form.hidden = waits;
    leave.hidden = !waits;
    element.hidden = !waits && !isSoldOut && !state.textContent;
  };
  const look = async (id) => follow(await call("GET", `${list}/${id}`));
  const follow = (entry) => {
    const waits = entry.status === "waiting";
    const text = t(`waiting.${entry.status}`, { position: entry.position });
    if (state.textContent !== text) announce(text);
    state.textContent = text;
    kept.set(name, waits ? entry.id : null);
    if (entry.status === "offered") {
      kept.set("offers", [...new Set([...kept.get("offers", []), entry.reservation_id])]);
      remember(entry.reservation_id);
      state.append(" ", el("a", { href: `/shop/orders/${entry.reservation_id}` }, t("waiting.take")));
    }
    show();
    if (waits) setTimeout(() => element.isConnected && look(entry.id).catch(failed), POLL_MS);
  };
  if (kept.get(name)) look(kept.get(name)).catch(() => kept.set(name, null));
  show();
  return {
    element,
    update: (available) => {
      isSoldOut = available === 0;
      show();
    },
  };
}
