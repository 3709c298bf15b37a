// Check-ins: who came in, at which gate, and what gates without a network did twice.

import { el } from "/assets/dom.js";
import { instant } from "/assets/format.js";
import { t } from "/assets/words.js";
import { choice, field } from "./change.js";
import { eventChoice, eventOfAddress, managedEvents } from "./events.js";
import { recordList } from "./records.js";
import { table } from "./table.js";

const RESULTS = ["admitted", "already_in", "void", "other_event", "unknown", "not_yet"];

function scanTable(scans) {
  const columns = [
    [t("scan.at"), ({ scanned_at: at }) => instant(at)],
    [t("scan.gate"), ({ gate }) => gate],
    [t("scan.direction"), ({ direction }) => t(`scan.${direction}`)],
    [t("scan.result"), ({ result, offline }) => (offline ? `${t(`scan.${result}`)} (${t("scan.offline")})` : t(`scan.${result}`))],
    [t("scan.ticket"), ({ ticket_type: type }) => type],
    [t("scan.holder"), ({ holder }) => holder && ([holder.first_name, holder.last_name].filter(Boolean).join(" ") || null)],
    [t("scan.conflict"), ({ conflict }) => conflict && t("scan.also", { gate: conflict.gate, at: instant(conflict.at ?? conflict.scanned_at) })],
  ];
  return table(t("scan.caption"), columns, scans, t("scan.none"));
}

async function draw(main) {
  const events = await managedEvents();
  main.append(el("h1", {}, t("view.doors")));
  if (!events.length) return void main.append(el("p", {}, t("events.none")));
  const wanted = events.find(({ id }) => String(id) === eventOfAddress()) ?? events[0];
  const inputs = {
    event: eventChoice(events, wanted.id),
    gate: el("input", { autocomplete: "off", maxLength: 64 }),
    result: choice([["", t("scan.all")], ...RESULTS.map((result) => [result, t(`scan.${result}`)])], ""),
    conflict: choice([["", t("scan.any")], ["true", t("scan.conflicts")]], ""),
  };
  const labels = [field(t("changes.event"), inputs.event), field(t("scan.gate"), inputs.gate), field(t("scan.result"), inputs.result), field(t("scan.conflict"), inputs.conflict)];
  const path = (query) => {
    const asked = new URLSearchParams(query);
    asked.delete("event");
    return `/events/${inputs.event.value}/check-ins?${asked}`;
  };
  const { children } = await recordList({ name: "check-ins", inputs, labels, path, shown: scanTable });
  main.append(...children);
}

export const doors = { name: "doors", draw };
