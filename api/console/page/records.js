// A list of records with its filters: shown in parts, and saved as a whole.

import { call } from "/assets/api.js";
import { button, el, failed } from "/assets/dom.js";
import { fragment } from "/assets/router.js";
import { t } from "/assets/words.js";
import { exportButton, table } from "./table.js";

const PART = 50;

/** The query of the values that are given. */
export const queryOf = (values) =>
  new URLSearchParams(Object.entries(values).filter(([, value]) => value !== "" && value != null)).toString();

/**
 * A form of filters and the list beneath it. `inputs` are the fields by the name of their parameter, `path(query)` is the
 * list of the API, `shown(items)` a table of it. What is filtered for is in the address. `place` is filled.
 */
export async function recordList({ name, inputs, labels, path, shown }) {
  const given = fragment();
  for (const [parameter, input] of Object.entries(inputs)) if (given.has(parameter)) input.value = given.get(parameter);
  const values = () => Object.fromEntries(Object.entries(inputs).map(([parameter, input]) => [parameter, valueOf(input)]));
  const place = el("div", { className: "records" });
  let items = [];
  let cursor = null;
  let turn = 0;

  async function look(isMore = false) {
    const number = ++turn;
    const query = queryOf({ ...values(), limit: PART, cursor: isMore ? cursor : null });
    const page = await call("GET", path(query));
    if (number !== turn) return;
    items = isMore ? [...items, ...page.items] : page.items;
    cursor = page.next_cursor;
    const more = cursor && button(t("records.more"), () => look(true), { className: "quiet" });
    place.replaceChildren(...[shown(items, look), more].filter(Boolean));
  }

  const form = el("form", { className: "row filters" }, ...labels, el("button", { className: "quiet" }, t("records.look")),
    exportButton(name, () => path(queryOf(values()))));
  form.addEventListener("submit", (submitted) => {
    submitted.preventDefault();
    const raw = Object.fromEntries(Object.entries(inputs).map(([parameter, input]) => [parameter, input.value]));
    history.replaceState(history.state, "", `#${queryOf(raw)}`);
    look().catch(failed);
  });
  await look();
  return { children: [form, place], look };
}

/** What a field says to the API: times of the browser's clock as instants. */
function valueOf(input) {
  if (input.type !== "datetime-local" || !input.value) return input.value.trim();
  return new Date(input.value).toISOString();
}
