// How the sale of an event stands, for the list and for its page.

import { now } from "/assets/clock.js";
import { instant } from "/assets/format.js";
import { t } from "/assets/words.js";

const FEW = 0.1;

/** The event without tickets that are hidden: those who may do everything see them, but buyers do not. */
export const asShown = (event) => ({ ...event, tickets: event.tickets.filter(({ hidden }) => !hidden) });

/**
 * How it stands: "cancelled", "closed", "paused", "opens", "sold_out", "few" or "open". `counts`: by ticket, where they
 * are known better than the event has them.
 */
export function saleState(event, counts = event.tickets) {
  const at = now();
  if (event.status === "cancelled" || event.status === "closed") return event.status;
  if (event.sale_closes_at && Date.parse(event.sale_closes_at) <= at) return "closed";
  if (!event.schedule && Date.parse(event.starts_at) <= at) return "closed";
  if (event.sale_opens_at && Date.parse(event.sale_opens_at) > at) return "opens";
  if (event.status === "paused") return "paused";
  const counted = counts.filter(({ capacity }) => capacity > 0);
  if (!counted.length || event.schedule) return "open";
  if (counted.every(({ available }) => available === 0)) return "sold_out";
  return counted.every(({ available, capacity }) => available <= capacity * FEW) ? "few" : "open";
}

/** The same in words; nothing for a sale that is just open. */
export function saleText(event, state = saleState(event)) {
  if (state === "open") return "";
  if (state === "opens") return t("sale.opens", { when: instant(event.sale_opens_at) });
  return t(`sale.${state}`);
}
