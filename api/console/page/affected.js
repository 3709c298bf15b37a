// Whom a change affects: figures of the API, as sentences.

import { call } from "/assets/api.js";
import { el } from "/assets/dom.js";
import { money } from "/assets/format.js";
import { t } from "/assets/words.js";

const query = (filter) =>
  new URLSearchParams(Object.entries(filter).filter(([, value]) => value !== undefined && value !== "")).toString();

/** Live holds, payments under way and paid reservations of an event, a ticket, a customer or a seat. */
export const holdsOf = (filter) => call("GET", `/holds?${query(filter)}`);

/** What becomes of them, one sentence for each state that there is: `texts` names them, as `texts.held`. */
export function affected(holds, texts) {
  const lines = ["held", "paying", "paid"].filter((state) => holds[state].reservations).map((state) => {
    const { reservations: count, places, customers, amounts } = holds[state];
    return t(`${texts}.${state}`, { count, places, customers, amount: amounts.map(money).join(" + ") });
  });
  for (const name of ["bookings", "waiting"]) {
    const text = t(`${texts}.${name}`, { count: holds[name] });
    if (holds[name] && text !== `${texts}.${name}`) lines.push(text);
  }
  if (!lines.length) return el("p", { className: "affected" }, t("affected.nobody"));
  return el("ul", { className: "affected" }, ...lines.map((line) => el("li", {}, line)));
}
