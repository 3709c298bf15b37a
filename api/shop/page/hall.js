// A hall: an overview of its sections by what is left, then one of them.

import { call } from "/assets/api.js";
import { button, el, failed, focusOn } from "/assets/dom.js";
import { money } from "/assets/format.js";
import { fragment } from "/assets/router.js";
import { Section } from "./section.js";
import { t } from "/assets/words.js";

const FEW = 0.1;
const LOOK_AGAIN_MS = 2000;

const shareLeft = ({ available, capacity }) => (capacity ? available / capacity : 0);

function stateOf(section) {
  if (!section.available) return "gone";
  return shareLeft(section) <= FEW ? "few" : "free";
}

function priceText({ price_from, price_to }) {
  const from = money(price_from);
  return price_from.amount === price_to.amount ? from : `${from} – ${money(price_to)}`;
}

/** One section of the overview: its name, its price, a bar of what is left, and the same in words. */
class Tile {
  constructor(section, open) {
    this.fill = el("i");
    this.left = el("span", { className: "left-of" });
    this.element = button("", () => open(section.section_id), { className: "tile" });
    this.element.append(el("b", {}, section.name), el("span", { className: "price" }, priceText(section)),
      el("span", { className: "bar", ariaHidden: "true" }, this.fill), this.left);
    this.update(section);
  }

  update(section) {
    const state = stateOf(section);
    this.element.dataset.state = state;
    this.fill.style.width = `${Math.ceil(shareLeft(section) * 100)}%`;
    const text = t(`hall.${state}`, { count: section.available });
    if (this.left.textContent !== text) this.left.textContent = text;
  }
}

class Hall {
  constructor(event, codes, sections) {
    Object.assign(this, { event, codes, sections });
    this.title = el("h2", {}, t("hall.title"));
    this.place = el("div", { className: "hall-place" });
    this.element = el("section", { className: "panel hall", "aria-labelledby": "hall-title" }, this.title, this.place);
    this.title.id = "hall-title";
    this.shown = null; // the Section
    this.opening = 0;
    this.tiles = new Map(sections.map((each) => [each.section_id, new Tile(each, (id) => this.choose(id))]));
    this.back = button(t("hall.all"), () => this.choose(null), { className: "quiet back" });
    this.moved = () => this.show();
    addEventListener("popstate", this.moved);
  }

  /** Go to a section, or back to the overview; the address says which. */
  choose(id) {
    history.pushState(null, "", id === null ? location.pathname : `#section=${id}`);
    return this.show(true);
  }

  wanted() {
    if (this.sections.length === 1) return this.sections[0];
    const id = Number(fragment().get("section"));
    return this.sections.find(({ section_id, seating }) => section_id === id && seating === "assigned") ?? null;
  }

  async show(isChosen = false) {
    const wanted = this.wanted();
    const number = ++this.opening;
    this.shown?.end();
    this.shown = null;
    if (!wanted) {
      this.title.textContent = t("hall.title");
      const seated = this.sections.filter(({ seating }) => seating === "assigned");
      const tiles = seated.map(({ section_id }) => this.tiles.get(section_id).element);
      performance.mark("sections-shown"); // for measurements
      this.place.replaceChildren(el("p", { className: "stage" }, t("map.stage")), el("div", { className: "tiles" }, ...tiles));
    } else {
      const section = new Section(this.event, wanted, this.codes);
      this.title.textContent = wanted.name;
      this.place.replaceChildren(...(this.sections.length > 1 ? [this.back] : []), section.element);
      this.shown = section;
      await section.load();
      if (number !== this.opening) section.end(); // another one was opened meanwhile
    }
    if (isChosen) focusOn(this.title);
  }

  async look() {
    if (document.hidden || this.shown) return;
    const { items } = await call("GET", `/events/${this.event.id}/sections`, undefined, { quiet: true });
    for (const section of items) this.tiles.get(section.section_id)?.update(section);
  }

  end() {
    clearInterval(this.timer);
    removeEventListener("popstate", this.moved);
    this.shown?.end();
  }
}

/** The hall of an event, in its overview or in the section that the address names. */
export async function hallOf(event, codes) {
  const { items } = await call("GET", `/events/${event.id}/sections`);
  const hall = new Hall(event, codes, items.filter(({ seating }) => seating === "assigned"));
  await hall.show();
  hall.timer = setInterval(() => hall.look().catch(() => {}), LOOK_AGAIN_MS);
  codes.watch(() => hall.shown?.showPrices());
  return {
    element: hall.element,
    refresh: () => hall.shown?.learn().catch(failed),
    end: () => hall.end(),
  };
}
