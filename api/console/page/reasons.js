// Changes that ask for a reason: what is about to happen is said first, and the audit log keeps why.

import { call } from "/assets/api.js";
import { el } from "/assets/dom.js";
import { uuid } from "/assets/store.js";
import { t } from "/assets/words.js";

const LONGEST = 500;

/**
 * Ask for a reason. `title` is a question, `says` what will happen: a sentence, or elements; `yes` the words of the button.
 * Resolves with the reason, or with null if nothing is to happen. The focus goes back to where it was.
 */
export function askReason(title, says, { yes, reason = "" }) {
  return new Promise((resolve) => {
    const input = el("input", { id: "reason", maxLength: LONGEST, required: true, autocomplete: "off", value: reason });
    const form = el("form", { method: "dialog" },
      el("label", { className: "wide" }, el("span", {}, t("reason.label")), input),
      el("button", { value: "yes" }, yes),
      el("button", { value: "no", className: "quiet", formNoValidate: true }, t("reason.no")));
    const heading = el("h2", { id: "asked" }, title);
    const dialog = el("dialog", { "aria-labelledby": "asked" }, heading, el("div", {}, says), form);
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes" ? input.value.trim() : null);
    });
    document.body.append(dialog);
    dialog.showModal();
    input.focus();
  });
}

/** The header that tells the audit log why. Headers have Latin letters alone, so it is encoded (RFC 8187). */
const because = (reason) => ({ "X-Reason": `UTF-8''${encodeURIComponent(reason)}` });

/**
 * One change with its reason. It has one key, so it may be called again with the same `wish` until an answer comes, and has
 * its effect once. Make the wish with `wishOf(reason)`, once per decision of the manager.
 */
export const act = (method, path, body, wish) =>
  call(method, path, body, { key: wish.key, headers: because(wish.reason) });

/** A decision of the manager: its reason, and the key of the one effect that it may have. */
export const wishOf = (reason) => ({ reason, key: uuid() });
