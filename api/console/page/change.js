// The dialog of a change: it says what will happen, asks why, acts, and stays until the answer is there.

import { el, failed, once } from "/assets/dom.js";
import { has, t } from "/assets/words.js";
import { done } from "./frame.js";
import { wishOf } from "./reasons.js";

const LONGEST = 500;
let numbers = 0;

/** What went wrong, in a sentence for the manager. */
export function sentenceOf(problem) {
  const { code, members = {} } = problem;
  const name = `refusal.${code}`;
  if (code === "invalid" && members.fields?.length) return members.fields.map(({ path, message }) => `${path}: ${message}.`).join(" ");
  return has(name) ? t(name, { ...members, count: members.seat_ids?.length ?? members.taken ?? 0 }) : problem.message;
}

/** An input or a select with its label, and a hint beneath it. */
export function field(label, input, hint) {
  input.id ||= `field-${++numbers}`;
  const told = hint && el("small", { id: `${input.id}-hint` }, hint);
  if (told) input.setAttribute("aria-describedby", told.id);
  return el("div", { className: "field" }, el("label", { htmlFor: input.id }, label), input, told);
}

/** A select of these choices: pairs of a value and its text. */
export const choice = (choices, chosen) =>
  el("select", {}, ...choices.map(([value, text]) => el("option", { value, selected: value === chosen }, text)));

/**
 * Ask, act, and report. `title` is a question; `says` is the effect, a sentence or elements. `fields` are the choices of the
 * manager; `yes` are the words of the button. `run(wish, say)` acts, with the key of the wish, and returns what was done;
 * `say(sentence)` reports progress.
 *
 * After a refusal the next try is a new wish: nothing was done. Where no answer came it is the same one, as it was said, so
 * that its effect is there once. Resolves with true if it was done.
 */
export function change({ title, says, fields = [], yes, run }) {
  return new Promise((resolve) => {
    let wish = null;
    let isDone = false;
    const reason = el("input", { maxLength: LONGEST, required: true, autocomplete: "off", pattern: ".*\\S.*" });
    const wanted = el("fieldset", { className: "plain" }, ...fields, field(t("reason.label"), reason));
    const progress = el("p", { className: "hint", role: "status" });
    const refused = el("p", { className: "refused", role: "alert" });
    const go = el("button", {}, yes);
    const no = el("button", { type: "button", className: "quiet" }, t("reason.no"));
    const form = el("form", {}, wanted, progress, refused, el("div", { className: "row" }, go, no));
    const heading = el("h2", { id: `asked-${++numbers}` }, title);
    const dialog = el("dialog", { className: "change", "aria-labelledby": heading.id }, heading, el("div", { className: "says" }, says), form);
    const say = (sentence) => {
      progress.textContent = sentence;
    };
    const refuse = (problem) => {
      if (problem.status === 401) {
        dialog.close();
        return failed(problem);
      }
      if (!problem.status && problem.name !== "Error") console.error(problem);
      const isUnknown = !problem.status || problem.status >= 500;
      if (!isUnknown) wish = null;
      wanted.disabled = isUnknown;
      say("");
      refused.textContent = isUnknown ? `${sentenceOf(problem)} ${t("change.again")}` : sentenceOf(problem);
      if (isUnknown) go.focus();
    };
    form.addEventListener("submit", (submitted) => {
      submitted.preventDefault();
      refused.textContent = "";
      once(go, async () => {
        wish ??= wishOf(reason.value.trim());
        const sentence = await run(wish, say);
        isDone = true;
        dialog.close();
        done(sentence);
      }, refuse);
    });
    no.addEventListener("click", () => go.ariaBusy === "true" || dialog.close());
    dialog.addEventListener("cancel", (event) => go.ariaBusy === "true" && event.preventDefault());
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(isDone);
    });
    document.body.append(dialog);
    dialog.showModal();
    (wanted.querySelector("input, select, textarea") ?? reason).focus();
  });
}
