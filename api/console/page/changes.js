// Who changed what: the audit log.

import { el } from "/assets/dom.js";
import { instant } from "/assets/format.js";
import { t } from "/assets/words.js";
import { choice, field } from "./change.js";
import { managedEvents } from "./events.js";
import { recordList } from "./records.js";
import { table } from "./table.js";

const shown = (value) => (value !== null && typeof value === "object" ? JSON.stringify(value) : String(value));

/** What is different, member by member; of what is new, what it has. */
function differences({ before, after }) {
  if (!before && !after) return null;
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  const different = names.filter((name) => JSON.stringify(before?.[name] ?? null) !== JSON.stringify(after?.[name] ?? null));
  const line = (name) => (before?.[name] === undefined ? `${name}: ${shown(after?.[name])}` : `${name}: ${shown(before[name])} → ${shown(after?.[name] ?? "–")}`);
  return el("ul", { className: "differences" }, ...different.map((name) => el("li", {}, line(name))));
}

/** A table of entries. */
export function changeTable(entries) {
  const columns = [
    [t("changes.at"), ({ at }) => instant(at)],
    [t("changes.actor"), ({ actor, role }) => `${actor} (${role})`],
    [t("changes.action"), ({ action }) => action.replaceAll("_", " ")],
    [t("changes.resource"), ({ resource }) => resource],
    [t("changes.reason"), ({ reason }) => reason],
    [t("changes.what"), differences],
  ];
  return table(t("changes.caption"), columns, entries, t("changes.none"));
}

async function draw(main) {
  const events = await managedEvents();
  const inputs = {
    event_id: choice([["", t("changes.all_events")], ...events.map(({ id, name }) => [String(id), name])], ""),
    actor: el("input", { autocomplete: "off", maxLength: 64 }),
    action: el("input", { autocomplete: "off", pattern: "[a-z_]{1,64}" }),
    from: el("input", { type: "datetime-local" }),
    to: el("input", { type: "datetime-local" }),
  };
  const labels = [field(t("changes.event"), inputs.event_id), field(t("changes.actor"), inputs.actor),
    field(t("changes.action"), inputs.action, t("changes.action.hint")), field(t("changes.from"), inputs.from), field(t("changes.to"), inputs.to)];
  const { children } = await recordList({ name: "changes", inputs, labels, path: (query) => `/audit-log?${query}`, shown: changeTable });
  main.append(el("h1", {}, t("view.changes")), ...children);
}

export const changes = { name: "changes", draw };
