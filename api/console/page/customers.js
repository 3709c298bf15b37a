// All that is known of a customer.

import { call } from "/assets/api.js";
import { button, el, once } from "/assets/dom.js";
import { instant, money } from "/assets/format.js";
import { fragment } from "/assets/router.js";
import { t } from "/assets/words.js";
import { field } from "./change.js";
import { changeTable } from "./changes.js";
import { releaseHolds } from "./holds.js";
import { save, table } from "./table.js";

const places = ({ items }) => items.map(({ quantity, ticket_type: type, seats }) =>
  [`${quantity} × ${type ?? "?"}`, seats.map(({ row, label, number }) => `${row}${label ?? number}`).join(", ")].filter(Boolean).join(": ")).join("; ");

const PARTS = {
  reservations: [
    ["id", ({ id }) => id], ["event", ({ event }) => event?.name], ["status", ({ status }) => t(`reservation.${status}`)], ["places", places],
    ["total", ({ total }) => money(total)], ["created_at", ({ created_at: at }) => instant(at)], ["payment", ({ payment }) => payment?.id],
  ],
  bookings: [["id", ({ id }) => id], ["slot", ({ date, time }) => `${date} ${time}`], ["status", ({ status }) => status], ["phone", ({ phone_number: phone }) => phone]],
  etickets: [["serial", ({ serial }) => String(serial)], ["reservation", ({ reservation_id: id }) => id], ["holder", ({ first_name: first, last_name: last }) => [first, last].filter(Boolean).join(" ") || null], ["status", ({ status }) => status]],
  check_ins: [["serial", ({ serial }) => String(serial)], ["gate", ({ gate }) => gate], ["result", ({ result }) => t(`scan.${result}`)], ["at", ({ scanned_at: at }) => instant(at)]],
  waiting_lists: [["id", ({ id }) => id], ["places", ({ quantity }) => String(quantity)], ["status", ({ status }) => status]],
  codes: [["code", ({ code }) => code], ["kind", ({ kind }) => kind], ["created_at", ({ created_at: at }) => instant(at)]],
  messages: [["at", ({ at }) => instant(at)], ["webhook", ({ webhook_id: id }) => String(id)], ["event", ({ event }) => event], ["status", ({ status }) => status]],
  unwritten_facts: [["at", ({ at }) => instant(at)], ["error", ({ error }) => error]],
};

function sectionsOf(data) {
  return Object.entries(PARTS).filter(([name]) => data[name].length).map(([name, columns]) =>
    el("section", { className: "panel" }, el("h2", {}, t(`customer.${name}`)),
      table(t("customer.caption", { name: t(`customer.${name}`), id: data.customer_id }), columns.map(([column, show]) => [t(`customer.column.${column}`), show]), data[name], "")));
}

async function draw(main) {
  const input = el("input", { autocomplete: "off", maxLength: 64, required: true, value: fragment().get("id") ?? "" });
  const go = el("button", {}, t("customer.look"));
  const form = el("form", { className: "row filters" }, field(t("customer.id"), input), go);
  const place = el("div", { className: "panels" });

  async function look() {
    const id = input.value.trim();
    history.replaceState(history.state, "", `#id=${encodeURIComponent(id)}`);
    const data = await call("GET", `/customers/${encodeURIComponent(id)}/data`);
    const release = async () => {
      if (!(await releaseHolds({ customer_id: id }, t("release.of_customer_everywhere", { id })))) return;
      await look();
      go.focus();
    };
    const parts = sectionsOf(data);
    const log = data.audit_log.length > 0 && el("section", { className: "panel" }, el("h2", {}, t("view.changes")), changeTable(data.audit_log));
    place.replaceChildren(...[
      el("div", { className: "row" },
        button(t("customer.save"), () => save(`customer-${id}.json`, "application/json", JSON.stringify(data, null, 2)), { className: "quiet" }),
        button(t("customer.release"), release, { className: "danger" })),
      !data.complete && el("p", { className: "hint" }, t("customer.incomplete")),
      !parts.length && el("p", {}, t("customer.nothing", { id })),
      data.erasure && el("p", {}, t(data.erasure.done_at ? "customer.erased" : "customer.erasing", { at: instant(data.erasure.requested_at) })),
      ...parts, log,
    ].filter(Boolean));
  }

  form.addEventListener("submit", (submitted) => {
    submitted.preventDefault();
    once(go, look);
  });
  main.append(el("h1", {}, t("view.customers")), form, place);
  if (input.value) await look();
}

export const customers = { name: "customers", draw, concernsAll: true };
