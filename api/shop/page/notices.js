// What went wrong, and what is good to know: one sentence at a time, that anybody can put away.

import { NoAnswer, Refusal } from "./api.js";
import { byId, button, el } from "./dom.js";
import { whenBack } from "./service.js";
import { t } from "./words.js";

const QUEUE = ["queue_required", "not_your_turn", "pass_expired"];
let mayPass = false; // it is about a server that was away

/** Show a sentence, in place of the one before; `more`: elements after it. */
export function tell(sentence, ...more) {
  mayPass = false;
  byId("notice").replaceChildren(
    el("p", {}, sentence, ...more),
    button("×", clear, { className: "close", ariaLabel: t("close") }),
  );
  byId("notice").hidden = false;
}

/** Put the sentence away. */
export function clear() {
  byId("notice").hidden = true;
  byId("notice").replaceChildren();
}

/** Tell what was thrown. What is no refusal and no lost answer is a fault of the page, and goes to the console. */
export function tellProblem(problem, event = null) {
  if (!(problem instanceof Refusal || problem instanceof NoAnswer)) {
    console.error(problem);
    return tell(t("refusal.other"));
  }
  if (problem.status === 401) byId("who").open = true; // there a token can be pasted
  const room = QUEUE.includes(problem.code) && event;
  tell(problem.message, room && " ", room && el("a", { href: `/shop/queue/${event.id}` }, t("to_waiting_room")));
  mayPass = problem instanceof NoAnswer || problem.status >= 500;
}

whenBack(() => mayPass && clear());
