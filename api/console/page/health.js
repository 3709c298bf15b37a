// How the installation is: alerts with their paragraphs of the runbook, response times, Postgres and Redis.

import { announce } from "/assets/announce.js";
import { el } from "/assets/dom.js";
import { clock, money } from "/assets/format.js";
import { t } from "/assets/words.js";
import { figureList, measured, number, put, span } from "./figures.js";

const FIGURES = ["holds", "postgres", "redis", "revenue_of_all"];

let runbook = null; // paragraphs by the name of an alert, once they are needed

async function paragraphs(name) {
  runbook ??= fetch("/console/assets/runbook.json").then((answer) => answer.json());
  return (await runbook.catch(() => { runbook = null; return {}; }))[name] ?? [t("alerts.no_paragraph")];
}

/** A sentence of the runbook: what is between backticks is code. */
const sentence = (text) => text.split("`").map((part, place) => (place % 2 ? el("code", {}, part) : part));

const block = (text) => Array.isArray(text)
  ? el("ol", {}, text.map((item) => el("li", {}, sentence(item)))) : el("p", {}, sentence(text));

function makeAlert({ name, severity }) {
  const summary = el("p", {});
  const text = el("div", {});
  const more = el("details", {}, el("summary", {}, t("alerts.what_to_do"), el("span", { className: "hidden" }, ` ${name}`)), text);
  more.addEventListener("toggle", async () => {
    if (more.open && !text.childElementCount) text.replaceChildren(...(await paragraphs(name)).map(block));
  });
  const heading = el("h3", {}, el("span", { className: `severity ${severity}` }, t(`alerts.${severity}`)), ` ${name}`);
  const element = el("li", { className: `alert ${severity}` }, heading, summary, more);
  return { element, show: ({ summary: said, since }) => put(summary, since ? `${said} ${t("alerts.since", { when: clock(since) })}` : said) };
}

function holdsText(holds) {
  if (!holds) return t("unknown.measuring");
  if (!holds.answers) return t("holds.none", { over: measured(holds.seconds) });
  const ms = holds.ms === Infinity ? t("holds.more", { span: span(holds.longest) }) : span(holds.ms);
  return t("holds.p99", { ms, answers: number(holds.answers), over: measured(holds.seconds) });
}

function postgresText({ postgres, lag_ms: lag }) {
  if (postgres === "away") return lag === null ? t("postgres.away") : t("postgres.away_by", { span: span(lag) });
  if (lag === null) return t("unknown.redis");
  return lag ? t("postgres.behind", { span: span(lag) }) : t("postgres.ok");
}

/** Revenue of all events that are shown, by currency. */
function revenueText(events) {
  const sums = new Map();
  for (const { stored } of events) {
    if (stored) sums.set(stored.revenue.currency, (sums.get(stored.revenue.currency) ?? 0) + stored.revenue.amount);
  }
  if (!sums.size) return events.length ? t("unknown.postgres") : t("revenue.none");
  return [...sums].sort().map(([currency, amount]) => money({ amount, currency })).join(" · ");
}

function sourceText({ source, prometheus }) {
  if (source === "prometheus") return t("source.prometheus");
  return prometheus === null ? t("source.server") : t("source.prometheus_away", { why: prometheus });
}

/** The panel: `element`, and `show(now, history)`. */
export function makeHealth() {
  const alerts = el("ul", { className: "alerts" });
  const none = el("p", { className: "good" }, t("alerts.none"));
  const source = el("p", { className: "hint" });
  const limited = el("p", { className: "hint", hidden: true }, t("health.limited"));
  const figures = figureList(FIGURES);
  const heading = el("h2", { id: "health-title" }, t("health.title"));
  const element = el("section", { className: "panel health", "aria-labelledby": "health-title" },
    heading, none, alerts, figures.list, source, limited);
  const shownAlerts = new Map();

  function showAlerts(present) {
    const keyed = new Map(present.map((alert) => [`${alert.name}/${alert.partition ?? ""}`, alert]));
    for (const [key, { element: gone }] of shownAlerts) {
      if (keyed.has(key)) continue;
      gone.remove();
      shownAlerts.delete(key);
    }
    for (const [at, [key, alert]] of [...keyed].entries()) {
      if (!shownAlerts.has(key)) {
        shownAlerts.set(key, makeAlert(alert));
        alerts.insertBefore(shownAlerts.get(key).element, alerts.children[at] ?? null); // in the order of the answer
        announce(t("alerts.new", { name: alert.name }));
      }
      shownAlerts.get(key).show(alert);
    }
    none.hidden = present.length > 0;
  }

  function show({ events, health }, history) {
    for (const part of [none, alerts, source]) part.hidden = !health;
    limited.hidden = Boolean(health);
    for (const name of ["holds", "postgres", "redis"]) if (!health) figures.set(name, t("unknown.limited"));
    figures.set("revenue_of_all", revenueText(events));
    if (!health) return;
    showAlerts(health.alerts);
    figures.set("holds", holdsText(history.holds()));
    figures.set("postgres", postgresText(health));
    figures.set("redis", t(`redis.${health.redis}`));
    put(source, sourceText(health));
  }
  return { element, show };
}
