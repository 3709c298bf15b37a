// The shop: one page that shows the list, an event or an order, beside the basket.

import { announce } from "./announce.js";
import { NoAnswer, Refusal } from "./api.js";
import { refresh } from "./basket.js";
import { showBasket } from "./basket_panel.js";
import { showCustomer } from "./customer.js";
import { byId, el, focusOn, onFailure } from "./dom.js";
import { eventPage } from "./event_page.js";
import { listPage } from "./list_page.js";
import { clear, tellProblem } from "./notices.js";
import { orderPage } from "./order_page.js";
import { route } from "./router.js";
import { whenBack } from "./service.js";
import { fillIn, loadWords, showLanguages, t } from "./words.js";

const SHOW = { list: listPage, event: eventPage, order: orderPage };
let present = null; // what is shown, with the function that ends it
let turn = 0;

/** A page that cannot be shown says why. It tries again when a server that was away is back. */
function sorry(main, problem, again) {
  const isGone = problem instanceof Refusal && problem.status === 404;
  main.replaceChildren(el("h1", {}, t(isGone ? "gone.title" : "sorry.title")), el("p", {}, isGone ? t("gone.text") : problem.message),
    el("p", {}, el("a", { className: "go", href: "/shop" }, t("list.back"))));
  const stop = whenBack(again);
  return { title: t("sorry.title"), end: stop };
}

/** Of several pages that are asked for one after the other the last one is shown. */
async function draw(page, { isNew }) {
  const number = ++turn;
  const [name, argument] = page ?? ["list"];
  const before = present;
  const main = el("main", { id: "main", className: `page-${name}` });
  main.tabIndex = -1;
  byId("main").setAttribute("aria-busy", "true");
  let made;
  try {
    made = await SHOW[name](main, argument);
  } catch (problem) {
    if (!(problem instanceof Refusal || problem instanceof NoAnswer)) console.error(problem);
    made = sorry(main, problem, () => draw(page, { isNew: false }));
  }
  if (number !== turn) return made.end?.();
  before?.end?.();
  present = made;
  byId("main").replaceWith(main);
  document.title = `${made.title} · Onsale`;
  document.body.dataset.page = name;
  if (!isNew && !made.takesFocus) return;
  if (isNew) clear();
  scrollTo(0, 0);
  focusOn(main.querySelector("h1"));
  announce(made.title);
}

await loadWords();
fillIn(document);
showLanguages();
onFailure((problem) => tellProblem(problem, present?.event));
showCustomer(() => refresh().catch(tellProblem));
showBasket();
refresh().catch(() => {});
whenBack(() => refresh().catch(() => {}));
route(draw);
