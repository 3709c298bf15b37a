// The shop: one page that shows the list, an event or an order, beside the basket.

import { Refusal } from "/assets/api.js";
import { el, onFailure } from "/assets/dom.js";
import { presentPage, showPages } from "/assets/pages.js";
import { whenBack } from "/assets/service.js";
import { fillIn, loadWords, showLanguages, t } from "/assets/words.js";
import { refresh } from "./basket.js";
import { showBasket } from "./basket_panel.js";
import { showCustomer } from "./customer.js";
import { eventPage } from "./event_page.js";
import { listPage } from "./list_page.js";
import { orderPage } from "./order_page.js";
import { tellProblem } from "./problems.js";

const PATTERNS = [
  [/^\/shop\/?$/, "list"],
  [/^\/shop\/events\/(\d+)\/?$/, "event"],
  [/^\/shop\/orders\/([^/]+)\/?$/, "order"],
];
const PAGES = { list: listPage, event: eventPage, order: orderPage };

/** What a page that cannot be shown says. */
function sorry(problem) {
  const isGone = problem instanceof Refusal && problem.status === 404;
  const heading = el("h1", {}, t(isGone ? "gone.title" : "sorry.title"));
  const text = el("p", {}, isGone ? t("gone.text") : problem.message);
  const back = el("p", {}, el("a", { className: "go", href: "/shop" }, t("list.back")));
  return { title: t("sorry.title"), children: [heading, text, back] };
}

await loadWords("/shop/assets");
fillIn(document);
showLanguages();
onFailure((problem) => tellProblem(problem, presentPage()?.event));
showCustomer(() => refresh().catch(tellProblem));
showBasket();
refresh().catch(() => {});
whenBack(() => refresh().catch(() => {}));
showPages(PATTERNS, PAGES, { first: "list", sorry, site: "Onsale" });
