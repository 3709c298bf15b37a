// Who buys: a customer of one's own choice, or the one whom a token names.

import { kept, uuid } from "./api.js";

const place = (name) => document.getElementById(name);

function show() {
  if (!kept.get("customer")) kept.set("customer", `guest-${uuid().slice(0, 8)}`);
  place("customer").value = kept.get("customer");
  place("token").value = kept.get("token", "");
  place("buyer").textContent = kept.get("token", "") ? "whom the token names" : kept.get("customer");
}

/** Show who buys, and let that be changed; then `changed` is called. */
export function showBuyer(changed = () => {}) {
  place("who").querySelector("form").addEventListener("submit", (submitted) => {
    submitted.preventDefault();
    kept.set("customer", place("customer").value);
    kept.set("token", place("token").value.trim());
    show();
    place("who").open = false;
    changed();
  });
  show();
}
