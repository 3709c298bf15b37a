// The way to the payment: the gateway's page, and back to the order.

import { call } from "/assets/api.js";
import { book, present } from "./basket.js";
import { go } from "/assets/router.js";
import { tell } from "/assets/notices.js";
import { language, t } from "/assets/words.js";

let settings = null;

/** What the server says of the shop: {payment_page, auth}. */
export async function shopSettings() {
  settings ??= await (await fetch("/shop/settings")).json();
  return settings;
}

/** Send the buyer to the gateway's page. `order`: {id, total}; of a cart it has a `payment`, which calls back. */
export async function toPayment({ id, total, payment }) {
  const { payment_page: page } = await shopSettings();
  if (!page) return tell(t("no_payment_page"));
  const back = `/shop/orders/${encodeURIComponent(id)}`;
  const query = new URLSearchParams({ ...total, back, lang: language(), ...(payment && { payment }) });
  location.assign(`${page}?${query}`);
}

/** Pay for the basket. What costs nothing is bought at once. */
export async function checkOut() {
  const { total } = present();
  const payment = await book();
  const { status } = await call("GET", `/payments/${payment}`);
  if (status === "completed") return go(`/shop/orders/${payment}`);
  await toPayment({ id: payment, total, payment });
}
