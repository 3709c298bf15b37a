// What is yours: reservations that are held and paid for, and a cart of seats.

import { Refusal, button, call, countdown, el, kept, money, tell, uuid } from "./api.js";

/** What the simulated gateway makes of them. */
const TOKENS = {
  tok_visa: "a card that pays",
  card_error: "a card that is declined",
  payment_error: "a payment that fails",
  timeout: "a bank that takes its time",
};
const place = (name) => document.getElementById(name);
const holds = new Map(); // by id, the card of each reservation
let cart = null;

const cartPath = () => `/orders/carts/${kept.get("cart")}`;
const placesOf = ({ items }) =>
  items
    .map(({ quantity, ticket_type, seats, seat }) => {
      const named = (seats ?? [seat].filter(Boolean)).map(({ row, label }) => `${row}${label}`);
      return `${quantity} × ${ticket_type}${named.length ? ` (${named.join(", ")})` : ""}`;
    })
    .join(", ");

/** Reads again what was yours before a reload. */
export async function restore() {
  if (!kept.get("cart")) kept.set("cart", uuid());
  await lookAtCart();
  const known = kept.get("holds", []);
  const gone = await Promise.all(known.map((id) => refreshHold(id).then(() => null, () => id)));
  kept.set("holds", known.filter((id) => !gone.includes(id)));
}

/** Shows a reservation, in the place where it was shown before. */
export function addHold(reservation) {
  const before = holds.get(reservation.id);
  const card = holdCard(reservation);
  if (before) before.replaceWith(card);
  else place("holds").prepend(card);
  holds.set(reservation.id, card);
  if (!kept.get("holds", []).includes(reservation.id)) kept.set("holds", [...kept.get("holds", []), reservation.id]);
}

async function refreshHold(id) {
  addHold(await call("GET", `/reservations/${id}`));
}

function putAway(id) {
  holds.get(id).remove();
  holds.delete(id);
  kept.set("holds", kept.get("holds", []).filter((other) => other !== id));
}

function holdCard(reservation) {
  const { id, status, event, total } = reservation;
  const again = () => refreshHold(id);
  const card = el("article", { className: `card ${status}`, "aria-label": `Reservation for ${event.name}` });
  card.append(el("h3", {}, event.name), el("p", {}, `${placesOf(reservation)}, ${money(total)}`));
  const later = (ms) => setTimeout(() => card.isConnected && again().catch(tell), ms);
  if (status === "held") card.append(statusOf(status, countdown(reservation.expires_at, () => later(500))), ...payOrCancel(id, total, again));
  else card.append(statusOf(status));
  if (status === "paying") later(1000);
  else if (status !== "held") card.append(button("Put away", () => putAway(id), { className: "quiet" }));
  return card;
}

function statusOf(status, left) {
  return el("p", { className: "status" }, el("span", { role: "status" }, status.replace("_", " ")), left && " · ", left);
}

function payOrCancel(id, total, again) {
  const token = el("select", {}, ...Object.entries(TOKENS).map(([value, text]) => el("option", { value }, text)));
  const pay = () => call("POST", `/reservations/${id}/pay`, { ...total, payment_token: token.value }).finally(again);
  const cancel = () => call("DELETE", `/reservations/${id}`).finally(again);
  const buttons = [button("Pay", pay), button("Cancel", cancel, { className: "quiet" })];
  return [el("label", {}, "Pay with ", token), el("p", { className: "pair" }, ...buttons)];
}

/** Whether a seat is in the cart while that is open. */
export const inCart = (eventId, seatId) =>
  cart?.status === "open" && cart.items.some(({ event, seat }) => event.id === eventId && seat?.seat_id === seatId);

export async function addToCart(event_id, seat_id, price_id) {
  if (cart?.status === "completed") kept.set("cart", uuid()); // after a failure the same cart begins anew
  await changeCart(call("POST", cartPath(), { event_id, seat_id, price_id }));
}

export async function removeFromCart(eventId, seatId) {
  await changeCart(call("DELETE", `${cartPath()}/events/${eventId}/seats/${seatId}`));
}

async function changeCart(answer) {
  try {
    showCart(await answer);
  } catch (problem) {
    await lookAtCart();
    throw problem;
  }
}

async function lookAtCart() {
  try {
    showCart(await call("GET", cartPath()));
  } catch (problem) {
    if (!(problem instanceof Refusal)) throw problem;
    showCart(null); // 404: there is none; 410: it ran out
  }
}

function showCart(found) {
  cart = found;
  place("cart").replaceChildren(...(cart && (cart.items.length || cart.status !== "open") ? [cartCard()] : []));
}

function cartLine(item) {
  const { event, seat, unit_price } = item;
  const text = `${event.name}: ${placesOf({ items: [item] })}, ${money(unit_price)} `;
  const label = { className: "quiet", "aria-label": `Remove seat ${seat?.row}${seat?.label} of ${event.name}` };
  const remove = cart.status === "open" && seat ? button("Remove", () => removeFromCart(event.id, seat.seat_id), label) : null;
  return el("li", {}, text, remove);
}

function cartCard() {
  const card = el("article", { className: `card ${cart.status}`, "aria-label": "Cart" }, el("h3", {}, "Cart"));
  card.append(el("ul", {}, ...cart.items.map(cartLine)), el("p", {}, `In all ${money(cart.total)}`));
  const later = () => setTimeout(() => card.isConnected && lookAtCart().catch(tell), 500);
  card.append(statusOf(cart.status, cart.status === "open" ? countdown(cart.expires_at, later) : null));
  if (cart.status === "open") card.append(button("Book", () => call("PUT", `${cartPath()}/book`).finally(lookAtCart)));
  if (cart.status === "booked") {
    const end = (outcome) => () => call("POST", `/payments/${cart.payment_id}/${outcome}`).finally(lookAtCart);
    const buttons = [button("is paid", end("complete")), button("has failed", end("failed"), { className: "quiet" })];
    card.append(el("p", {}, "You are the gateway now. Say that the payment"), el("p", { className: "pair" }, ...buttons));
  }
  return card;
}
