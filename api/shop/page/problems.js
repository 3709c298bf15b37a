// What refusals say to buyers, and what a buyer can do about them.

import { byId, el } from "/assets/dom.js";
import { tellProblem as tellAll } from "/assets/notices.js";
import { has, t } from "/assets/words.js";

const QUEUE = ["queue_required", "not_your_turn", "pass_expired"];

/** What a refusal says to a buyer. */
export function sentence({ code, fields, ...members }) {
  const name = `refusal.${code}`;
  if (code === "limit_exceeded" && members.taken === undefined) return t("refusal.limit_exceeded_at_once", members);
  if (code === "invalid" && fields?.length) return `${t(name)} ${fields.map(({ message }) => `${message}.`).join(" ")}`;
  return t(has(name) ? name : "refusal.other", { ...members, count: members.available ?? members.ahead ?? 0 });
}

/** Tell what was thrown, and where the buyer can go on: to the token, or to the waiting room of the event. */
export function tellProblem(problem, event = null) {
  if (problem.status === 401) byId("who").open = true; // there a token can be pasted
  const room = QUEUE.includes(problem.code) && event;
  tellAll(problem, room && " ", room && el("a", { href: `/shop/queue/${event.id}` }, t("to_waiting_room")));
}
