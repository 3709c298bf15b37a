// An order: the outcome of its payment, and then its e-tickets. Its id is that of a cart's payment, or of a
// reservation.

import { announce } from "/assets/announce.js";
import { Refusal, call } from "/assets/api.js";
import { refresh, remember } from "./basket.js";
import { nameOf } from "./basket_panel.js";
import { calendarLink } from "./calendar.js";
import { toPayment } from "./checkout.js";
import { timeLeft } from "/assets/clock.js";
import { button, el, failed, focusOn } from "/assets/dom.js";
import { eticketsOf } from "./etickets.js";
import { duration, money, times } from "/assets/format.js";
import { tellProblem } from "./problems.js";
import { fragment } from "/assets/router.js";
import { kept } from "/assets/store.js";
import { whenBack } from "/assets/service.js";
import { t } from "/assets/words.js";

const LOOK_AGAIN_MS = 1000;
const WAITING = ["pending", "paying"];
const BOUGHT = ["completed", "paid"];

const isCart = (id) => id.startsWith("cart-");

/** The order as {status, total, reservations, expires_at}. */
async function read(id) {
  if (!isCart(id)) {
    const reservation = await call("GET", `/reservations/${id}`);
    return { status: reservation.status, total: reservation.total, reservations: [reservation], expires_at: reservation.expires_at };
  }
  const { status, amount, currency, reservations } = await call("GET", `/payments/${id}`);
  const details = await Promise.all(reservations.map((each) => call("GET", `/reservations/${each}`)));
  return { status, total: { amount, currency }, reservations: details, expires_at: null };
}

/** Charges a reservation, once, with the card that was chosen on the gateway's page. */
async function payWith(id, token) {
  history.replaceState(null, "", location.pathname); // a reload does not pay
  const { total } = await read(id);
  try {
    await call("POST", `/reservations/${id}/pay`, { ...total, payment_token: token }, { key: `pay ${id} ${token} ${Date.now()}`.replaceAll(" ", "-") });
  } catch (problem) {
    tellProblem(problem);
  }
  kept.set("offers", kept.get("offers", []).filter((each) => each !== id));
}

function summary({ reservations, total }) {
  const lines = reservations.flatMap(({ event, items }) => [
    el("h3", {}, event.name),
    el("ul", { className: "items" }, ...items.map((item) =>
      el("li", {}, el("span", { className: "what" }, nameOf(item)), el("span", { className: "price" }, money(times(item.unit_price, item.quantity)))))),
  ]);
  return el("section", { className: "panel", "aria-labelledby": "summary-title" },
    el("h2", { id: "summary-title" }, t("order.summary")), ...lines,
    el("p", { className: "total" }, el("span", {}, t("basket.total")), el("b", {}, money(total))));
}

/** What the calendar gets: each event, and of a timed one each slot. */
function visitsOf(reservations) {
  return reservations.flatMap(({ id, event, items }) => {
    const starts = new Map();
    for (const item of items) {
      const start = item.starts_at ?? event.starts_at;
      starts.set(start, [...(starts.get(start) ?? []), nameOf(item)]);
    }
    return [...starts].map(([starts_at, names], at) => ({ id: `${id}-${at}`, name: event.name, starts_at, about: names.join("\n") }));
  });
}

async function confirmation(order) {
  const parts = await Promise.all(order.reservations.map(async (reservation) => {
    const event = await call("GET", `/events/${reservation.event.id}`);
    return eticketsOf(reservation, event, order.reservations.length > 1);
  }));
  return [
    el("p", { className: "lead" }, t("order.thanks")),
    el("div", { className: "row actions" },
      button(t("order.print"), () => print()), calendarLink(visitsOf(order.reservations)), ...parts.map(({ save }) => save)),
    el("h2", { className: "hidden" }, t("order.etickets")),
    ...parts.map(({ list }) => list),
    summary(order),
  ];
}

function unpaid(id, order) {
  const payment = isCart(id) ? id : undefined;
  const show = (seconds) => (seconds > 0 ? t("basket.left", { time: duration(seconds) }) : t("basket.over"));
  return [
    order.expires_at && el("p", { className: "deadline" }, timeLeft(order.expires_at, show)),
    el("div", { className: "row actions" }, button(t("basket.to_payment"), () => toPayment({ id, total: order.total, payment }))),
    summary(order),
  ];
}

async function contentOf(id, order) {
  if (BOUGHT.includes(order.status)) return confirmation(order);
  if (order.status === "held") return unpaid(id, order);
  if (order.status === "pending") return [el("p", { className: "lead" }, t("order.waiting_text")), ...unpaid(id, order)];
  return [el("p", { className: "lead" }, t(`order.${order.status}_text`)), el("p", {}, el("a", { className: "go", href: "/shop" }, t("list.back"))), summary(order)];
}

const titleOf = ({ status }) => t(`order.${BOUGHT.includes(status) ? "bought" : WAITING.includes(status) ? "waiting" : status}`);

/** Show an order in `main`; returns its title and a function that ends it. */
export async function orderPage(main, id) {
  let shown = "";
  let timer = null;
  let ended = false;

  const look = async () => {
    clearTimeout(timer);
    const order = await read(id);
    if (ended) return;
    if (WAITING.includes(order.status)) timer = setTimeout(() => look().catch(again), LOOK_AGAIN_MS);
    if (shown === order.status) return;
    const isNew = shown !== "";
    const heading = el("h1", {}, titleOf(order));
    const content = await contentOf(id, order);
    shown = order.status;
    main.replaceChildren(
      el("nav", { className: "crumbs", "aria-label": t("crumbs") }, el("a", { href: "/shop" }, t("list.back"))),
      el("article", { className: `order ${order.status}` }, heading, ...content.filter(Boolean)));
    refresh().catch(() => {});
    document.title = `${titleOf(order)} · Onsale`;
    if (BOUGHT.includes(order.status)) remember(id);
    if (isNew) announce(titleOf(order), { now: true });
    if (heading.isConnected) focusOn(heading);
  };
  const again = (problem) => {
    if (problem instanceof Refusal) return failed(problem);
    timer = setTimeout(() => look().catch(again), LOOK_AGAIN_MS);
  };

  const token = fragment().get("payment_token");
  if (token && !isCart(id)) await payWith(id, token);
  await look();
  const stop = whenBack(() => look().catch(failed));
  return {
    title: main.querySelector("h1").textContent,
    takesFocus: true,
    end: () => {
      ended = true;
      clearTimeout(timer);
      stop();
    },
  };
}
