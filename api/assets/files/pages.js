// Several pages in one document: the address says which one is shown.

import { announce } from "/assets/announce.js";
import { NoAnswer, Refusal } from "/assets/api.js";
import { byId, el, focusOn } from "/assets/dom.js";
import { clear } from "/assets/notices.js";
import { route } from "/assets/router.js";
import { whenBack } from "/assets/service.js";

let present = null; // what is shown, with the function that ends it
let turn = 0;

/** What the function that made the present page returned; null before. */
export const presentPage = () => present;

/**
 * Show the pages. `patterns` are paths as regular expressions, each with a name; `pages[name](main, argument)` fills `main`
 * and returns `{ title, end, takesFocus }`. `sorry(problem)` is `{ title, children }` of a page that could not be made, or
 * null if it has shown something itself. The page is tried again when a server that was away is back. `site` ends titles.
 */
export function showPages(patterns, pages, { first, sorry, site }) {
  /** Of several pages that are asked for one after the other the last one is shown. */
  async function draw(page, { isNew }) {
    const number = ++turn;
    const [name, argument] = page ?? [first];
    const before = present;
    const main = el("main", { id: "main", className: `page-${name}` });
    main.tabIndex = -1;
    byId("main").setAttribute("aria-busy", "true");
    let made;
    try {
      made = await pages[name](main, argument);
    } catch (problem) {
      if (!(problem instanceof Refusal || problem instanceof NoAnswer)) console.error(problem);
      if (number !== turn) return;
      const said = sorry(problem);
      if (!said) return;
      main.replaceChildren(...said.children);
      made = { title: said.title, end: whenBack(() => draw(page, { isNew: false })) };
    }
    if (number !== turn) return made.end?.();
    before?.end?.();
    present = made;
    byId("main").replaceWith(main);
    document.title = `${made.title} · ${site}`;
    document.body.dataset.page = name;
    if (!isNew && !made.takesFocus) return;
    if (isNew) clear();
    scrollTo(0, 0);
    focusOn(main.querySelector("h1"));
    announce(made.title);
  }
  route(patterns, draw);
}
