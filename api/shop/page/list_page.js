// The list of events: search, month, what is left, and from which price on.

import { all } from "/assets/api.js";
import { el, failed, refill } from "/assets/dom.js";
import { clock, month, monthKey, money, shortDay } from "/assets/format.js";
import { posterOf } from "./poster.js";
import { asShown, saleState, saleText } from "/assets/sale_state.js";
import { kept } from "/assets/store.js";
import { whenBack } from "/assets/service.js";
import { t } from "/assets/words.js";

const LOOK_AGAIN_MS = 10_000;
const STATUSES = ["on_sale", "paused"];

const folded = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

function priceFrom(event) {
  const prices = event.tickets.map(({ price }) => price);
  if (!prices.length) return t("list.free");
  const least = prices.reduce((low, price) => (price.amount < low.amount ? price : low));
  return least.amount ? t("list.from", { price: money(least) }) : t("list.free");
}

function when(event) {
  if (event.schedule) return t("list.daily", { times: event.schedule.times.length });
  return `${shortDay(event.starts_at, event.timezone)}, ${clock(event.starts_at, event.timezone)}`;
}

function cardOf(event) {
  const state = saleState(event);
  const text = saleText(event, state);
  const card = el("li", { className: "card" },
    el("a", { href: `/shop/events/${event.id}` },
      el("span", { className: "picture" }, posterOf(event), text && el("span", { className: `badge ${state}` }, text)),
      el("span", { className: "about" },
        el("span", { className: "when" }, when(event)),
        el("b", { className: "name" }, event.name),
        el("span", { className: "price" }, priceFrom(event)),
      )));
  card.dataset.key = JSON.stringify([event.name, text, when(event), priceFrom(event), event.image_url]);
  return card;
}

/** Cards that say the same as before stay, so that the focus does. */
function showCards(place, events) {
  const before = new Map([...place.children].map((card) => [card.dataset.key, card]));
  const cards = events.map(cardOf).map((card) => before.get(card.dataset.key) ?? card);
  if (cards.length === before.size && cards.every((card, at) => card === place.children[at])) return;
  const focused = document.activeElement;
  place.replaceChildren(...cards);
  if (place.contains(focused)) focused.focus();
}

function fillMonths(select, events) {
  const months = new Map(events.filter(({ schedule }) => !schedule)
    .map((event) => [monthKey(event.starts_at, event.timezone), month(event.starts_at, event.timezone)]));
  const chosen = select.value;
  refill(select, el("option", { value: "" }, t("list.all_months")),
    ...[...months].sort().map(([value, text]) => el("option", { value }, text)));
  select.value = months.has(chosen) ? chosen : "";
}

function ordersOfBuyer() {
  const orders = kept.get("orders", []);
  return orders.length > 0 && el("section", { className: "orders", "aria-labelledby": "orders-title" },
    el("h2", { id: "orders-title" }, t("list.orders")),
    el("ul", {}, ...orders.slice(0, 5).map((id, place) =>
      el("li", {}, el("a", { href: `/shop/orders/${encodeURIComponent(id)}` }, t("list.order", { number: place + 1 }))))));
}

async function load() {
  const lists = await Promise.all(STATUSES.map((status) => all(`/events?status=${status}`)));
  return lists.flat().map(asShown).filter((event) => saleState(event) !== "closed")
    .sort((one, other) => one.starts_at.localeCompare(other.starts_at));
}

/** Show the list in `main`; returns its title and a function that ends it. */
export async function listPage(main) {
  let events = await load();
  const search = el("input", { type: "search", id: "search", autocomplete: "off", placeholder: t("list.search_hint") });
  const months = el("select", { id: "month" });
  const cards = el("ul", { className: "cards" });
  const found = el("p", { className: "hint", role: "status" });
  const show = () => {
    fillMonths(months, events);
    const words = folded(search.value).split(/\s+/).filter(Boolean);
    const matches = ({ name, description, schedule, starts_at, timezone }) =>
      words.every((word) => folded(`${name} ${description ?? ""}`).includes(word)) &&
      (!months.value || schedule || monthKey(starts_at, timezone) === months.value);
    const shown = events.filter(matches);
    showCards(cards, shown);
    found.textContent = events.length ? t("list.found", { count: shown.length }) : t("list.nothing");
  };
  search.addEventListener("input", show);
  months.addEventListener("change", show);
  main.replaceChildren(
    el("h1", {}, t("list.title")),
    el("form", { className: "filters", role: "search", onsubmit: (submitted) => submitted.preventDefault() },
      el("label", {}, el("span", {}, t("list.search")), search),
      el("label", {}, el("span", {}, t("list.month")), months)),
    found, cards, ordersOfBuyer() || "",
  );
  show();
  const look = async () => {
    if (document.hidden) return;
    events = await load();
    show();
  };
  const timer = setInterval(() => look().catch(() => {}), LOOK_AGAIN_MS);
  const end = whenBack(() => look().catch(failed));
  return {
    title: t("list.title"),
    end: () => {
      clearInterval(timer);
      end();
    },
  };
}
