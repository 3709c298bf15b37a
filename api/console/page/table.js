// Lists of records: a table, which a phone shows as cards, and the same as a file.

import { all } from "/assets/api.js";
import { button, el } from "/assets/dom.js";
import { t } from "/assets/words.js";

const MOST = 100_000;
const FORMULA = /^[=+\-@\t\r]/; // a spreadsheet would run it

/** `columns`: pairs of a heading, and what a cell of an item shows. Without items the sentence `empty`. */
export function table(caption, columns, items, empty) {
  if (!items.length) return el("p", { className: "hint empty" }, empty);
  const cell = ([heading, show], item) => {
    const shown = show(item);
    return el("td", { role: "cell", "data-label": heading }, ...[shown ?? "–"].flat());
  };
  return el("table", { role: "table" }, el("caption", {}, caption),
    el("thead", { role: "rowgroup" }, el("tr", { role: "row" },
      ...columns.map(([heading]) => el("th", { scope: "col", role: "columnheader" }, heading)))),
    el("tbody", { role: "rowgroup" }, ...items.map((item) =>
      el("tr", { role: "row" }, ...columns.map((column) => cell(column, item))))));
}

const quoted = (value) => {
  const text = typeof value === "object" && value !== null ? JSON.stringify(value) : String(value ?? "");
  const safe = typeof value === "string" && FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

/** An item with the members of its members as its own: `customer.id`. Lists stay as they are. */
function flat(item, prefix = "") {
  return Object.entries(item).flatMap(([name, value]) =>
    value !== null && typeof value === "object" && !Array.isArray(value) ? flat(value, `${prefix}${name}.`) : [[prefix + name, value]]);
}

/** Items as CSV, with a column for each member. Texts that a spreadsheet takes for formulas get a quote before them. */
export function csv(items) {
  const rows = items.map((item) => Object.fromEntries(flat(item)));
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return [names, ...rows.map((row) => names.map((name) => row[name]))].map((row) => row.map(quoted).join(",")).join("\r\n");
}

/** Save a text as a file. */
export function save(name, type, text) {
  const link = el("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** A button that saves all that a list has, as its filter says at that moment. */
export const exportButton = (name, path) =>
  button(t("export"), async () => save(`${name}.csv`, "text/csv", csv(await all(path(), MOST))), { className: "quiet small" });
