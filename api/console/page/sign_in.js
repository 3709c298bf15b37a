// The form for a token.

import { announce } from "/assets/announce.js";
import { byId, el, focusOn, once } from "/assets/dom.js";
import { t } from "/assets/words.js";
import { forgetToken, keepToken, signIn } from "./session.js";

/** Show the form in place of the view, with a sentence about what was wrong, if anything was; `entered()` follows. */
export function showSignIn(problem, entered) {
  const input = el("input", { id: "token", type: "password", autocomplete: "off", required: true, "aria-describedby": "refused" });
  const refused = el("p", { id: "refused", className: "refused", role: "alert" }, problem?.message ?? "");
  const submit = el("button", {}, t("sign_in.go"));
  const refuse = (sentence) => {
    refused.textContent = sentence;
    input.setAttribute("aria-invalid", "true");
    input.focus();
  };
  const form = el("form", { className: "panel sign-in" },
    el("label", {}, el("span", {}, t("sign_in.token")), input), refused, el("div", { className: "row" }, submit),
    el("p", { className: "hint" }, t("sign_in.how"), " ", el("code", {}, "onsale token --role manager --sub you --link")));
  form.addEventListener("submit", (submitted) => {
    submitted.preventDefault();
    once(submit, async () => {
      if (!keepToken(input.value)) return refuse(t("sign_in.no_token"));
      await signIn();
      entered();
    }, (refusal) => {
      if (refusal.status) forgetToken();
      refuse(refusal.message);
    });
  });
  const heading = el("h1", {}, t("sign_in.title"));
  byId("main").replaceWith(el("main", { id: "main", className: "page-sign-in" }, heading, form));
  document.title = `${t("sign_in.title")} · ${t("site")}`;
  focusOn(heading);
  announce(t("sign_in.title"));
}
