// Questions to people.

import { el } from "/assets/dom.js";

/** True if the answer is yes. The focus goes back to where it was. */
export function ask(title, text, { yes, no }) {
  return new Promise((resolve) => {
    const agree = el("button", { value: "yes" }, yes);
    const form = el("form", { method: "dialog" }, agree, el("button", { value: "no", className: "quiet" }, no));
    const heading = el("h2", { id: "asked" }, title);
    const dialog = el("dialog", { "aria-labelledby": "asked" }, heading, el("p", {}, text), form);
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
