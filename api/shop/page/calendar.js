// A calendar file (RFC 5545) of what was bought.

import { t } from "/assets/words.js";

const A_LINE = 73; // octets that a line may have, without its end and the blank that continues it

const escaped = (text) => text.replace(/[\\;,]/g, "\\$&").replace(/\n/g, "\\n");
const stamp = (text) => new Date(text).toISOString().replace(/[-:]|\.\d+/g, "");

/** A line in pieces that are short enough, never within a character. */
function folded(line) {
  const pieces = [""];
  const encoder = new TextEncoder();
  let size = 0;
  for (const character of line) {
    const more = encoder.encode(character).length;
    if (size + more > A_LINE) {
      pieces.push("");
      size = 0;
    }
    pieces[pieces.length - 1] += character;
    size += more;
  }
  return pieces.join("\r\n ");
}

/** The text of the file. `visits`: [{id, name, starts_at, about}]. */
export function calendarText(visits, made = new Date().toISOString()) {
  const entries = visits.flatMap(({ id, name, starts_at, about }) => [
    "BEGIN:VEVENT", `UID:${id}@onsale`, `DTSTAMP:${stamp(made)}`, `DTSTART:${stamp(starts_at)}`,
    `SUMMARY:${escaped(name)}`, `DESCRIPTION:${escaped(about)}`, "END:VEVENT",
  ]);
  return ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Onsale//Storefront//EN", ...entries, "END:VCALENDAR", ""].map(folded).join("\r\n");
}

/** A link that saves the file. */
export function calendarLink(visits) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([calendarText(visits)], { type: "text/calendar" }));
  link.download = "tickets.ics";
  link.className = "button quiet";
  link.textContent = t("order.calendar");
  return link;
}
