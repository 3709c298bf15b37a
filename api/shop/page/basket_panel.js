// The basket as it is shown: what is in it, the total, the time left, and the way to the payment.

import { announce } from "/assets/announce.js";
import { countOf, discard, hasRunOut, isBusy, present, refresh, remove, takeLost, watch } from "./basket.js";
import { checkOut, toPayment } from "./checkout.js";
import { timeLeft } from "/assets/clock.js";
import { byId, button, el, focusOn } from "/assets/dom.js";
import { duration, money, slotText, times } from "/assets/format.js";
import { tell } from "/assets/notices.js";
import { kept, watchKept } from "/assets/store.js";
import { t } from "/assets/words.js";

const LOOK_AGAIN_MS = 400;
let saidOf = ""; // the deadline of which the last minute was announced
let saidRanOut = false;

/** What an item is, in words: `2 × Regular`, `Stalls, row A, seat 4`. */
export function nameOf({ quantity, ticket_type, seat, seats, slot }) {
  const named = seats ?? (seat ? [seat] : []);
  const where = named.map(({ section, row, label }) => t("seat.long", { section, row, label })).join("; ");
  return [where ? `${ticket_type}: ${where}` : `${quantity} × ${ticket_type}`, slot && slotText(slot)].filter(Boolean).join(", ");
}

function byEvent(items) {
  const groups = new Map();
  for (const item of items) groups.set(item.event.id, [...(groups.get(item.event.id) ?? []), item]);
  return [...groups.values()];
}

function lines(cart) {
  const isOpen = cart.status === "open";
  return byEvent(cart.items).map((items) => [
    el("h3", {}, el("a", { href: `/shop/events/${items[0].event.id}` }, items[0].event.name)),
    el("ul", { className: "items" }, ...items.map((item) =>
      el("li", {},
        el("span", { className: "what" }, nameOf(item)),
        el("span", { className: "price" }, money(times(item.unit_price, item.quantity))),
        isOpen && button("×", () => takeOut(item), { className: "close", ariaLabel: t("basket.remove", { what: nameOf(item) }) }),
      ))),
  ]);
}

async function takeOut(item) {
  await remove(item);
  announce(t("basket.removed", { what: nameOf(item) }));
  focusOn(byId("basket-title"));
}

/** The time left, shown and, in the last minute, said. */
function deadline(cart) {
  const show = (seconds) => {
    if (seconds <= 60 && seconds > 0 && saidOf !== cart.expires_at) {
      saidOf = cart.expires_at;
      announce(t("basket.one_minute"), { now: true });
    }
    return seconds > 0 ? t("basket.left", { time: duration(seconds) }) : t("basket.over");
  };
  const look = () => setTimeout(() => refresh().catch(() => {}), LOOK_AGAIN_MS);
  return timeLeft(cart.expires_at, show, look);
}

function openCart(cart) {
  return [
    el("p", { className: "deadline" }, deadline(cart)),
    ...lines(cart).flat(),
    el("p", { className: "total" }, el("span", {}, t("basket.total")), el("b", {}, money(cart.total))),
    button(cart.total.amount ? t("basket.pay") : t("basket.get"), checkOut, { className: "wide", id: "pay" }),
    button(t("basket.discard"), async () => {
      await discard();
      focusOn(byId("basket-title"));
    }, { className: "quiet wide" }),
  ];
}

function bookedCart(cart) {
  const order = { id: cart.payment_id, total: cart.total, payment: cart.payment_id };
  return [
    el("p", {}, t("basket.booked")),
    ...lines(cart).flat(),
    el("p", { className: "total" }, el("span", {}, t("basket.total")), el("b", {}, money(cart.total))),
    button(t("basket.to_payment"), () => toPayment(order), { className: "wide" }),
    el("a", { href: `/shop/orders/${cart.payment_id}` }, t("basket.to_order")),
  ];
}

function emptyCart() {
  return [el("p", { className: "hint" }, hasRunOut() ? t("basket.ran_out") : t("basket.empty"))];
}

function offers() {
  return kept.get("offers", []).map((id) =>
    el("p", { className: "offer" }, t("waiting.offered"), " ", el("a", { href: `/shop/orders/${id}` }, t("waiting.take"))));
}

function showBar(cart) {
  const places = countOf();
  byId("basket-bar").hidden = !places;
  if (!places) return byId("basket-bar").replaceChildren();
  const text = t("basket.places", { count: places });
  byId("basket-bar").replaceChildren(
    el("a", { href: "#basket" }, el("b", {}, `${text} · ${money(cart.total)}`), el("span", { className: "to" }, t("basket.show"))),
    timeLeft(cart.expires_at, duration),
  );
}

function show() {
  const cart = present();
  const content = cart?.status === "open" ? openCart(cart) : cart?.status === "booked" ? bookedCart(cart) : emptyCart();
  const key = JSON.stringify([cart, hasRunOut(), kept.get("offers", [])]);
  byId("basket").classList.toggle("busy", isBusy());
  if (byId("basket-content").dataset.key === key) return;
  byId("basket-content").dataset.key = key;
  byId("basket-content").replaceChildren(...content, ...offers());
  showBar(cart);
  if (hasRunOut() && !saidRanOut) announce(t("basket.ran_out"), { now: true });
  saidRanOut = hasRunOut();
  const lost = takeLost();
  if (lost) tell(t("basket.lost", { count: lost }));
}

/** Move the focus to the basket, after something came into it. */
export const focusBasket = () => focusOn(byId("basket-title"));

/** Keep the basket on the page as it is. */
export function showBasket() {
  watch(show);
  watchKept("offers", show);
  byId("basket-bar").addEventListener("click", (click) => {
    if (!click.target.closest("a")) return;
    click.preventDefault();
    byId("basket").scrollIntoView({ block: "start" });
    focusBasket();
  });
  show();
}
