// What a gate says without the server, by its snapshot. Nobody knows what other gates do meanwhile, so the best word is amber.

import { isSigned, readCode } from "./code.js";
import { keepEtickets, readEticket } from "./store.js";

const VALID = 0, IN = 1, VOID = 3;

const notNow = (snapshot, row) => {
  const now = Date.now();
  if (snapshot.doors_open_at && now < Date.parse(snapshot.doors_open_at)) return "not_yet";
  if (!row[5]) return null;
  const start = Date.parse(snapshot.slots[row[5]]);
  if (now >= start + 1000 * snapshot.late_seconds) return "other_event";
  return now < start - 1000 * snapshot.early_seconds ? "not_yet" : null;
};

// {result, sure, detail}. `sure`: false where only the server could confirm it.
export const judge = async (event, snapshot, text, direction) => {
  const code = readCode(text);
  if (!code) return { result: "unknown", sure: true };
  if (code.event !== event) return { result: "other_event", sure: true };
  if (!snapshot) return { result: "admitted", sure: false, signed: null, detail: "no snapshot: nothing could be checked" };
  const signed = await isSigned(code, snapshot.keys);
  const row = await readEticket(code.serial);
  if (signed === false || (signed === null && !row)) return { result: "unknown", sure: true };
  const detail = row ? describe(snapshot, row) : "";
  if (snapshot.cancelled || (row && (row[2] === VOID || code.issue < row[1]))) return { result: "void", sure: true, detail };
  const wrong = row && direction === "in" ? notNow(snapshot, row) : null;
  if (wrong) return { result: wrong, sure: true, detail };
  if (row && direction === "in" && row[2] === IN) return { result: "already_in", sure: true, detail };
  return { result: "admitted", sure: false, signed, detail, row };
};

// Remembers here what this gate did, so that it does not let the same e-ticket in twice.
export const remember = async (row, direction) => {
  if (row) await keepEtickets([[row[0], row[1], direction === "in" ? IN : VALID + 2, ...row.slice(3)]]);
};

const describe = (snapshot, row) =>
  [snapshot.tickets.find((ticket) => ticket.ticket_id === row[3])?.ticket_type, row[4], row[5]?.replace("T", " ")]
    .filter(Boolean)
    .join(" · ");
