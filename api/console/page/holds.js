// Live holds: how many there are, and their release.

import { button, el, once } from "/assets/dom.js";
import { t } from "/assets/words.js";
import { affected, holdsOf } from "./affected.js";
import { change, field } from "./change.js";
import { act } from "./reasons.js";
import { exportButton } from "./table.js";

/**
 * Ask, and end the live holds of an event, a customer or a seat, a part at a time. What `filter` has is the body of the
 * request; `of` says whose they are. A part that got no answer is asked for again with the same key.
 */
export async function releaseHolds(filter, of) {
  const holds = await holdsOf(filter);
  const sum = { released: 0, places: 0, paying: 0 };
  let [step, cursor] = [0, null];
  return change({
    title: t("release.title", { of }),
    says: [el("p", {}, t("release.says")), affected(holds, "release")],
    yes: t("release.yes"),
    run: async (wish, say) => {
      do {
        const part = await act("POST", "/holds/release", { ...filter, cursor }, { ...wish, key: `${wish.key}-${step}` });
        step += 1;
        for (const name of Object.keys(sum)) sum[name] += part[name];
        cursor = part.next_cursor;
        say(t("release.progress", { released: sum.released, count: holds.held.reservations }));
      } while (cursor);
      const left = sum.paying ? ` ${t("release.left", { count: sum.paying })}` : "";
      return `${t("release.done", { count: sum.released, places: sum.places })}${left}`;
    },
  });
}

export async function holdsPanel(event, again) {
  const holds = await holdsOf({ event_id: event.id });
  const customer = el("input", { autocomplete: "off", maxLength: 64, required: true });
  const go = el("button", { className: "quiet", "data-act": "release-customer" }, t("holds.release_customer"));
  const form = el("form", { className: "row" }, field(t("holds.customer"), customer),
    go);
  form.addEventListener("submit", (submitted) => {
    submitted.preventDefault();
    const id = customer.value.trim();
    once(go, async () => {
      if (await releaseHolds({ event_id: event.id, customer_id: id }, t("release.of_customer", { id, name: event.name }))) await again();
    });
  });
  const release = async () => {
    if (await releaseHolds({ event_id: event.id }, event.name)) await again();
  };
  return {
    children: [
      affected(holds, "holds"),
      el("div", { className: "row" },
        button(t("holds.release"), release, { className: "danger", "data-act": "release-event" }),
        exportButton(`reservations-${event.id}`, () => `/reservations?event_id=${event.id}`)),
      form,
    ],
  };
}
