// Who buys: a customer of this browser, the same in all its tabs, or the one whom a token names.

import { callAs } from "/assets/api.js";
import { byId } from "/assets/dom.js";
import { kept, uuid, watchKept } from "/assets/store.js";
import { t } from "/assets/words.js";
import { sentence } from "./problems.js";

/** The customer as bodies name it: not at all where a token does. */
export const customer = () => (kept.get("token") ? {} : { customer: { id: kept.get("customer") } });

/** The same as a query. */
export const customerQuery = () =>
  kept.get("token") ? "" : `?customer_id=${encodeURIComponent(kept.get("customer"))}`;

function show() {
  if (!kept.get("customer")) kept.set("customer", `guest-${uuid().slice(0, 8)}`);
  byId("customer").value = kept.get("customer");
  byId("token").value = kept.get("token", "");
  byId("buyer").textContent = kept.get("token") ? t("who.by_token") : kept.get("customer");
}

/** Show who buys, and let that be changed; then `changed` is called, also where another tab changes it. */
export function showCustomer(changed) {
  callAs({ token: () => kept.get("token"), sentence });
  const update = () => {
    show();
    changed();
  };
  byId("who").querySelector("form").addEventListener("submit", (submitted) => {
    submitted.preventDefault();
    kept.set("customer", byId("customer").value.trim());
    kept.set("token", byId("token").value.trim() || null);
    byId("who").open = false;
    update();
  });
  watchKept("customer", update);
  watchKept("token", update);
  show();
}
