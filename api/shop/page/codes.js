// A code of the buyer: what it opens, and what tickets cost with it.

import { announce } from "/assets/announce.js";
import { call } from "/assets/api.js";
import { button, el } from "/assets/dom.js";
import { money } from "/assets/format.js";
import { t } from "/assets/words.js";

export class Codes {
  constructor(event) {
    this.event = event;
    this.offer = null;
    this.watchers = [];
    const input = el("input", { id: "code", maxLength: 64, autocomplete: "off", spellcheck: false });
    this.shown = el("div", { className: "code-offer" });
    const apply = button(t("code.apply"), () => this.apply(input.value.trim()), { className: "quiet" });
    input.addEventListener("keydown", (pressed) => pressed.key === "Enter" && apply.click());
    this.element = el("details", { className: "code panel" },
      el("summary", {}, t("code.title")),
      el("div", { className: "row" }, el("label", {}, el("span", {}, t("code.label")), input), apply),
      this.shown);
  }

  /** Call `act` whenever another code is used. */
  watch(act) {
    this.watchers.push(act);
  }

  async apply(text) {
    this.offer = null;
    this.shown.replaceChildren();
    try {
      if (text) this.offer = await call("GET", `/events/${this.event.id}/codes/${encodeURIComponent(text)}/offer`);
    } finally {
      for (const act of this.watchers) act();
    }
    if (!text) return;
    const { tickets } = this.offer;
    const lines = tickets.map(({ ticket_type, price }) => el("li", {}, `${ticket_type}: ${money(price)}`));
    this.shown.append(el("p", {}, tickets.length ? t("code.opens") : t("code.opens_nothing")), el("ul", {}, ...lines));
    announce(tickets.length ? t("code.applied") : t("code.opens_nothing"));
  }

  /** The tickets that only the code opens. */
  opened() {
    const known = new Set(this.event.tickets.map(({ id }) => id));
    return (this.offer?.tickets ?? []).filter(({ id }) => !known.has(id));
  }

  /** What a ticket costs, with the code if it is for that. */
  priceOf(ticketId, regular) {
    return this.offer?.tickets.find(({ id }) => id === ticketId)?.price ?? regular;
  }

  /** The code, as a member of an item of this ticket. */
  termsOf(ticketId) {
    return this.offer?.tickets.some(({ id }) => id === ticketId) ? { code: this.offer.code } : {};
  }
}
