// The sale of an event: pause, resume, cancel, and give everybody's money back.

import { all, call } from "/assets/api.js";
import { button, el, refill } from "/assets/dom.js";
import { money } from "/assets/format.js";
import { repeat } from "/assets/polling.js";
import { t } from "/assets/words.js";
import { affected, holdsOf } from "./affected.js";
import { change } from "./change.js";
import { paymentTable } from "./open_payments.js";
import { act } from "./reasons.js";

const PROGRESS_MS = 1500;
const ACTIONS = { on_sale: ["pause", "cancel"], paused: ["resume", "cancel"], draft: ["resume", "cancel"], closed: ["resume", "cancel"], cancelled: ["refund"] };
const STATUS = { pause: "paused", resume: "on_sale", cancel: "cancelled" };

async function setStatus(event, name, again) {
  const says = [el("p", {}, t(`sale.${name}.says`)), affected(await holdsOf({ event_id: event.id }), `sale.${name}`)];
  const isDone = await change({
    title: t(`sale.${name}.title`, { name: event.name }),
    says,
    yes: t(`sale.${name}`),
    run: async (wish) => {
      await act("PATCH", `/events/${event.id}`, { status: STATUS[name] }, wish);
      return t(`sale.${name}.done`, { name: event.name });
    },
  });
  if (isDone) await again();
}

async function refundAll(event, again) {
  const { reservations, refunded, refund_due: due, amount } = await call("GET", `/events/${event.id}/refund`);
  const isDone = await change({
    title: t("sale.refund.title", { name: event.name }),
    says: t("sale.refund.says", { count: reservations - refunded - due, amount: money(amount), refunded }),
    yes: t("sale.refund"),
    run: async (wish) => {
      await act("POST", `/events/${event.id}/refund`, {}, wish);
      return t("sale.refund.done", { name: event.name });
    },
  });
  if (isDone) await again();
}

/** How far the refund of everybody is, and the payments of which the money is not back. */
function refundProgress(event) {
  const bar = el("progress", { "aria-label": t("sale.progress") });
  const figures = el("p");
  const open = el("div");
  const look = async () => {
    const { reservations, refunded, refund_due: due, amount } = await call("GET", `/events/${event.id}/refund`);
    bar.max = Math.max(1, reservations);
    bar.value = reservations ? refunded : 1;
    figures.textContent = t("sale.refunded", { count: reservations, refunded, due, amount: money(amount) });
    const payments = (await all(`/payments?event_id=${event.id}`)).filter(({ status }) => status !== "pending");
    refill(open, payments.length ? paymentTable(t("sale.open"), payments) : "");
  };
  return { children: [bar, figures, open], end: repeat(look, PROGRESS_MS) };
}

export async function salePanel(event, again) {
  const work = { pause: setStatus, resume: setStatus, cancel: setStatus };
  const actions = ACTIONS[event.status].map((name) =>
    button(t(`sale.${name}`), () => (name === "refund" ? refundAll(event, again) : work[name](event, name, again)),
      { className: name === "cancel" ? "danger" : "", "data-act": `sale-${name}` }));
  const progress = event.status === "cancelled" ? refundProgress(event) : { children: [] };
  return {
    children: [el("p", {}, el("b", { className: "state", "data-state": event.status === "on_sale" ? "open" : event.status }, t(`status.${event.status}`))), ...progress.children, el("div", { className: "row" }, ...actions)],
    end: progress.end,
  };
}
