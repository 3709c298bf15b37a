// Refunds due, and payments that are pinned or disputed.

import { el } from "/assets/dom.js";
import { t } from "/assets/words.js";
import { choice, field } from "./change.js";
import { managedEvents } from "./events.js";
import { paymentTable } from "./open_payments.js";
import { recordList } from "./records.js";

const STATUSES = ["pending", "disputed", "refund_due"];

async function draw(main) {
  const events = await managedEvents();
  const inputs = {
    status: choice([["", t("payments.all")], ...STATUSES.map((status) => [status, t(`payments.status.${status}`)])], ""),
    event_id: choice([["", t("changes.all_events")], ...events.map(({ id, name }) => [String(id), name])], ""),
  };
  const labels = [field(t("payments.status"), inputs.status), field(t("changes.event"), inputs.event_id)];
  const { children } = await recordList({
    name: "payments", inputs, labels, path: (query) => `/payments?${query}`,
    shown: (items, again) => paymentTable(t("payments.caption"), items, () => again()),
  });
  main.append(el("h1", {}, t("view.money")), el("p", { className: "hint" }, t("payments.hint")), ...children);
}

export const money = { name: "money", draw };
