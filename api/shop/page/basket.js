// The basket: one cart of the API for places of all events, the same in all tabs.
//
// Changes go to the API one after the other. Of two wishes about the same thing the later one counts. A wish that has not
// been sent yet is dropped when a newer one comes.

import { Refusal, call } from "/assets/api.js";
import { customer } from "./customer.js";
import { ask } from "/assets/dialog.js";
import { money } from "/assets/format.js";
import { kept, uuid, watchKept } from "/assets/store.js";
import { t } from "/assets/words.js";

const LOOK_AGAIN_MS = 20_000;
const OVER = ["completed", "failed"];
const ENDED = ["expired", "not_found", "cancelled"];

let cart = null;
let isWorking = false;
let ranOut = false; // the last cart ended because nobody paid in time
let lost = 0; // places that others took out of the cart, since it was read before
const wishes = new Map(); // by what they are about
const wanted = new Map(); // by seat, whether the buyer wants it in the cart, while that is not settled
const watchers = new Set();

const path = () => `/orders/carts/${kept.get("cart")}`;
const beginAnew = () => kept.set("cart", null);

/** The cart as the API returned it last; null if there is nothing in it and nothing was booked. */
export const present = () => cart;
export const hasRunOut = () => ranOut;
export const isBusy = () => isWorking;

/** How many places somebody else took out of the cart: the shop, for one. Asking forgets them. */
export function takeLost() {
  const found = lost;
  lost = 0;
  return found;
}

/** The number of places in the cart while they can be changed. */
export const countOf = (test = () => true) =>
  cart?.status === "open" ? cart.items.filter(test).reduce((sum, { quantity }) => sum + quantity, 0) : 0;

/** Whether a seat is in the cart, or is about to be. */
export function hasSeat(seatId) {
  return wanted.get(seatId) ?? holdsSeat(seatId);
}

/** The seats of an event that are in the cart, or are about to be, by their ids. */
export function seatIds(eventId) {
  const items = cart?.status === "open" ? cart.items : [];
  const ids = new Set(items.filter(({ event, seat }) => seat && event.id === eventId).map(({ seat }) => seat.seat_id));
  for (const [id, isWanted] of wanted) isWanted ? ids.add(id) : ids.delete(id);
  return ids;
}

const holdsSeat = (seatId) => cart?.status === "open" && cart.items.some(({ seat }) => seat?.seat_id === seatId);

/** Call `act` whenever the basket changes; returns a function that ends that. */
export function watch(act) {
  watchers.add(act);
  return () => watchers.delete(act);
}

function publish() {
  for (const act of watchers) act();
}

function apply(found, { told = true } = {}) {
  cart = found && (found.items.length || found.status !== "open") ? found : null;
  if (cart) ranOut = false;
  if (told) kept.set("basket-changed", Date.now()); // for the other tabs
  publish();
}

/** Read the cart again. A cart that expired is followed by a new one. `isOurs`: another tab has changed it. */
export async function refresh({ isOurs = false } = {}) {
  const [before, places] = [cart, countOf()];
  if (!kept.get("cart")) return apply(null, { told: false });
  try {
    const found = await call("GET", path());
    const isSame = before?.id === found.id && before.status === found.status && before === cart && !isWorking;
    const left = found.items.reduce((sum, { quantity }) => sum + quantity, 0);
    if (isSame && !isOurs && left < places) lost = places - left;
    apply(found, { told: false });
  } catch (refusal) {
    if (!(refusal instanceof Refusal) || !ENDED.includes(refusal.code)) throw refusal;
    ranOut ||= refusal.code === "expired" && before?.status === "open";
    if (refusal.code !== "not_found") beginAnew();
    apply(null, { told: false });
  }
}

/** Comes to the cart once the wish is done, or to null if a newer wish about the same thing took its place. */
function wish(about, send) {
  return new Promise((resolve, reject) => {
    wishes.get(about)?.resolve(null);
    wishes.set(about, { send, resolve, reject });
    if (!isWorking) work();
  });
}

async function work() {
  isWorking = true;
  publish();
  while (wishes.size) {
    const [about, { send, resolve, reject }] = wishes.entries().next().value;
    wishes.delete(about);
    try {
      apply(await send());
      resolve(cart);
    } catch (problem) {
      await refresh().catch(() => {});
      reject(problem);
    }
  }
  isWorking = false;
  publish();
}

/** Takes an item into the cart. At another price than was shown the buyer is asked. */
async function take(item) {
  if (!kept.get("cart") || OVER.includes(cart?.status)) kept.set("cart", uuid());
  try {
    return await call("POST", path(), { ...item, ...customer() });
  } catch (refusal) {
    if (refusal.code === "price_changed") {
      const { total } = refusal.members;
      const prices = { before: money(item.expected_total), now: money(total) };
      const agreed = await ask(t("price.title"), t("price.text", prices), { yes: t("price.yes"), no: t("price.no") });
      return agreed ? take({ ...item, expected_total: total }) : cart;
    }
    if (refusal.code !== "expired") throw refusal;
    kept.set("cart", uuid());
    return call("POST", path(), { ...item, ...customer() });
  }
}

/** Put a seat into the cart, or take it out. `terms` comes to {price_id, expected_total, code}. */
export async function setSeat(eventId, seatId, isWanted, terms) {
  wanted.set(seatId, isWanted);
  publish();
  const send = async () => {
    if (holdsSeat(seatId) === isWanted) return cart;
    if (isWanted) return take({ event_id: eventId, seat_id: seatId, ...(await terms()) });
    return call("DELETE", `${path()}/events/${eventId}/seats/${seatId}`);
  };
  try {
    const done = await wish(`seat ${seatId}`, send);
    if (done) wanted.delete(seatId);
    return done;
  } catch (problem) {
    wanted.delete(seatId);
    throw problem;
  } finally {
    publish();
  }
}

/** Have so many places of a ticket in the cart, or of a slot of it. `item`: the body, without its event. */
export function setPlaces(eventId, item) {
  return wish(`places ${item.price_id} ${item.slot ?? ""}`, () => take({ event_id: eventId, ...item }));
}

/** Take an item out of the cart: a seat, the places of a slot, or all places of a ticket. */
export function remove({ event, seat, slot, ticket_id }) {
  if (seat) return setSeat(event.id, seat.seat_id, false);
  if (slot) return setPlaces(event.id, { price_id: ticket_id, slot, quantity: 0 });
  return wish(`places ${ticket_id} `, () => call("DELETE", `${path()}/events/${event.id}/tickets/${ticket_id}`));
}

/** Give everything back. */
export async function discard() {
  await wish("all", async () => {
    await call("DELETE", path());
    return null;
  });
}

/** Pin everything for one payment; comes to the payment's id, which is the order's. */
export async function book() {
  const { payment_id } = await call("PUT", `${path()}/book`);
  remember(payment_id);
  await refresh();
  return payment_id;
}

/** Keep the id of an order, for the list of the buyer's orders. */
export function remember(id) {
  const orders = kept.get("orders", []);
  if (!orders.includes(id)) kept.set("orders", [id, ...orders].slice(0, 20));
}

setInterval(() => document.hidden || !countOf() || isWorking || refresh().catch(() => {}), LOOK_AGAIN_MS);
for (const name of ["cart", "basket-changed"]) watchKept(name, () => refresh({ isOurs: true }).catch(() => {}));
