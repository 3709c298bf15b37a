// Payments that are not at their end.

import { button, el } from "/assets/dom.js";
import { instant, money } from "/assets/format.js";
import { t } from "/assets/words.js";
import { change, choice, field } from "./change.js";
import { act } from "./reasons.js";
import { table } from "./table.js";

/** Decide about a payment of which the gateway has another amount than is owed. */
async function settle(payment, again) {
  const outcome = choice(["completed", "failed"].map((each) => [each, t(`settle.${each}`)]), "completed");
  const isDone = await change({
    title: t("settle.title", { id: payment.id }),
    says: [el("p", {}, t("settle.says", { owed: money(payment.amount), received: payment.received ? money(payment.received) : "–" })),
      el("ul", {}, ...["completed", "failed"].map((each) => el("li", {}, t(`settle.means.${each}`))))],
    fields: [field(t("settle.outcome"), outcome)],
    yes: t("settle.yes"),
    run: async (wish) => {
      await act("POST", `/payments/${encodeURIComponent(payment.id)}/settle`, { outcome: outcome.value, note: wish.reason }, wish);
      return t("settle.done", { id: payment.id });
    },
  });
  if (isDone) await again();
}

/** A table of payments; those that are disputed can be settled, and `again()` follows. */
export function paymentTable(caption, payments, again) {
  const columns = [
    [t("payments.created_at"), ({ created_at: at }) => instant(at)],
    [t("payments.status"), ({ status }) => t(`payments.status.${status}`)],
    [t("payments.amount"), ({ amount }) => money(amount)],
    [t("payments.received"), ({ received }) => received && money(received)],
    [t("payments.due"), ({ refund_due: due }) => (due.amount ? money(due) : null)],
    [t("payments.customer"), ({ customer_id: id }) => el("a", { href: `/console/customers#id=${encodeURIComponent(id)}` }, id)],
    [t("payments.reservation"), ({ reservation_id: id }) => id],
  ];
  if (again) {
    columns.push([t("tickets.actions"), (payment) => payment.status === "disputed"
      && button(t("settle.yes"), () => settle(payment, again), { className: "quiet small", ariaLabel: t("settle.title", { id: payment.id }) })]);
  }
  return table(caption, columns.map(([heading, show]) => [heading, (item) => show(item) || null]), payments, t("payments.none"));
}
