// What went wrong, and what is good to know: one sentence at a time, that anybody can put away.

import { NoAnswer, Refusal } from "/assets/api.js";
import { byId, button, el } from "/assets/dom.js";
import { whenBack } from "/assets/service.js";
import { t } from "/assets/words.js";

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

/** Tell what was thrown. What is no refusal and no lost answer is a fault of the page, and goes to the browser's log. */
export function tellProblem(problem, ...more) {
  if (!(problem instanceof Refusal || problem instanceof NoAnswer)) {
    console.error(problem);
    return tell(t("refusal.other"));
  }
  tell(problem.message, ...more);
  mayPass = problem instanceof NoAnswer || problem.status >= 500;
}

whenBack(() => mayPass && clear());
