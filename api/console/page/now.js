// How the sale of each event stands, at this moment.

import { all } from "/assets/api.js";
import { el, refill } from "/assets/dom.js";
import { repeat } from "/assets/polling.js";
import { t } from "/assets/words.js";

const EVERY_MS = 2000;

const total = (tickets, state) => tickets.reduce((sum, ticket) => sum + ticket[state], 0);

function tileOf({ name, status, tickets }) {
  return el("li", { className: "panel tile" }, el("h2", {}, name), el("p", {}, t(`status.${status}`)),
    el("p", {}, t("now.sold", { sold: total(tickets, "sold"), capacity: total(tickets, "capacity") })),
    el("p", {}, t("now.held", { held: total(tickets, "held") })));
}

async function draw(main) {
  const tiles = el("ul", { className: "tiles" });
  const look = async () => {
    const events = await all("/events");
    refill(tiles, ...events.sort((one, other) => one.name.localeCompare(other.name)).map(tileOf));
  };
  main.append(el("h1", {}, t("view.now")), tiles);
  await look();
  return { end: repeat(look, EVERY_MS) };
}

export const now = { name: "now", draw };
