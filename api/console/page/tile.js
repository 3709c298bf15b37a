// The tile of an event. It is made once; what changes is changed in it, so that the focus and a screen reader's place stay.

import { now } from "/assets/clock.js";
import { el } from "/assets/dom.js";
import { clock, instant, money } from "/assets/format.js";
import { saleState, saleText } from "/assets/sale_state.js";
import { t } from "/assets/words.js";
import { figureList, measured, number, put, share, span } from "./figures.js";

const FIGURES = ["sold", "held", "rate", "revenue", "forecast", "refused", "lag"];
const SELLS = ["open", "few"];
const MARKS = { open: "●", few: "◐", sold_out: "■", taken: "◧", paused: "‖", opens: "◷", closed: "□", cancelled: "✕", draft: "✎" };

/** How its sale stands; "taken" where nothing is left, but not all is paid. */
function stateOf(event) {
  if (event.status === "draft") return "draft";
  const counts = event.places ? [event.places] : [{ capacity: 0, available: 0 }];
  const state = saleState({ ...event, schedule: event.timed }, counts);
  return state === "sold_out" && event.places.held ? "taken" : state;
}

function stateText(event, state) {
  if (state === "open") return t("state.open");
  if (state === "draft" || state === "taken") return t(`state.${state}`);
  return saleText(event, state);
}

function soldText({ places, stored, timed }) {
  if (timed) return stored ? t("sold.timed", { sold: number(stored.sold) }) : t("unknown.postgres");
  if (!places) return t("unknown.redis");
  if (!places.capacity) return t("sold.nothing");
  return t("sold.of", { sold: number(places.sold), capacity: number(places.capacity), share: share(places.sold, places.capacity) });
}

function heldText({ places, stored, timed }) {
  if (timed) return stored ? number(stored.held) : t("unknown.postgres");
  return places ? t("held", { held: number(places.held), available: number(places.available) }) : t("unknown.redis");
}

function rateText(event, sales) {
  if (event.timed) return t("unknown.timed");
  if (!event.places) return t("unknown.redis");
  if (!sales) return t("unknown.measuring");
  const digits = sales.perMinute < 10 ? 1 : 0;
  return `${number(sales.perMinute, { maximumFractionDigits: digits })} (${measured(sales.seconds)})`;
}

/** When the last place will be sold, if sales go on as they did. */
function forecastText(event, state, sales) {
  if (event.timed) return t("unknown.timed");
  if (!event.places) return t("unknown.redis");
  if (state === "sold_out") return t("forecast.sold_out");
  if (state === "taken") return t("forecast.taken", { held: number(event.places.held) });
  if (!SELLS.includes(state)) return t("forecast.not_selling");
  if (!sales) return t("unknown.measuring");
  if (!sales.perMinute) return t("forecast.no_sales", { over: measured(sales.seconds) });
  const left = event.places.available + event.places.held;
  const ms = (left / sales.perMinute) * 60_000;
  const when = new Date(now() + ms).toISOString();
  return t("forecast.at", { span: span(ms), when: ms < 43_200_000 ? clock(when) : instant(when) });
}

function refusedText({ refused }, recent) {
  const total = Object.values(refused).reduce((sum, count) => sum + count, 0);
  if (!total) return t("refused.none");
  const shown = (entries) => entries.map(([code, count]) => `${code} ${number(count)}`).join(", ");
  if (recent === null) return t("refused.total", { total: shown(Object.entries(refused)) });
  const over = measured(recent.seconds);
  if (!recent.counts.length) return t("refused.before", { over, total: number(total) });
  return t("refused.recent", { recent: shown(recent.counts), over, total: number(total) });
}

/** A tile: `element`, and `show(event, history, alerts)`, which returns the state's text if that is another one. */
export function makeTile(event) {
  const link = el("a", { href: `/console/events#event=${event.id}` });
  const name = el("h2", { id: `event-${event.id}` }, link);
  const badge = el("p", { className: "state" });
  const when = el("p", { className: "hint" });
  const sold = el("i", { className: "sold" });
  const held = el("i", { className: "held" });
  const bar = el("div", { className: "bar", ariaHidden: "true" }, sold, held);
  const warning = el("p", { className: "warning", hidden: true });
  const figures = figureList(FIGURES);
  const article = el("article", { "aria-labelledby": name.id }, name, badge, when, bar, warning, figures.list);
  const element = el("li", { className: "panel tile" }, article);
  let before = null;

  function show(shown, history, alerts) {
    const { places } = shown;
    const state = stateOf(shown);
    const text = stateText(shown, state);
    const sales = history.salesOf(shown.id);
    put(link, shown.name);
    put(badge, `${MARKS[state]} ${text}`);
    badge.dataset.state = state;
    put(when, instant(shown.starts_at, shown.timezone));
    bar.hidden = !places?.capacity;
    if (places?.capacity) {
      sold.style.width = `${(100 * places.sold) / places.capacity}%`;
      held.style.width = `${(100 * places.held) / places.capacity}%`;
    }
    put(warning, alerts.map((alert) => `⚠ ${alert.name}`).join(", "));
    warning.hidden = !alerts.length;
    figures.set("sold", soldText(shown));
    figures.set("held", heldText(shown));
    figures.set("rate", rateText(shown, sales));
    figures.set("revenue", shown.stored ? money(shown.stored.revenue) : t("unknown.postgres"));
    figures.set("forecast", forecastText(shown, state, sales));
    figures.set("refused", refusedText(shown, history.refusedOf(shown.id)));
    figures.set("lag", shown.lag_ms === null ? t("unknown.redis") : shown.lag_ms ? span(shown.lag_ms) : t("lag.none"));
    const isNew = before !== null && before !== text;
    before = text;
    return isNew ? text : null;
  }
  return { element, show };
}
