// How the sale of each event stands, at this moment. One call every two seconds has all of it: streams are one for each
// event, and a browser opens only six connections to a server.

import { announce } from "/assets/announce.js";
import { NoAnswer, call } from "/assets/api.js";
import { learn } from "/assets/clock.js";
import { el, failed } from "/assets/dom.js";
import { clock } from "/assets/format.js";
import { repeat } from "/assets/polling.js";
import { t } from "/assets/words.js";
import { put } from "./figures.js";
import { makeHealth } from "./health.js";
import { History } from "./history.js";
import { makeTile } from "./tile.js";

const EVERY_MS = 2000;
const STATUSES = ["on_sale", "paused", "draft", "closed", "cancelled"];
const history = new History(); // outlives the view: other views do not stop the clock

const folded = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
const byName = (one, other) => one.name.localeCompare(other.name) || one.id - other.id;

async function draw(main) {
  const tiles = new Map();
  const list = el("ul", { className: "tiles" });
  const health = makeHealth();
  const fresh = el("p", { className: "hint fresh" });
  const count = el("p", { className: "hint", role: "status" });
  const search = el("input", { type: "search", id: "search", autocomplete: "off" });
  const status = el("select", { id: "status" }, el("option", { value: "" }, t("filter.all")),
    STATUSES.map((each) => el("option", { value: each }, t(`status.${each}`))));
  let last = null;

  /** Tiles stay where they are as long as the same events are shown. */
  function place(events) {
    const elements = events.map(({ id }) => tiles.get(id).element);
    if (elements.length === list.children.length && elements.every((each, at) => each === list.children[at])) return;
    list.replaceChildren(...elements);
  }

  function show() {
    const words = folded(search.value).split(/\s+/).filter(Boolean);
    const events = last.events.filter((event) => (!status.value || event.status === status.value) &&
      words.every((word) => folded(event.name).includes(word))).sort(byName);
    const alerts = last.health?.alerts ?? [];
    for (const event of last.events) {
      if (!tiles.has(event.id)) tiles.set(event.id, makeTile(event));
      const state = tiles.get(event.id).show(event, history, alerts.filter(({ partition }) => partition === event.partition));
      if (state) announce(`${event.name}: ${state}`);
    }
    place(events);
    put(count, last.events.length ? t("filter.found", { count: events.length }) : t("filter.nothing"));
    if (last.left_out) put(count, `${count.textContent} ${t("filter.left_out", { left_out: last.left_out })}`);
    health.show(last, history);
  }

  function showFresh(isLive) {
    put(fresh, t(isLive ? "fresh.live" : "fresh.stale", { when: clock(last.as_of, undefined, "medium") }));
    main.classList.toggle("stale", !isLive);
  }

  async function look() {
    last = await call("GET", "/console/now");
    learn(last.as_of);
    history.add(last);
    show();
    showFresh(true);
  }

  function missed(problem) {
    showFresh(false);
    if (!(problem instanceof NoAnswer) && problem.status !== 503) failed(problem);
  }

  search.addEventListener("input", show);
  status.addEventListener("change", show);
  main.append(
    el("h1", {}, t("view.now")), fresh, health.element,
    el("form", { className: "row filters", role: "search", onsubmit: (submitted) => submitted.preventDefault() },
      el("label", {}, el("span", {}, t("filter.name")), search), el("label", {}, el("span", {}, t("filter.status")), status)),
    count, list,
  );
  await look();
  return { end: repeat(look, EVERY_MS, missed) };
}

export const now = { name: "now", draw };
